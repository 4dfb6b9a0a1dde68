"""The files of a version on disk: their names, tables row by row, and checksums."""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from gallery.dataset.columns import PHOTOS, SCORES, Row, schema

SUMS, TABLE, SCORE_TABLE = "SHA256SUMS", "photos.parquet", "scores.parquet"
REMOVED, DIFFERENT = "removed.csv", "different.csv"
CROISSANT, DATASHEET, CHANGES = "croissant.json", "datasheet.md", "changes"
REQUIRED = frozenset({TABLE, SCORE_TABLE, REMOVED, DIFFERENT, CROISSANT, DATASHEET, f"{CHANGES}.json", f"{CHANGES}.md"})
SHARD = re.compile(r"shards/(open|nc|sa|nd|nc-sa|nc-nd)/(train|val|test)-\d{6}\.tar")
CSV_COLUMNS = {REMOVED: ("source", "source_id", "removed_on", "because"), DIFFERENT: ("first", "second")}
ROWS = 2000  # in a row group: what a reader holds at once
COLUMNS = {TABLE: PHOTOS, SCORE_TABLE: SCORES}


@contextmanager
def table(folder: Path, name: str) -> Iterator["Table"]:
    """A Parquet table being written, by its file's name."""
    with pq.ParquetWriter(folder / name, schema(COLUMNS[name]), compression="zstd") as writer:
        kept = Table(writer)
        yield kept
        kept.flush()


class Table:
    """Takes rows one by one and writes them in groups of ROWS."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer, self._rows = writer, list[Row]()

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._writer.schema))
        self._rows = []


def write_csv(folder: Path, name: str, lines: Iterable[tuple[str, ...]]) -> int:
    """Write one of CSV_COLUMNS; how many lines it has below its head."""
    count = 0
    with open(folder / name, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS[name])
        for line in lines:
            writer.writerow(line)
            count += 1
    return count


def rows(source: Path | IO[Any]) -> Iterator[Row]:
    """The rows of a table, a group at a time in memory."""
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(batch_size=ROWS):
            yield from batch.to_pylist()


def write_sums(folder: Path) -> str:
    """Write SHA256SUMS over all other files, as `sha256sum -c` reads it; the SHA-256 of the list itself."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    text = "".join(f"{digest(folder / name)}  {name}\n" for name in names if name != SUMS)
    (folder / SUMS).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def in_parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The items in lists of at most `size`."""
    left = iter(items)
    while part := list(islice(left, size)):
        yield part
