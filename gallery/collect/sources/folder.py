"""A folder of one's own photographs, with a manifest of what is known of them.

Licence: as the manifest states it; without one a photograph is kept and never shown. No limits, no key.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gallery.collect.intake import Facts
from gallery.collect.render import MOST_BYTES

MANIFEST = "manifest.csv"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif"}


class ManifestError(ValueError):
    """A manifest that cannot be used; one sentence that names file and line."""


@dataclass
class Folder:
    """Photographs of a folder (or its `photos/`), with `manifest.csv` in it, beside it, or named."""

    root: Path
    manifest: Path | None = None
    missing: list[str] = field(default_factory=list)  # named in the manifest, not there

    def __post_init__(self) -> None:
        photos = self.root / "photos"
        self.photos = photos if photos.is_dir() else self.root
        self.manifest = self.manifest or next((p for p in self._usual_places() if p.is_file()), None)

    def _usual_places(self) -> tuple[Path, ...]:
        return self.photos / MANIFEST, self.root / MANIFEST, self.root.parent / MANIFEST

    def files(self) -> list[Path]:
        """Files that look like photographs, by name; whether they are is told by their bytes."""
        return sorted(p for p in self.photos.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())

    def photographs(self) -> Iterator[tuple[str, bytes, Facts]]:
        """Name, bytes and facts of every file. A file too large is read just far enough to be refused."""
        facts = self.facts()
        for path in self.files():
            with open(path, "rb") as file:
                yield path.name, file.read(MOST_BYTES + 1), facts.get(path.name, Facts(source="folder"))

    def facts(self) -> dict[str, Facts]:
        """What the manifest says, by file name. Raises ManifestError."""
        if self.manifest is None:
            return {}
        try:
            with open(self.manifest, newline="", encoding="utf-8-sig") as file:
                return dict(self._rows(csv.DictReader(file)))
        except UnicodeDecodeError as error:
            raise ManifestError(f"{self.manifest} is not UTF-8 text ({error.reason}).") from error
        except csv.Error as error:
            raise ManifestError(f"{self.manifest} cannot be read as CSV: {error}.") from error
        except OSError as error:
            raise ManifestError(f"{self.manifest} cannot be read: {error.strerror}.") from error

    def _rows(self, reader: csv.DictReader) -> Iterator[tuple[str, Facts]]:
        if "file" not in (reader.fieldnames or ()):
            raise ManifestError(f"{self.manifest}, line 1: there is no column named file.")
        there = {p.name for p in self.files()}
        for row in reader:
            name = (row["file"] or "").strip()
            if not name or name != Path(name).name:
                raise ManifestError(
                    f"{self.manifest}, line {reader.line_num}: {name!r} is not the name of a file in the folder."
                )
            if name not in there:
                self.missing.append(name)
            yield name, _facts({key: (value or "").strip() for key, value in row.items() if isinstance(key, str)})


def _facts(row: dict[str, str]) -> Facts:
    creator = row.get("creator", "")
    return Facts(
        source="folder",
        title=row.get("title", ""),
        creator="" if creator.lower() == "unknown" else creator,
        licence=row.get("licence", ""),
        licence_url=row.get("licence_url", ""),
        source_url=row.get("source_url", ""),
        tags=tuple(row.get("tags", "").split()),
        mood_tag=row.get("mood", ""),
        sensitive=row.get("sensitive", "") in ("1", "true", "yes"),
    )
