"""manage.py evaluate NAME|FILE --data KIND:DIR: figures by the field's protocol, beside those that others published."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import cli, files


class Command(BaseCommand):
    help = (
        "Judge a network. A file (or a name in the networks folder) is judged as it is, on the test part of the data, "
        "split as its training split them. A name of manage.py networks is trained anew with several seeds, each "
        "judged on the test part. The starter is judged by folds: see evaluate_scores."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("network", help="NAME of manage.py networks, or a network's file")
        parser.add_argument("--data", action="append", default=[], metavar="KIND:DIR", required=True)
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as for train")
        parser.add_argument("--seeds", type=int, default=3, help="trainings of a NAME (default %(default)s)")
        parser.add_argument("--resume", action="store_true", help="go on with trainings that were stopped")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args, **options) -> None:
        if options["seeds"] < 1:
            raise CommandError("--seeds must be at least 1.")
        data = [cli.kind_and_folder(word) for word in options["data"]]
        with cli.one_sentence():
            from ml import reports

            if _is_file(options["network"]):
                network = files.find(options["network"], cli.networks_folder())
                report = reports.of_file(network, data, options["set"])
            else:
                report = self._anew(data, options)
        self.stdout.write(json.dumps(report, indent=1) if options["json"] else reports.markdown(report))

    def _anew(self, data: list[tuple[str, Path]], options: dict[str, Any]) -> dict[str, Any]:
        from ml import reports

        with cli.stoppable() as asked_to_stop:
            return reports.anew(
                options["network"],
                data,
                options["set"],
                seeds=options["seeds"],
                runs=cli.runs_folder(),
                out=cli.networks_folder(),
                resume=options["resume"],
                command=cli.command_line("evaluate", sys.argv[2:]),
                told=cli.epochs_bar(options["network"]),
                asked_to_stop=asked_to_stop,
            )


def _is_file(word: str) -> bool:
    return word.endswith(files.SUFFIX) or (cli.networks_folder() / f"{word}{files.SUFFIX}").is_file()
