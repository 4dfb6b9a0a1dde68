"""Take a published version in: photographs of its shards as the crawl does, the others as candidates to be fetched.

Each photograph and what the version says of it are one transaction, so a kill leaves none half-done, and the same
version taken in again goes on from there. What is known here stays, for a person may have corrected it.
"""

import dataclasses
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from gallery.collect import duplicates
from gallery.collect.batch import Report
from gallery.collect.intake import Facts, Outcome, take_in_all
from gallery.collect.pool import open_renderers
from gallery.collect.sources.base import facts_to_json
from gallery.collect.sources.dataset import NAME as SOURCE
from gallery.dataset import elsewhere, files, read
from gallery.dataset.columns import Row
from gallery.dataset.read import Contents, Published, Removed
from gallery.dataset.tally import tally
from gallery.models import Candidate, Crawl, DatasetVersion, NotDuplicate, Photo
from gallery.moods import MOODS

SINCE = datetime(2005, 1, 1, tzinfo=UTC)  # as `manage.py crawl` has it where nothing is said
NO_ADDRESS = "no_address"  # why a candidate is rejected of which no file's address is known
CHUNK = 1000
EXACT = (
    "title", "alt", "creator", "creator_url", "owner", "licence", "licence_version", "licence_url", "licence_seen",
    "source_url", "tags", "sensitive", "taken_at", "uploaded_at", "split",
)  # fmt: skip
_Status, _State = Photo.Status, Candidate.State

Progress = Callable[[int, int], None]
Key = tuple[str, str]  # source and id there


@dataclasses.dataclass
class Received:
    """What became of the rows: those of shards in `photographs`, the others in `counts`."""

    photographs: Report = dataclasses.field(default_factory=Report)
    counts: Counter[str] = dataclasses.field(default_factory=Counter)


def receive(version: Published, progress: Progress | None = None) -> Received:
    """Take in all that a version holds; progress(photographs done, all). Raises read.DatasetError."""
    received, crawl = Received(), _crawl()
    _take_in_photographs(version, crawl, received, progress)
    addresses = (row for row in read.rows(version) if not row["redistributed"])
    for part in files.in_parts(addresses, CHUNK):
        with transaction.atomic():
            _take_in_addresses(part, crawl, received)
    for part in files.in_parts(read.removed(version), CHUNK):
        _remove(part, crawl, received)
    for part in files.in_parts(read.different(version), CHUNK):
        _keep_apart(part)
    Crawl.objects.filter(pk=crawl.pk, candidates=None).delete()
    _record(version)
    return received


def _crawl() -> Crawl:
    """The crawl that holds the candidates of imported versions: it waits until `manage.py crawl dataset` goes on."""
    crawl = Crawl.objects.filter(source=SOURCE).exclude(state=Crawl.State.CANCELLED).order_by("-pk").first()
    if crawl is None:
        crawl = Crawl(source=SOURCE, moods=list(MOODS), since=SINCE, until=timezone.now())
    if crawl.state != Crawl.State.RUNNING or crawl.pk is None:
        crawl.state, crawl.ended_at = Crawl.State.PAUSED, None
        crawl.save()
    return crawl


def _take_in_photographs(version: Published, crawl: Crawl, received: Received, progress: Progress | None) -> None:
    """Photographs of the shards, rendered ahead in processes."""
    waiting, clusters, done = deque[Row](), dict[str, int](), 0

    def wanted() -> Iterator[tuple[bytes, Facts]]:
        contents = Contents(version)
        for row in read.rows(version):
            if row["redistributed"]:
                content = contents.of(row)
                if not _blocked(row, received):
                    waiting.append(row)
                    yield content, facts_of(row)

    with open_renderers() as renderers:
        arriving = take_in_all(wanted(), renderers, ahead=2 * renderers.workers)
        while True:
            with transaction.atomic():
                _, outcome = next(arriving, (None, None))
                if outcome is None:
                    return
                row = waiting.popleft()
                _settle(outcome, row, crawl, clusters)
            received.photographs.add(row["id"], outcome)
            done += 1
            if progress is not None:
                progress(done, version.photos)


def _blocked(row: Row, received: Received) -> bool:
    """Whether it was taken down here, or its creator asked for nothing to be shown; counted by reason."""
    named = {field.name: row[field.name] for field in dataclasses.fields(duplicates.Newcomer)}
    because = duplicates.blocked([duplicates.Newcomer(**named)])[0]
    received.counts["blocked" if because == "removed" else because] += bool(because)
    return bool(because)


def facts_of(row: Row) -> Facts:
    """What a source would have said of the photograph."""
    same = {field.name: row[field.name] for field in dataclasses.fields(Facts) if field.name in row}
    licence = f"{row['licence']} {row['licence_version']}" if row["licence"].startswith("by") else row["licence"]
    return Facts(**{**same, "licence": licence.strip(), "tags": tuple(row["tags"]), "mood_tag": row["mood"]})


def _settle(outcome: Outcome, row: Row, crawl: Crawl, clusters: dict[str, int]) -> None:
    """Give a photograph what the version says of it; of one that was here before, only what is not known."""
    photo = outcome.photo
    if photo is None:
        return
    if outcome.already_here:
        Photo.objects.filter(pk=photo.pk, split="").update(split=row["split"])
    else:
        Photo.objects.filter(pk=photo.pk).update(mood_tag=row["mood"], **{name: row[name] for name in EXACT})
    if row["cluster"]:
        _join(photo.pk, row["cluster"], clusters)
    if row["file_url"] or row["word"]:
        candidate = _candidate(row, crawl, state=_State.STORED, photo=photo, bytes=row["bytes"])
        Candidate.objects.bulk_create([candidate], ignore_conflicts=True)


