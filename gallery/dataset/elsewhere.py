"""What imported versions say of photographs that came otherwise: splits of those fetched later, and removals."""

from collections.abc import Iterator
from pathlib import Path

from django.core.files.base import File
from django.core.files.storage import storages
from django.db.models import Exists, OuterRef

from gallery.dataset import files
from gallery.dataset.columns import Row
from gallery.models import Candidate, DatasetVersion, Photo

REMOVED = "removed"  # key of Candidate.facts: since when a version lists it as removed, and why
REMOVED_ELSEWHERE = "removed_elsewhere"  # why such a candidate is rejected
CHUNK = 1000


def table_of(version: str) -> str:
    """Where a version's table of photographs is kept among the originals, which no page serves."""
    return f"versions/{version}.parquet"


def keep_table(path: Path, version: str) -> None:
    """Keep a version's table of photographs; one left by a process that was killed is replaced."""
    storage = storages["originals"]
    storage.delete(table_of(version))
    with open(path, "rb") as file:
        storage.save(table_of(version), File(file))


def settle_fetched() -> None:
    """Give photographs that were fetched since an import the split that the version told, and the licence's day."""
    for version in DatasetVersion.objects.filter(summary__imported=True).order_by("pk"):
        with storages["originals"].open(table_of(version.version)) as file:
            addresses = (row for row in files.rows(file) if not row["redistributed"])
            for part in files.in_parts(addresses, CHUNK):
                _settle(part)


def _settle(rows: list[Row]) -> None:
    """A part of a table (one query, and one for each photograph that came since)."""
    told = {(row["source"], row["source_id"]): row for row in rows}
    photos = Photo.objects.filter(split="", source_id__in=[row["source_id"] for row in rows])
    for photo in photos.only("source", "source_id", "licence", "licence_version"):
        if row := told.get((photo.source, photo.source_id)):
            same = (photo.licence, photo.licence_version) == (row["licence"], row["licence_version"])
            seen = {"licence_seen": row["licence_seen"]} if same else {}
            Photo.objects.filter(pk=photo.pk).update(split=row["split"], **seen)


def removed() -> Iterator[tuple[str, str, str, str]]:
    """Source, id, day and reason of what imported versions list as removed, but for what is shown here after all."""
    shown = Photo.objects.filter(source=OuterRef("source"), source_id=OuterRef("source_id"), status=Photo.Status.SHOWN)
    listed = Candidate.objects.filter(~Exists(shown), facts__has_key=REMOVED).order_by("source", "source_id")
    for candidate in listed.iterator(chunk_size=CHUNK):
        said = candidate.facts[REMOVED]
        yield candidate.source, candidate.source_id, said["on"], said["because"]
