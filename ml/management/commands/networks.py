"""manage.py networks [--json]: every network that can be trained, with its size."""

import json

from django.core.management.base import BaseCommand, CommandParser

from ml import cli


class Command(BaseCommand):
    help = "List the networks: parameters, FLOPs of one photograph, input, tasks, paper. No database is needed."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--defaults", action="store_true", help="what can be set, as ml/nets/settings.json has it")

    def handle(self, *args, **options) -> None:
        with cli.one_sentence():
            from ml import described

            if options["defaults"]:
                self.stdout.write(json.dumps(described.settings(), indent=1))
                return
            found = described.all_networks()
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=1))
            return
        for row in found:
            inputs = " + ".join("x".join(map(str, shape)) for shape in row["inputs"])
            self.stdout.write(
                f"{row['name']:<14} {row['parameters'] / 1e6:8.2f} M parameters  {row['gflops']:7.2f} GFLOP  "
                f"input {inputs}  {', '.join(row['tasks'])}\n{'':<14} {row['paper']}"
            )
