"""The Evoke collection in the form in which it is published, or a plain folder of photographs with a manifest.

A published version (site/docs/dataset.md): photos.parquet, a row a photograph, and shards/PART/SPLIT-NUMBER.tar with
the originals of those that may be given on. They are unpacked once, into a folder beside the version (which itself
never changes), each checked against its SHA-256. A plain folder: manifest.csv (file, mood; creator and others may
follow) and photos/. The mood is a label of words, not of feelings.
"""

import hashlib
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.data.labelled import labels_of
from ml.data.photographs import TEST, TRAIN, VALIDATION, Photographs
from ml.data.tables import DataError, photo_folder, rows
from ml.moods import MOODS

TABLE, MANIFEST = "photos.parquet", "manifest.csv"
COLUMNS = ("id", "sha256", "source", "creator", "creator_url", "owner", "bytes", "mood", "split", "cluster", "shard")
PARTS = {"train": TRAIN, "val": VALIDATION, "test": TEST}
ID = re.compile(r"[0-9a-f]{16}")
SHARD = re.compile(r"shards/[a-z-]{2,5}/(train|val|test)-\d{6}\.tar")

Row = dict[str, Any]


def read(folder: Path, unpacked: str = "", without: str = "") -> Photographs:
    """Label "emotion": the mood by whose words a photograph was found. Its version's split holds; groups are creators.

    unpacked: where photographs are unpacked to; "" for a folder beside the version, named for it. without: a file of
    ids, one a line, of photographs that are left out. Raises DataError.
    """
    folder = Path(folder)
    if (folder / MANIFEST).is_file():
        return _of_manifest(folder)
    named = _rows(folder / TABLE)
    place = Path(unpacked) if unpacked else folder.absolute().with_name(f"{folder.absolute().name}-photographs")
    _unpack(folder, place, [row for row in named if row["shard"]])
    left_out = set(Path(without).read_text().split()) if without else set()
    found = [row for row in named if row["id"] not in left_out and _file(place, row).is_file()]
    return Photographs(
        name="evoke",
        paths=[_file(place, row) for row in found],
        groups=np.array([_group(row) for row in found], np.str_),
        parts=np.array([PARTS[row["split"]] for row in found], np.str_),
        labels={"emotion": labels_of(MOODS, [row["mood"] for row in found])},
        missing=sum(row["id"] not in left_out for row in named) - len(found),
    )


def _of_manifest(folder: Path) -> Photographs:
    """A folder of photographs with a manifest; there are no official parts."""
    photos = photo_folder(folder)
    named = list(rows(folder / MANIFEST, ("file", "mood")))
    found = [row for row in named if (photos / row.file_name()).is_file()]
    return Photographs(
        name="evoke",
        paths=[photos / row.file_name() for row in found],
        groups=np.array([row.cells.get("creator", "").strip() or row.file_name() for row in found], np.str_),
        labels={"emotion": labels_of(MOODS, [row.cells["mood"].strip().lower() for row in found])},
        missing=len(named) - len(found),
    )


def _rows(path: Path) -> list[Row]:
    """The rows of the table, each one that a version could hold."""
    try:
        found = pq.read_table(path, columns=list(COLUMNS)).to_pylist()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or 'no Parquet table'}.") from error
    except pa.ArrowException as error:
        raise DataError(f"{path} cannot be read as the table of a published version.") from error
    for number, row in enumerate(found, 1):
        if not _plausible(row):
            raise DataError(f"{path}, row {number}: no version holds such a row.")
    return found


def _plausible(row: Row) -> bool:
    if any(row[name] is None for name in COLUMNS) or row["split"] not in PARTS or row["mood"] not in MOODS:
        return False
    shard = SHARD.fullmatch(row["shard"])
    placed = not row["shard"] or (shard is not None and shard[1] == row["split"])
    return bool(ID.fullmatch(row["id"])) and row["sha256"].startswith(row["id"]) and placed


def _group(row: Row) -> str:
    """The creator, as well as the row tells: an id, a page, or a name at one source; else its near-duplicates."""
    who = row["owner"] or row["creator_url"] or row["creator"]
    return f"{row['source']}:{who}" if who else row["cluster"] or row["id"]


def _file(place: Path, row: Row) -> Path:
    return place / row["id"][:2] / f"{row['id']}.jpg"


def _unpack(folder: Path, place: Path, packed: list[Row]) -> None:
    """Write the photographs that are not there yet; a shard that is absent is no error, its photographs are missing."""
    wanted = {row["id"]: row for row in packed if not _file(place, row).is_file()}
    for shard in sorted({row["shard"] for row in wanted.values()}):
        if not (folder / shard).is_file():
            continue
        for name, content in _photographs(folder / shard, wanted):
            row = wanted[name]
            if hashlib.sha256(content).hexdigest() != row["sha256"]:
                raise DataError(f"{folder / shard}: {name} is not what {TABLE} says it is.")
            path = _file(place, row)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".part").write_bytes(content)
            path.with_suffix(".part").rename(path)


def _photographs(shard: Path, wanted: dict[str, Row]) -> Iterator[tuple[str, bytes]]:
    """Ids and bytes of the photographs wanted; none longer than its row says is read."""
    try:
        with tarfile.open(shard, "r:") as packed:
            for member in packed:
                name, _, suffix = member.name.partition(".")
                if suffix == "jpg" and member.isfile() and name in wanted and member.size == wanted[name]["bytes"]:
                    content = packed.extractfile(member)
                    yield name, content.read() if content is not None else b""
    except (tarfile.TarError, EOFError) as error:
        raise DataError(f"{shard} is damaged, or is no tar file.") from error
