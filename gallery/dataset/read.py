"""A published version as a stranger may hand it to us: checked whole before anything of it is used, then row by row.

Nothing in it is trusted: only files of the names that we write are read, members of shards are matched by name and
hash, texts are cut to what our tables hold, and every size is looked at before its bytes.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gallery.collect.intake import TAGS, clean_url, printable
from gallery.collect.render import MOST_BYTES
from gallery.dataset import files, shards
from gallery.dataset.columns import ID_DIGITS, PHOTOS, SPLITS, Row, part_of, photo_id, schema
from gallery.licences import LICENCES
from gallery.models import Candidate, Photo
from gallery.moods import MOODS

MOST_SUMS = 32 << 20  # bytes of the list of checksums
MOST_GROUP = 64 << 20  # bytes of a row group, unpacked
MOST_TEXT = 8000  # characters of one cell, before it is cut to its column
MOST_SHARD = 5_000_000_000
URLS = ("source_url", "file_url", "creator_url", "licence_url")
TEXTS = ("title", "alt", "creator", "owner")

_SUM = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9._/-]{1,120})")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CLUSTER = re.compile(rf"(?:[0-9a-f]{{{ID_DIGITS}}})?")
_VERSION = re.compile(r"\d{4}\.\d{1,9}")
_SOURCE = re.compile(r"[a-z0-9_-]{1,32}")
_WORD = re.compile(r"[\w -]{0,40}")
_LICENCE_VERSION = re.compile(r"(?:\d\.\d)?")

Progress = Callable[[int, int], None]


class DatasetError(Exception):
    """A version that cannot be read, in one sentence that names the file."""


@dataclass(frozen=True)
class Published:
    """A version whose files are all there and undamaged. `sha256` is that of its list of checksums."""

    folder: Path
    name: str
    sha256: str
    photos: int


@dataclass(frozen=True)
class Removed:
    """A line of removed.csv."""

    source: str
    source_id: str
    on: date
    because: str


def opened(folder: Path, progress: Progress | None = None) -> Published:
    """Check every file against SHA256SUMS; progress(bytes done, all). Raises DatasetError."""
    sums, sha256 = _sums(folder)
    sizes = {name: _size(folder, name) for name in sums}
    done = 0
    for name, expected in sums.items():
        if files.digest(folder / name) != expected:
            raise DatasetError(f"{name} is damaged or cut off: it is not what SHA256SUMS says.")
        done += sizes[name]
        if progress is not None:
            progress(done, sum(sizes.values()))
    return Published(folder, _name(folder), sha256, _check_table(folder))


def _sums(folder: Path) -> tuple[dict[str, str], str]:
    """Checksums by file, and the SHA-256 of the list."""
    path = folder / files.SUMS
    if not path.is_file():
        raise DatasetError(f"{folder} holds no published version: there is no {files.SUMS}.")
    if path.stat().st_size > MOST_SUMS:
        raise DatasetError(f"{files.SUMS} is too large.")
    content = path.read_bytes()
    lines = [_SUM.fullmatch(line) for line in content.decode("ascii", "replace").splitlines()]
    sums = {
        line[2]: line[1] for line in lines if line and (line[2] in files.REQUIRED or files.SHARD.fullmatch(line[2]))
    }
    if len(sums) != len(lines):
        raise DatasetError(f"{files.SUMS} is damaged, or names files that a version does not have.")
    if missing := sorted(files.REQUIRED - sums.keys()):
        raise DatasetError(f"{files.SUMS} is cut off: it does not name {', '.join(missing)}.")
    return sums, hashlib.sha256(content).hexdigest()


def _ours(name: str) -> bool:
    return name in files.REQUIRED or bool(files.SHARD.fullmatch(name))


def _size(folder: Path, name: str) -> int:
    path = folder / name
    if not path.is_file():
        raise DatasetError(f"{name} is missing.")
    if path.stat().st_size > MOST_SHARD:
        raise DatasetError(f"{name} is larger than a version's files are.")
    return path.stat().st_size


def _name(folder: Path) -> str:
    """The version that the list of changes names."""
    with open(folder / f"{files.CHANGES}.md", encoding="utf-8", errors="replace") as file:
        found = _VERSION.search(file.readline(200))
    if found is None:
        raise DatasetError(f"{files.CHANGES}.md does not name a version.")
    return found[0]


def _check_table(folder: Path) -> int:
    """Whether the table has our columns and groups of a size that memory holds; its rows."""
    try:
        with pq.ParquetFile(folder / files.TABLE) as file:
            if not file.schema_arrow.equals(schema(PHOTOS)):
                raise DatasetError(f"{files.TABLE} does not have the columns of a published version.")
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
            if any(group.num_rows > files.ROWS or group.total_byte_size > MOST_GROUP for group in groups):
                raise DatasetError(f"{files.TABLE} is not laid out as a published version's.")
            return int(file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{files.TABLE} cannot be read as a Parquet table.") from error


def rows(version: Published) -> Iterator[Row]:
    """Every row, checked and its texts cut to our columns. Raises DatasetError."""
    texts = [name for name, (kind, _) in PHOTOS.items() if kind == pa.string()]
    path = version.folder / files.TABLE
    try:  # dictionaries are looked at before they are unfolded: one long text can stand in every row
        with pq.ParquetFile(path, read_dictionary=[*texts, "tags.list.element"]) as file:
            for batch in file.iter_batches(batch_size=files.ROWS):
                if any(_longest(column) > MOST_TEXT for column in batch.columns):
                    raise DatasetError(f"{files.TABLE} holds a text that is too long.")
                yield from map(_checked, batch.to_pylist())
    except (pa.ArrowException, OSError, OverflowError, UnicodeDecodeError) as error:
        raise DatasetError(f"{files.TABLE} cannot be read as a Parquet table.") from error


def _longest(column: pa.Array) -> int:
    """Bytes of the longest text in a column."""
    if pa.types.is_list(column.type):
        column = column.flatten()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    return (pc.max(pc.binary_length(column)).as_py() or 0) if pa.types.is_string(column.type) else 0


def _checked(row: Row) -> Row:
    """The row, or DatasetError: what we would not have written ourselves is not guessed at."""
    nullable = ("taken_at", "uploaded_at")
    if any(value is None for name, value in row.items() if name not in nullable) or not _plausible(row):
        raise DatasetError(f"{files.TABLE} holds a row that no version has: {printable(str(row['id']))[:40]}.")
    return {
        **row,
        **{name: printable(row[name])[: _most(name)] for name in TEXTS},
        **{name: clean_url(row[name], _most(name)) for name in URLS},
        "tags": [printable(tag)[:100] for tag in row["tags"][:TAGS] if tag],
    }


def _most(name: str) -> int:
    """Characters that our tables hold of a column."""
    table = Candidate if name == "file_url" else Photo
    return int(getattr(table, name).field.max_length)


def _plausible(row: Row) -> bool:
    fits: list[bool] = [
        bool(_SHA256.fullmatch(row["sha256"])) and row["id"] == photo_id(row["sha256"]),
        bool(_SOURCE.fullmatch(row["source"])) and 0 < len(row["source_id"]) <= 200,
        printable(row["source_id"]) == row["source_id"],
        row["mood"] in MOODS and row["split"] in SPLITS and row["licence"] in LICENCES,
        bool(_CLUSTER.fullmatch(row["cluster"]) and _WORD.fullmatch(row["word"])),
        bool(_LICENCE_VERSION.fullmatch(row["licence_version"])),
        _well_placed(row),
        all(row[name] is None or row[name].year >= 1 for name in ("taken_at", "uploaded_at")),
        0 < row["bytes"] <= MOST_BYTES,
    ]
    return all(fits)


def _well_placed(row: Row) -> bool:
    """Whether its part and shard are those of its licence and split."""
    if not row["redistributed"]:
        return not row["part"] and not row["shard"]
    start = f"shards/{row['part']}/{row['split']}-"
    return row["part"] == part_of(row["licence"]) != "" and row["shard"].startswith(start)


class Contents:
    """The original bytes of photographs, asked for in the order of the table: each shard is read once."""

    def __init__(self, version: Published) -> None:
        self._folder = version.folder
        self._open: dict[str, tuple[str, Iterator[tuple[str, bytes, bytes]]]] = {}  # by part and split

    def of(self, row: Row) -> bytes:
        """The bytes of a row's photograph, which are those of its SHA-256. Raises DatasetError."""
        group, shard = row["shard"].rpartition("-")[0], row["shard"]
        if group not in self._open or self._open[group][0] != shard:
            self._open[group] = shard, self._photographs(shard)
        name, content, _ = next(self._open[group][1], ("", b"", b""))
        if name != row["id"] or hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise DatasetError(f"{shard} does not hold {row['id']} where {files.TABLE} says.")
        return content

    def _photographs(self, shard: str) -> Iterator[tuple[str, bytes, bytes]]:
        if not files.SHARD.fullmatch(shard) or not (self._folder / shard).is_file():
            raise DatasetError(f"{files.TABLE} names a shard that is not there.")
        try:
            yield from shards.photographs(self._folder / shard)
        except shards.ShardError as error:
            raise DatasetError(str(error)) from error


