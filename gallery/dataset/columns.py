"""What a published version says of a photograph: the columns of its tables, and a row from ours.

Nothing about visitors, and no number of our database: a photograph's id is the start of its content's hash, so that it
is the same on every machine and in every version.
"""

import json
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from gallery.licences import LICENCES
from gallery.models import Photo
from gallery.moods import MOODS

ID_DIGITS = 16  # of the SHA-256: two of a million photographs share them with a chance of 1 in 37 million
SPLITS = ("train", "val", "test")
Row = dict[str, Any]

_TIME = pa.timestamp("us", tz="UTC")
PHOTOS: dict[str, tuple[pa.DataType, str]] = {
    "id": (pa.string(), f"first {ID_DIGITS} hexadecimal digits of sha256; the key in the shards"),
    "sha256": (pa.string(), "SHA-256 of the original bytes"),
    "source": (pa.string(), "where it was published: flickr, openverse, folder, ..."),
    "source_id": (pa.string(), "its id there"),
    "source_url": (pa.string(), "its page there"),
    "file_url": (pa.string(), "the address its bytes were fetched from, where known"),
    "title": (pa.string(), "the title its author gave it"),
    "alt": (pa.string(), "what is to be seen, in the source's words"),
    "creator": (pa.string(), "its author as the source names them"),
    "creator_url": (pa.string(), "the author's page"),
    "owner": (pa.string(), "the source's id of the author"),
    "licence": (pa.string(), "family of the licence: " + ", ".join(LICENCES)),
    "licence_version": (pa.string(), "version of the licence, empty where the source names none"),
    "licence_url": (pa.string(), "address of the licence as the source gives it"),
    "licence_seen": (pa.date32(), "the day on which the source stated the licence"),
    "width": (pa.int32(), "pixels, upright"),
    "height": (pa.int32(), "pixels, upright"),
    "format": (pa.string(), "type of the original, sniffed from its bytes: jpeg, png, webp or avif"),
    "bytes": (pa.int32(), "size of the original"),
    "phash": (pa.int64(), "64-bit perceptual hash (pHash) as a signed number"),
    "sensitive": (pa.bool_(), "marked as sensitive by its source or by a person"),
    "tags": (pa.list_(pa.string()), "the source's tags"),
    "mood": (pa.string(), "the emotion by whose words it was found: a label of words, not of feelings"),
    "word": (pa.string(), "the word that found it, where known"),
    "taken_at": (_TIME, "when it was taken, as the source says"),
    "uploaded_at": (_TIME, "when it was published at the source"),
    "split": (pa.string(), "train, val or test: the same in every version"),
    "cluster": (pa.string(), "near-duplicates share it: the smallest id among them; empty for a single one"),
    "redistributed": (pa.bool_(), "whether its bytes are in the shards; else only its addresses are here"),
    "part": (pa.string(), "what its licence asks: open, nc, sa, nc-sa, nd, nc-nd; empty where not redistributed"),
    "shard": (pa.string(), "the shard that holds it; empty where not redistributed"),
}
SCORES: dict[str, tuple[pa.DataType, str]] = {
    "id": (pa.string(), "of the photograph"),
    "network": (pa.string(), "name of the network: recipe and content hash of its weights"),
    **{mood: (pa.float32(), f"probability that it evokes “{mood}”, as the network says") for mood in MOODS},
    "valence": (pa.float32(), "1 (unpleasant) to 7 (pleasant)"),
    "arousal": (pa.float32(), "1 (calm) to 7 (stirring)"),
    "aesthetic": (pa.float32(), "1 to 7: beauty for people on average"),
}
SAME = (  # columns that our own table has by the same name
    "sha256", "source", "source_id", "source_url", "title", "alt", "creator", "creator_url", "owner", "licence",
    "licence_version", "licence_url", "licence_seen", "width", "height", "format", "bytes", "phash", "sensitive",
    "tags", "taken_at", "uploaded_at",
)  # fmt: skip


def schema(columns: dict[str, tuple[pa.DataType, str]]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, (kind, _) in columns.items()])


def photo_id(sha256: str) -> str:
    return sha256[:ID_DIGITS]


def part_of(licence: str) -> str:
    """The folder of the shards for a licence, "" where it allows no redistribution."""
    terms = LICENCES.get(licence, LICENCES["unknown"])
    if not terms.redistributes:
        return ""
    asked = [
        name
        for name, asks in (("nc", terms.non_commercial), ("sa", terms.share_alike), ("nd", terms.no_derivatives))
        if asks
    ]
    return "-".join(asked) or "open"


def row_of(photo: Photo, *, split: str, cluster: str, found: tuple[str, str]) -> Row:
    """A photograph's row, without its place in the shards; `found` is the file's address and the crawl's word."""
    row = {name: getattr(photo, name) for name in SAME}
    row |= {"id": photo_id(photo.sha256), "mood": photo.mood_tag, "file_url": found[0], "word": found[1]}
    row |= {"split": split, "cluster": cluster, "redistributed": False, "part": "", "shard": ""}
    return {name: row[name] for name in PHOTOS}


def as_json(row: Row) -> bytes:
    """The row as a shard carries it. No nulls and no lists: loaders guess a field's type from the first few."""
    return json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False, sort_keys=True).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else value
