"""`manage.py publish_dataset OUT`: write the next version. Killed, it leaves nothing that looks whole."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from gallery.dataset.describe import NAME, About
from gallery.dataset.publish import PublishError, publish
from gallery.dataset.shards import SHARD_BYTES
from gallery.models import DatasetVersion

MOST = 4000  # MB: a reader refuses larger shards


class Command(BaseCommand):
    help = "Write the next version of the data set into a folder: tables, shards, metadata, datasheet, checksums."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", type=Path, help="a folder that is empty or not there")
        parser.add_argument("--url", default="", help="where the data set can be found, for its metadata")
        parser.add_argument("--publisher", default=NAME, help="who publishes it (default %(default)s)")
        parser.add_argument("--contact", default="", help="where to write to, for its datasheet")
        parser.add_argument(
            "--shard-mb", type=int, default=SHARD_BYTES // 10**6, help="size of a shard (default %(default)s MB)"
        )

    def handle(self, *args: Any, out: Path, **options: Any) -> None:
        if not 1 <= options["shard_mb"] <= MOST:
            raise CommandError(f"--shard-mb must be between 1 and {MOST}.")
        about = About(options["url"], options["publisher"], options["contact"])
        try:
            with tqdm(desc="Publishing", unit=" photographs", disable=None) as bar:
                version = publish(out, about, options["shard_mb"] * 10**6, lambda done, total: _show(bar, done, total))
        except PublishError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or out} cannot be written: {error.strerror}.") from error
        self.stdout.write("\n".join(_lines(out, version)))


def _show(bar: Any, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _lines(out: Path, version: DatasetVersion) -> list[str]:
    facts = version.summary
    splits = ", ".join(f"{split} {count}" for split, count in facts["by_split"].items())
    lines = [
        f"Version {version.version} in {out}",
        f"{version.photos:8}  photographs ({splits})",
        f"{version.files:8}  of them with their bytes, {facts['bytes'] / 1e6:.0f} MB; addresses of the others",
        f"{facts['removed']:8}  in removed.csv",
    ]
    if facts["left_out"]:
        lines.append(f"{facts['left_out']:8}  left out: they would join different splits, or too many creators")
    if facts["lost_originals"]:
        lines.append(f"{facts['lost_originals']:8}  originals could not be read or are damaged: addresses only")
    return [*lines, f"SHA-256 of its checksums: {version.sha256}"]