def removed(version: Published) -> Iterator[Removed]:
    """What was taken down or has gone. Raises DatasetError."""
    for line in _lines(version, files.REMOVED):
        try:
            on = date.fromisoformat(line["removed_on"])
        except ValueError:
            raise DatasetError(f"{files.REMOVED} holds a day that is none.") from None
        source_id = printable(line["source_id"])[:200]
        if not _SOURCE.fullmatch(line["source"]) or not source_id:
            raise DatasetError(f"{files.REMOVED} holds a line that no version has.")
        yield Removed(line["source"], source_id, on, printable(line["because"])[:32])


def different(version: Published) -> Iterator[tuple[str, str]]:
    """Pairs of sha256 that a person called different. Raises DatasetError."""
    for line in _lines(version, files.DIFFERENT):
        if not all(_SHA256.fullmatch(line[name]) for name in files.CSV_COLUMNS[files.DIFFERENT]):
            raise DatasetError(f"{files.DIFFERENT} holds a line that no version has.")
        yield line["first"], line["second"]


def _lines(version: Published, name: str) -> Iterator[dict[str, Any]]:
    try:
        with open(version.folder / name, newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file, restval="", strict=True):
                if tuple(line) != files.CSV_COLUMNS[name]:
                    raise DatasetError(f"{name} does not have the columns of a published version.")
                yield line
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{name} cannot be read as CSV.") from error
