"""`manage.py import_photos DIR`: take in a folder of photographs. Safe to kill and to run again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.collect.batch import NAMED, STOPPED, Report, take_in_batch
from gallery.collect.intake import clean
from gallery.collect.sources.folder import Folder, ManifestError


class Command(BaseCommand):
    help = "Take in the photographs of a folder, with what its manifest.csv says of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--manifest", type=Path, help="a CSV elsewhere (default: manifest.csv in or beside the folder)"
        )

    def handle(self, *args: Any, folder: Path, manifest: Path | None, **options: Any) -> None:
        source = _look_into(folder, manifest)
        report = Report()
        try:
            take_in_batch(source.photographs(report.reject), len(source.files), "Importing", report)
        except KeyboardInterrupt:
            raise CommandError(STOPPED, returncode=130) from None
        for line in report.lines():
            self.stdout.write(line)
        if source.missing:
            names = ", ".join(clean(name, 120) for name in source.missing[:NAMED])
            more = ", …" if len(source.missing) > NAMED else ""
            self.stdout.write(f"{len(source.missing):6}  named in the manifest and not there: {names}{more}")
        if not report.kept:
            raise CommandError(f"Nothing in {folder} could be taken in.")


def _look_into(folder: Path, manifest: Path | None) -> Folder:
    """The folder and its manifest, or a sentence that says what is wrong with them."""
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.")
    if manifest is not None and not manifest.is_file():
        raise CommandError(f"There is no file {manifest}.")
    try:
        source = Folder(folder, manifest)
    except ManifestError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error
    if not source.files:
        raise CommandError(f"{folder} holds no photographs (JPEG, PNG, WebP or AVIF).")
    return source
