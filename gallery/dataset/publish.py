"""Write a version of the data set into a folder, once and for all.

All is written into a folder beside it, which takes its name in the last moment of the transaction that freezes the
splits and adds the version's row: killed before, nothing looks done, and the next try starts anew.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone

from gallery.collect import removals
from gallery.dataset import changes, describe, elsewhere, files, plan, shards
from gallery.dataset.columns import Row, part_of, photo_id, row_of
from gallery.dataset.plan import Entry, in_data_set
from gallery.dataset.tally import tally
from gallery.locks import alone
from gallery.models import Candidate, DatasetVersion, NotDuplicate, Photo, Score
from ml import interface

LOCK = 0x45564F50
CHUNK = 500  # photographs whose rows are in memory at once
FROZEN = 10_000  # photographs whose split one statement keeps

Progress = Callable[[int, int], None]


class PublishError(Exception):
    """A version that cannot be written, in one sentence."""


def publish(
    folder: Path, about: describe.About, most: int = shards.SHARD_BYTES, progress: Progress | None = None
) -> DatasetVersion:
    """Write the next version into `folder`, which must not be there or be empty. Raises PublishError.

    Shards hold about `most` bytes; progress(done, all) is called as photographs are written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PublishError(f"{folder} is not an empty folder: a published version never changes.")
    with alone(LOCK) as mine:
        if not mine:
            raise PublishError("Another publication is running.")
        scratch = folder.absolute().with_name(f".{folder.name}.unfinished")
        if scratch.exists():
            shutil.rmtree(scratch)
        scratch.mkdir(parents=True)
        return _publish(folder, scratch, about, most, progress)


def _publish(
    folder: Path, scratch: Path, about: describe.About, most: int, progress: Progress | None
) -> DatasetVersion:
    """What is taken down while files are written is taken out of them again, until nothing has changed meanwhile."""
    elsewhere.settle_fetched()
    planned = plan.read()
    entries = planned.entries
    lost = _write_photographs(scratch, entries, most, progress)
    while entries:
        version = _write_rest(scratch, entries, about, {"left_out": planned.left_out, "lost_originals": lost})
        gone = _finish(folder, scratch, entries, version)
        if not gone:
            return version
        _take_out(scratch, {entry.id for entry in gone})
        entries = [entry for entry in entries if entry not in gone]
    raise PublishError("There is nothing to publish: no photograph on show has a mood by its source's words.")


def _write_photographs(folder: Path, entries: list[Entry], most: int, progress: Progress | None) -> int:
    """The table of photographs and the shards, in one pass; how many originals could not be read."""
    lost = done = 0
    with files.table(folder, files.TABLE) as table, shards.Shards(folder, most) as packed:
        for part in files.in_parts(entries, CHUNK):
            for row, original in _rows(part):
                content = original() if part_of(row["licence"]) else None
                lost += content is None and bool(part_of(row["licence"]))
                table.add(packed.add(row, part_of(row["licence"]), content) if content is not None else row)
            done += len(part)
            if progress is not None:
                progress(done, len(entries))
    return lost


def _rows(entries: list[Entry]) -> Iterator[tuple[Row, Callable[[], bytes | None]]]:
    """Rows of photographs that are still here, each with a way to read its bytes (two queries)."""
    photos = Photo.objects.in_bulk([entry.pk for entry in entries])
    candidates = Candidate.objects.filter(photo_id__in=photos).order_by("-pk")
    found = {pk: (url, word) for pk, url, word in candidates.values_list("photo_id", "file_url", "word")}
    for entry in entries:
        if photo := photos.get(entry.pk):
            row = row_of(photo, split=entry.split, cluster=entry.cluster, found=found.get(entry.pk, ("", "")))
            yield row, lambda photo=photo: _original(photo)  # type: ignore[misc]


def _original(photo: Photo) -> bytes | None:
    """The original bytes, None where they are lost or damaged."""
    name = photo.original.name
    if not name:
        return None
    try:
        with storages["originals"].open(name) as file:
            content = file.read()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == photo.sha256 else None


def _write_rest(folder: Path, entries: list[Entry], about: describe.About, more: dict[str, int]) -> DatasetVersion:
    """All files that are made from the table of photographs; the version's row, not saved."""
    name, before = _next_name(), _before()
    network = interface.active()
    scores = _write_scores(folder, entries, network)
    removed = files.write_csv(folder, files.REMOVED, _removed())
    files.write_csv(folder, files.DIFFERENT, _different(entries))
    changed = _changes(folder, before)
    summary: dict[str, Any] = {**tally(files.rows(folder / files.TABLE)), **more, "scores": scores, "removed": removed}
    summary |= {"network": network.name, "before": changed.before, "changes": changed.counts()}
    describe.write(folder, name, timezone.now().date(), about, summary, changed)
    return DatasetVersion(
        version=name,
        photos=summary["photos"],
        files=summary["files"],
        sha256=files.write_sums(folder),
        summary=summary,
    )


