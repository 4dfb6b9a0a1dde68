"""manage.py install_weights NAME ...: weights that Evoke does not ship, fetched, checked and put in place."""

import signal
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from ml import cli, weights

NAMES = ("imagenet", "places365", weights.SAFETY, *weights.IMAGENET)


class Command(BaseCommand):
    help = "Install weights that others publish (--list names them). Safe to stop: nothing half-done stays."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
        parser.add_argument(
            "--network", choices=("resnet18", "resnet50"), default="resnet18", help="of places365 (default: resnet18)"
        )
        parser.add_argument("--from", type=Path, metavar="DIR", help="take the published files from a folder instead")
        parser.add_argument("--list", action="store_true", help="what can be installed, and what is")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            return self._list()
        if not options["names"] or not set(options["names"]) <= set(NAMES):
            raise CommandError(f"Name the weights to install: {', '.join(NAMES)}.")
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what is half-done is cleared away
        for name in _chosen(options["names"], options["network"]):
            self._install(name, options["from"])

    def _install(self, name: str, source: Path | None) -> None:
        folder = weights.folder_of(name, cli.networks_folder())
        try:
            with cli.one_sentence(), _bar() as bar:
                done = weights.install(name, folder, bar, source)
        except KeyboardInterrupt:
            raise CommandError(f"Stopped: nothing of {name} was installed.") from None
        except CommandError as error:
            raise CommandError(f"{error} Nothing of {name} was installed.") from error
        self.stdout.write(f"{'Installed' if done.new else 'Already installed:'} {done.path}")
        for file, digits in done.sha256.items() if done.new else ():
            self.stdout.write(f"  {digits}  {file}")

    def _list(self) -> None:
        for name, known in weights.KNOWN.items():
            group, _, network = name.partition("-")
            place = weights.folder_of(name, cli.networks_folder()) / known.name
            last, asked = known.files[-1], f"{group} --network {network}" if network else name
            self.stdout.write(
                f"{asked:<29} {'installed' if place.is_file() else '-':<10} "
                f"{'up to ' if network else ''}{last.most / weights.MIB:.0f} MiB, SHA-256 "
                f"{last.sha256 or 'recorded when it first comes'}, for {known.about}\n    {last.url}"
            )


def _chosen(names: list[str], network: str) -> list[str]:
    """Keys of weights.KNOWN, each once."""
    groups = {"imagenet": list(weights.IMAGENET), "places365": [f"places365-{network}"]}
    return list(dict.fromkeys(key for name in names for key in groups.get(name, [name])))


class _bar:
    """A progress function that draws a bar a file on stderr."""

    def __enter__(self) -> "_bar":
        self.line: Any = None
        self.name = ""
        return self

    def __call__(self, name: str, done: int, total: int) -> None:
        if name != self.name:
            self.__exit__()
            self.name = name
            self.line = tqdm(
                total=total or None, desc=name, unit="B", unit_scale=True, unit_divisor=1024, file=sys.stderr,
                disable=None,
            )  # fmt: skip
        self.line.update(done - self.line.n)

    def __exit__(self, *failed: object) -> None:
        if self.line is not None:
            self.line.close()
