"""A folder of one's own photographs, with a manifest of what is known of them.

Licence: as the manifest states it; without one a photograph is kept and never shown. No limits, no key.
"""

import csv
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from gallery.collect.intake import Facts
from gallery.collect.render import MOST_BYTES
from gallery.collect.sources.base import Answer, Candidate, Query, SourceRefused
from gallery.moods import Mood

PAGE_SIZE = 200
MANIFEST = "manifest.csv"
SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif"}
ALIASES = {"license": "licence", "license_url": "licence_url"}
SENSITIVE = {"": False, "0": False, "no": False, "false": False, "1": True, "yes": True, "true": True}


class ManifestError(ValueError):
    """A manifest that cannot be used; one sentence that names file and line."""


@dataclass
class Folder:
    """Photographs of a folder (or of its `photos/`) and of the folders in it; `manifest.csv` in or beside it, or named.

    Read once, when it is made; raises ManifestError, and OSError where the folder cannot be listed. `files` are names
    below `photos`, as a manifest writes them.
    """

    root: Path
    manifest: Path | None = None
    photos: Path = field(init=False)
    files: list[str] = field(init=False)
    facts: dict[str, Facts] = field(init=False)
    missing: list[str] = field(init=False)  # named in the manifest, not there

    def __post_init__(self) -> None:
        inside = self.root / "photos"
        self.photos = inside if inside.is_dir() else self.root
        places = (self.photos / MANIFEST, self.root / MANIFEST, self.root.parent / MANIFEST)
        self.manifest = self.manifest or next((place for place in places if place.is_file()), None)
        self.facts = _read(self.manifest) if self.manifest else {}
        there = set(_look_alike(self.photos))
        named = {name for name in self.facts if name not in there and (self.photos / name).is_file()}
        self.files = sorted(there | named)
        self.missing = [name for name in self.facts if name not in there | named]

    def photographs(self, refuse: Callable[[str, str], None]) -> Iterator[tuple[str, bytes, Facts]]:
        """Name, bytes and facts of every file; refuse(name, reason) is told of one that cannot be read.

        A file too large is read just far enough to be refused.
        """
        for name in self.files:
            try:
                with open(self.photos / name, "rb") as file:
                    content = file.read(MOST_BYTES + 1)
            except OSError:
                refuse(name, "unreadable")
                continue
            yield name, content, self.facts.get(name, Facts(source="folder"))


class FolderSource:
    """The same folder for a crawl: its files by the mood that the manifest names, each known by its content's hash."""

    name = "folder"
    window = 1 << 62
    searches_titles = False

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def check(self) -> list[str]:
        missing = self.folder.missing
        return [f"{len(missing)} files of the manifest are not there: {', '.join(missing[:5])}."] if missing else []

    def queries(self, mood: Mood, since: int, until: int) -> list[Query]:
        return [Query(mood.slug, "")]

    def search(self, query: Query, page: int) -> Answer:
        names = [name for name in self.folder.files if self._facts(name).mood_tag == query.mood]
        mine = names[PAGE_SIZE * (page - 1) : PAGE_SIZE * page]
        found = [self._candidate(name) for name in mine]
        marks: list[tuple[str, int | None]] = [(candidate.facts.source_id, None) for candidate in found]
        return Answer(found, marks, total=len(names), last=PAGE_SIZE * page >= len(names))

    def split(self, query: Query, total: int) -> list[Query]:
        return []

    def content(self, candidate_url: str) -> bytes | None:
        """The file's bytes, just far enough to be refused where it is too large; b"" where it cannot be read."""
        if candidate_url not in self._names:
            return b""
        try:
            with open(self.folder.photos / candidate_url, "rb") as file:
                return file.read(MOST_BYTES + 1)
        except OSError:
            return b""

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.folder.files)

    def _facts(self, name: str) -> Facts:
        return self.folder.facts.get(name, Facts(source="folder"))

    def _candidate(self, name: str) -> Candidate:
        try:
            with open(self.folder.photos / name, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return Candidate(name, replace(self._facts(name), source_id=name[:200]), "unreadable")
        return Candidate(name, replace(self._facts(name), source_id=digest))


def open_source(options: dict[str, Any]) -> FolderSource:
    """The folder that a crawl's options name. Raises SourceRefused."""
    root = Path(options.get("folder") or "")
    if not options.get("folder") or not root.is_dir():
        raise SourceRefused(f"There is no folder {root}: name one by --folder.")
    try:
        return FolderSource(Folder(root.resolve()))
    except (ManifestError, OSError) as error:
        raise SourceRefused(str(error)) from error


def _look_alike(folder: Path) -> Iterator[str]:
    """Files that look like photographs; whether they are is told by their bytes. What is hidden stays so."""
    for here, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield (Path(here) / name).relative_to(folder).as_posix()


def _raise(error: OSError) -> None:
    raise error


def _read(manifest: Path) -> dict[str, Facts]:
    """What a manifest says, by file name."""
    try:
        with open(manifest, newline="", encoding="utf-8-sig") as file:
            return _rows(manifest, csv.DictReader(file))
    except UnicodeDecodeError as error:
        raise ManifestError(f"{manifest} is not UTF-8 text ({error.reason}).") from error
    except csv.Error as error:
        raise ManifestError(f"{manifest} cannot be read as CSV: {error}.") from error
    except OSError as error:
        raise ManifestError(f"{manifest} cannot be read: {error.strerror}.") from error


def _rows(manifest: Path, reader: csv.DictReader) -> dict[str, Facts]:
    columns = [ALIASES.get(name.strip().lower(), name.strip().lower()) for name in reader.fieldnames or ()]
    if "file" not in columns:
        raise ManifestError(f"{manifest}, line 1: there is no column named file.")
    reader.fieldnames = columns
    facts: dict[str, Facts] = {}
    for row in reader:
        try:
            name, said = _row(row)
            if name in facts:
                raise ManifestError(f"{name!r} is named a second time.")
        except ManifestError as error:
            raise ManifestError(f"{manifest}, line {reader.line_num}: {error}") from None
        facts[name] = said
    return facts


def _row(row: dict[str | Any, str | Any]) -> tuple[str, Facts]:
    """File name and facts. A row with a cell too many is refused: its licence may stand in another's place."""
    if None in row:
        raise ManifestError("it has more cells than line 1 (is a comma not quoted?).")
    cells = {column: (cell or "").strip() for column, cell in row.items()}
    path = PurePosixPath(cells["file"])
    if not cells["file"] or path.is_absolute() or ".." in path.parts or set(cells["file"]) & {"\\", "\0"}:
        raise ManifestError(f"{cells['file']!r} is not the name of a file in the folder.")
    if cells.get("sensitive", "").lower() not in SENSITIVE:
        raise ManifestError(f"sensitive must be 0 or 1, not {cells['sensitive']!r}.")
    return path.as_posix(), _facts(cells)


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
        sensitive=SENSITIVE[row.get("sensitive", "").lower()],
    )
