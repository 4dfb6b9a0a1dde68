"""WebDataset shards: plain tar files of `ID.jpg` (the original bytes, whatever their type) and `ID.json` (its row).

Equal rows give equal bytes: members carry no time, owner or mode of this machine. A stranger's shard is read header by
header with every size checked first, and its names are compared, never used as paths.
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from gallery.collect.render import MOST_BYTES
from gallery.dataset.columns import Row, as_json

SHARD_BYTES = 500_000_000
MOST_JSON = 256 * 1024
BLOCK = tarfile.BLOCKSIZE


class ShardError(ValueError):
    """A shard that cannot be read as one of ours; one sentence."""


class Shard:
    """One tar file being written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._tar = tarfile.open(path, "x", format=tarfile.USTAR_FORMAT)  # noqa: SIM115  closed by close()
        self.bytes = 0

    def add(self, row: Row, content: bytes) -> None:
        self.add_raw(row["id"], content, as_json(row))

    def add_raw(self, name: str, content: bytes, about: bytes) -> None:
        for suffix, data in (("jpg", content), ("json", about)):
            info = tarfile.TarInfo(f"{name}.{suffix}")
            info.size = len(data)
            self._tar.addfile(info, io.BytesIO(data))
            self.bytes += 2 * BLOCK + len(data)  # with its header and, at most, the rest of its last block

    def close(self) -> None:
        self._tar.close()


class Shards:
    """Writes photographs into the shard of their part and split; one is open for each such pair."""

    def __init__(self, folder: Path, most: int = SHARD_BYTES) -> None:
        self._folder, self._most = folder, most
        self._open: dict[str, tuple[int, Shard]] = {}  # number and shard

    def add(self, row: Row, part: str, content: bytes) -> Row:
        """Write it, and return its row with its place in the shards."""
        group = f"shards/{part}/{row['split']}"
        number, shard = self._open.get(group, (-1, None))
        if shard is None or shard.bytes + len(content) > self._most:
            if shard is not None:
                shard.close()
            number, shard = number + 1, Shard(self._folder / _name(group, number + 1))
            self._open[group] = number, shard
        row = {**row, "redistributed": True, "part": part, "shard": _name(group, number)}
        shard.add(row, content)
        return row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for _, shard in self._open.values():
            shard.close()


def _name(group: str, number: int) -> str:
    return f"{group}-{number:06}.tar"


def take_out(path: Path, ids: set[str]) -> None:
    """Write a shard anew without some photographs; one that holds no other goes."""
    before = path.rename(path.with_suffix(".before"))
    shard = Shard(path)
    for name, content, about in photographs(before):
        if name not in ids:
            shard.add_raw(name, content, about)
    shard.close()
    before.unlink()
    if not shard.bytes:
        path.unlink()


def photographs(path: Path) -> Iterator[tuple[str, bytes, bytes]]:
    """Id, original bytes and JSON of each photograph in a shard, in order. Raises ShardError."""
    with open(path, "rb") as file:
        while (picture := _member(file, path.name)) is not None:
            name, _, suffix = picture[0].partition(".")
            about = _member(file, path.name)
            if suffix != "jpg" or about is None or about[0] != f"{name}.json":
                raise ShardError(f"{path.name} does not hold a photograph and its facts by turns.")
            yield name, picture[1], about[1]


def _member(file: io.BufferedReader, shard: str) -> tuple[str, bytes] | None:
    """Name and bytes of the next plain file, None at the end. Raises ShardError."""
    header = file.read(BLOCK)
    if header == bytes(BLOCK):
        return None
    try:
        info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
    except (tarfile.TarError, UnicodeDecodeError):
        raise ShardError(f"{shard} is cut off, or is no tar file.") from None
    most = MOST_JSON if info.name.endswith(".json") else MOST_BYTES
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or not 0 <= info.size <= most:
        raise ShardError(f"{shard} holds something that is neither a photograph nor its facts.")
    content = file.read(info.size)
    file.seek(-info.size % BLOCK, io.SEEK_CUR)
    if len(content) != info.size:
        raise ShardError(f"{shard} is cut off.")
    return info.name, content
