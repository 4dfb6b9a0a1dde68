"""`manage.py import_dataset OUT`: take in a published version. Safe to kill and to run again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from gallery.collect.batch import STOPPED
from gallery.collect.duplicates import BLOCKED
from gallery.dataset.read import DatasetError, Published, opened
from gallery.dataset.receive import NO_ADDRESS, SOURCE, Received, receive

TOLD = {
    "waiting": f"addresses, to be fetched by `manage.py crawl {SOURCE}`",
    "rejected": f"without an address, so they cannot be fetched: kept in that crawl as “{NO_ADDRESS}”",
    "here": "addresses of photographs that are here already",
    "told_of": "addresses that a crawl knows already",
    "hidden": "photographs here were hidden: the version lists them as removed",
    "removed": "listed as removed: they are not fetched",
    **{because: f"left out: {sentence}" for because, sentence in BLOCKED.items() if because != "removed"},
    "blocked": f"left out: {BLOCKED['removed']}",
}


class Command(BaseCommand):
    help = "Take in a published version of the data set: its photographs, and the addresses of those without bytes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder of a published version")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            with tqdm(desc="Checking", unit="B", unit_scale=True, disable=None) as bar:
                version = opened(folder, lambda done, total: _show(bar, done, total))
            with tqdm(desc="Importing", unit=" photographs", disable=None) as bar:
                received = receive(version, lambda done, total: _show(bar, done, total))
        except DatasetError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(STOPPED, returncode=130) from None
        except OSError as error:
            raise CommandError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error
        self.stdout.write("\n".join(_lines(version, received)))


def _show(bar: Any, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _lines(version: Published, received: Received) -> list[str]:
    lines = [
        f"Version {version.name}, {version.photos} photographs, whole and undamaged",
        *received.photographs.lines(),
    ]
    for what, sentence in TOLD.items():
        if count := received.counts[what]:
            lines.append(f"{count:6}  {sentence}")
    return lines
