"""`manage.py import_photos DIR`: take in a folder of photographs. Safe to kill and to run again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.collect.batch import take_in_batch
from gallery.collect.sources.folder import Folder, ManifestError


class Command(BaseCommand):
    help = "Take in the photographs of a folder, with what its manifest.csv says of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--manifest", type=Path, help="a CSV elsewhere (default: manifest.csv in or beside the folder)"
        )

    def handle(self, *args: Any, folder: Path, manifest: Path | None, **options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.")
        if manifest is not None and not manifest.is_file():
            raise CommandError(f"There is no file {manifest}.")
        source = Folder(folder, manifest)
        try:
            files = source.files()
            if not files:
                raise CommandError(f"{folder} holds no photographs (JPEG, PNG, WebP or AVIF).")
            source.facts()
            source.missing.clear()
            report = take_in_batch(source.photographs(), len(files), "Importing")
        except ManifestError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error
        for line in report.lines():
            self.stdout.write(line)
        if source.missing:
            names = ", ".join(source.missing[:5])
            self.stdout.write(f"{len(source.missing)} files that the manifest names are not there: {names}")