def _join(pk: int, label: str, clusters: dict[str, int]) -> None:
    """Put a photograph into the cluster of a published label, together with what it looks like here."""
    own = Photo.objects.values_list("cluster", flat=True).get(pk=pk)
    met = {number for number in (own, clusters.get(label)) if number is not None}
    clusters[label] = first = min(met, default=pk)
    Photo.objects.filter(Q(pk=pk) | Q(cluster__in=met - {first})).exclude(cluster=first).update(cluster=first)


def _key(row: Row) -> Key:
    return row["source"], row["source_id"]


def _candidate(row: Row, crawl: Crawl, **more: Any) -> Candidate:
    same = {name: row[name] for name in ("source", "source_id", "mood", "word", "file_url")}
    return Candidate(crawl=crawl, facts=facts_to_json(facts_of(row)), **same, **more)


def _take_in_addresses(rows: list[Row], crawl: Crawl, received: Received) -> None:
    """Photographs without bytes: to be fetched when the crawl is resumed, unless they are here or were told of."""
    keys = [_key(row) for row in rows]
    photos, told = _photos(keys), {(one.source, one.source_id) for one in _candidates(keys)}
    same = {photo.sha256: photo for photo in Photo.objects.filter(sha256__in=[row["sha256"] for row in rows])}
    new = list[Candidate]()
    for row in rows:
        photo = photos.get(_key(row)) or same.get(row["sha256"])
        if photo is not None:
            Photo.objects.filter(pk=photo.pk, split="").update(split=row["split"])
            received.counts["here"] += 1
        elif _key(row) in told:
            received.counts["told_of"] += 1
        else:
            new.append(_to_fetch(row, crawl))
            received.counts[new[-1].state] += 1
    Candidate.objects.bulk_create(new, ignore_conflicts=True)


def _to_fetch(row: Row, crawl: Crawl) -> Candidate:
    if row["file_url"]:
        return _candidate(row, crawl)
    return _candidate(row, crawl, state=_State.REJECTED, rejected_because=NO_ADDRESS, settled_at=timezone.now())


def _photos(keys: list[Key]) -> dict[Key, Photo]:
    """Photographs that are here, by source and id (one query)."""
    wanted = set(keys)
    found = Photo.objects.filter(source__in={key[0] for key in keys}, source_id__in=[key[1] for key in keys])
    return {(photo.source, photo.source_id): photo for photo in found if (photo.source, photo.source_id) in wanted}


def _candidates(keys: list[Key]) -> list[Candidate]:
    """Candidates that are here (one query)."""
    wanted = set(keys)
    found = Candidate.objects.filter(source__in={key[0] for key in keys}, source_id__in=[key[1] for key in keys])
    return [one for one in found if (one.source, one.source_id) in wanted]


@transaction.atomic
def _remove(lines: list[Removed], crawl: Crawl, received: Received) -> None:
    """Hide what the version lists as removed, and never fetch it: a person here can show it again."""
    keys = [(line.source, line.source_id) for line in lines]
    photos, told = _photos(keys), {(one.source, one.source_id): one for one in _candidates(keys)}
    new = list[Candidate]()
    for key, line in zip(keys, lines, strict=True):
        photo = photos.get(key)
        if photo is not None and photo.status in (_Status.SHOWN, _Status.NEW, _Status.HELD):
            since = datetime(line.on.year, line.on.month, line.on.day, tzinfo=UTC)
            Photo.objects.filter(pk=photo.pk).update(
                status=_Status.HIDDEN, removed_because=line.because, removed_at=since
            )
            received.counts["hidden"] += 1
        if key not in told:
            new.append(Candidate(crawl=crawl, source=line.source, source_id=line.source_id, facts={}))
            told[key] = new[-1]
        if photo is None or photo.status != _Status.REMOVED:
            _list(told[key], line)
    received.counts["removed"] += len(lines)
    Candidate.objects.bulk_create(new, ignore_conflicts=True)
    changed = ["facts", "state", "rejected_because", "settled_at"]
    Candidate.objects.bulk_update([one for one in told.values() if one not in new], changed)


def _list(candidate: Candidate, line: Removed) -> None:
    candidate.facts[elsewhere.REMOVED] = {"on": line.on.isoformat(), "because": line.because}
    candidate.state, candidate.rejected_because = _State.REJECTED, elsewhere.REMOVED_ELSEWHERE
    candidate.settled_at = candidate.settled_at or timezone.now()


def _keep_apart(pairs: list[tuple[str, str]]) -> None:
    """Remember pairs that a person called different, and look at their clusters again."""
    photos = Photo.objects.filter(sha256__in={sha256 for pair in pairs for sha256 in pair})
    ids = dict(photos.values_list("sha256", "pk"))
    here = [sorted((ids[one], ids[other])) for one, other in pairs if one in ids and other in ids and one != other]
    rows = [NotDuplicate(first_id=first, second_id=second) for first, second in here]
    NotDuplicate.objects.bulk_create(rows, ignore_conflicts=True)
    duplicates.confirm_scored([pk for pair in here for pk in pair])


def _record(version: Published) -> None:
    """Keep that this version is here, and what it says; one whose name is taken gets the start of its hash."""
    if DatasetVersion.objects.filter(sha256=version.sha256).exists():
        return
    taken = DatasetVersion.objects.filter(version=version.name).exists()
    name = f"{version.name}-{version.sha256[:6]}" if taken else version.name
    elsewhere.keep_table(version.folder / files.TABLE, name)
    summary = {**tally(read.rows(version)), "imported": True}
    DatasetVersion.objects.create(
        version=name, sha256=version.sha256, photos=summary["photos"], files=summary["files"], summary=summary
    )
