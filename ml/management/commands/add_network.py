"""manage.py add_network FILE: let a network made elsewhere stand in the admin, to be compared and promoted."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandParser

from ml import cli, interface


class Command(BaseCommand):
    help = (
        "Add a network file as a candidate. A starter network comes in as it is; a network of manage.py networks that "
        "says beauty or the six moods is joined to a starter, which says the rest. Promote it in the admin."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a network's file, or its name in the networks folder")
        parser.add_argument("--base", help="the starter beneath it (default: the shipped one)")

    def handle(self, *args, **options) -> None:
        with cli.one_sentence():
            network = cli.network_named(options["file"])
            added = interface.add(network, cli.network_named(options["base"]))
        self.stdout.write(f"Added {added.name} as a candidate: compare and promote it in the admin.")
        self.stdout.write(str(Path(cli.networks_folder()) / f"{added.name}.safetensors"))