def _next_name() -> str:
    """YEAR.NUMBER, beyond all that are known; an imported one whose number was taken has a suffix (receive.py)."""
    year = timezone.now().year
    names = DatasetVersion.objects.filter(version__startswith=f"{year}.").values_list("version", flat=True)
    return f"{year}.{max((int(name.partition('.')[2].partition('-')[0]) for name in names), default=0) + 1}"


def _before() -> str:
    """The version that this one follows: the last one published here, else the last one imported, else ""."""
    versions = DatasetVersion.objects.order_by("pk")
    last = versions.exclude(summary__imported=True).last() or versions.last()
    return last.version if last else ""


def _write_scores(folder: Path, entries: list[Entry], network: interface.NetworkInfo) -> int:
    """The active network's scores in the order of the photographs; how many."""
    count = 0
    with files.table(folder, files.SCORE_TABLE) as table:
        for part in files.in_parts(entries, CHUNK):
            scores = Score.objects.filter(network_id=network.id, photo_id__in=[entry.pk for entry in part])
            for score in scores.select_related("photo").defer("embedding").order_by("photo__sha256"):
                table.add(_score_row(score, network.name))
                count += 1
    return count


def _score_row(score: Score, network: str) -> Row:
    affect = {name: getattr(score, name) for name in ("valence", "arousal", "aesthetic")}
    moods = dict(zip(interface.MOODS, score.moods, strict=True))
    return {"id": photo_id(score.photo.sha256), "network": network, **moods, **affect}


def _removed() -> Iterator[tuple[str, ...]]:
    """Photographs that were taken down or have gone, here or where an imported version came from, each once."""
    told = set[tuple[str, str]]()
    for one in removals.listed():
        told.add((one.source, one.source_id))
        yield one.source, one.source_id, one.date.isoformat(), one.because
    yield from (line for line in elsewhere.removed() if line[:2] not in told)


def _different(entries: list[Entry]) -> Iterator[tuple[str, str]]:
    """Pairs that look alike and that a person called different, by their sha256: smaller first, in order."""
    published = {entry.id for entry in entries}
    pairs = NotDuplicate.objects.values_list("first__sha256", "second__sha256").iterator(chunk_size=plan.CHUNK)
    alike = ((min(pair), max(pair)) for pair in pairs)
    yield from sorted(pair for pair in alike if {photo_id(sha256) for sha256 in pair} <= published)


def _changes(folder: Path, before: str) -> changes.Changes:
    new = files.rows(folder / files.TABLE)
    if not before or not storages["originals"].exists(elsewhere.table_of(before)):
        return changes.compare("", [], new)
    with storages["originals"].open(elsewhere.table_of(before)) as file:
        return changes.compare(before, files.rows(file), new)


def _finish(folder: Path, scratch: Path, entries: list[Entry], version: DatasetVersion) -> set[Entry]:
    """Publish it, unless photographs have left or changed their licence meanwhile, which are returned."""
    elsewhere.keep_table(scratch / files.TABLE, version.version)
    with transaction.atomic():
        now = dict(Photo.objects.filter(in_data_set()).values_list("pk", "licence").iterator(chunk_size=plan.CHUNK))
        gone = {entry for entry in entries if now.get(entry.pk) != entry.licence}
        if gone:
            return gone
        _freeze(entries)
        version.save()
        scratch.rename(folder)
    return set()


def _freeze(entries: list[Entry]) -> None:
    """Keep each photograph's split for all later versions."""
    for split in {entry.split for entry in entries}:
        for part in files.in_parts((entry.pk for entry in entries if entry.split == split), FROZEN):
            Photo.objects.filter(pk__in=part, split="").update(split=split)


def _take_out(folder: Path, ids: set[str]) -> None:
    """Take photographs out of the files written so far."""
    before = folder / f"{files.TABLE}.before"
    (folder / files.TABLE).rename(before)
    touched: set[str] = set()
    with files.table(folder, files.TABLE) as table:
        for row in files.rows(before):
            if row["id"] in ids:
                touched.add(row["shard"])
            else:
                table.add(row)
    before.unlink()
    for shard in touched - {""}:
        shards.take_out(folder / shard, ids)
