"""The rows of a crawl: beginning one, taking work from it, and writing down what came of the work.

Each function is one transaction that may be killed at any point: before it nothing has happened, after it all has.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from gallery.collect import slicing
from gallery.collect.arrivals import Arrived, Claimed, Settled, keep_many
from gallery.collect.sources.base import Answer, Query, Source, facts_from_json, facts_to_json, names_two_moods
from gallery.collect.sources.base import Candidate as Found
from gallery.collect.workers import FREE
from gallery.models import Candidate, Crawl, Photo, Slice
from gallery.moods import MOODS

ATTEMPTS = 4  # at a file or a page, before it counts as failed
PAUSE = 5.0  # seconds before the second attempt; four times as long before each further one
TAKE_SLICE = f"""
    UPDATE gallery_slice SET worker = %s, page = 1 WHERE id = (
        SELECT id FROM gallery_slice WHERE crawl_id = %s AND state = 'waiting' AND mood = ANY(%s) AND {FREE}
        ORDER BY calls, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id
"""  # noqa: S608 (constants)
TAKE_CANDIDATES = f"""
    UPDATE gallery_candidate SET worker = %s WHERE id IN (
        SELECT id FROM gallery_candidate WHERE crawl_id = %s AND state = 'waiting' AND mood = %s AND {FREE}
        AND (not_before IS NULL OR not_before <= now()) ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING id, file_url, facts
"""  # noqa: S608

SETTLE = """
    UPDATE gallery_candidate SET worker = NULL, state = done.state, rejected_because = done.because,
        attempts = done.attempts, not_before = done.not_before, bytes = done.bytes, photo_id = done.photo_id,
        settled_at = now()
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::timestamptz[], %s::bigint[], %s::bigint[])
        AS done(id, state, because, attempts, not_before, bytes, photo_id)
    WHERE gallery_candidate.id = done.id
"""


def begin(crawl: Crawl, source: Source) -> Crawl:
    """Save a crawl with its first slices."""
    with transaction.atomic():
        crawl.save()
        since, until = int(crawl.since.timestamp()), int(crawl.until.timestamp())
        queries = [query for slug in crawl.moods for query in source.queries(MOODS[slug], since, until)]
        Slice.objects.bulk_create(_slice(crawl.pk, query) for query in queries)
    return crawl


def _slice(crawl_id: int, query: Query) -> Slice:
    return Slice(
        crawl_id=crawl_id,
        mood=query.mood,
        word=query.word,
        after=query.after,
        before=query.before,
        licence=query.licence,
        order=query.order,
        more=query.more,
    )


def query_of(part: Slice) -> Query:
    return Query(part.mood, part.word, part.after, part.before, part.licence, part.order, part.more)


def take_slice(crawl_id: int, worker: int, moods: Sequence[str]) -> Slice | None:
    """The slice of these moods with the fewest calls so far, that nobody has in hand; all words come on together."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_SLICE, [worker, crawl_id, list(moods)])
        row = cursor.fetchone()
    return Slice.objects.get(pk=row[0]) if row else None


def take_candidates(crawl_id: int, worker: int, shares: dict[str, int]) -> list[Claimed]:
    """So many waiting candidates of each mood, now in this worker's hand."""
    rows: list[tuple[int, str, Any]] = []
    with connection.cursor() as cursor:
        for mood, most in shares.items():
            cursor.execute(TAKE_CANDIDATES, [worker, crawl_id, mood, most])
            rows += cursor.fetchall()
    return [
        Claimed(key, url, facts_from_json(json.loads(facts) if isinstance(facts, str) else facts))
        for key, url, facts in rows
    ]


def let_go(crawl_id: int, worker: int) -> None:
    """What this worker still has in hand is anybody's again."""
    Candidate.objects.filter(crawl_id=crawl_id, worker=worker, state=Candidate.State.WAITING).update(worker=None)
    Slice.objects.filter(crawl_id=crawl_id, worker=worker).update(worker=None)


def write_page(part: Slice, answer: Answer, step: slicing.Step, titles: bool) -> None:
    """A page's photographs become candidates, and the slice goes on, ends, or leaves its rest to others."""
    with transaction.atomic():
        found = write_candidates(part, answer.candidates, titles)
        unusable = {name: part.unusable.get(name, 0) + count for name, count in answer.unusable.items() if count}
        part.unusable = {**part.unusable, **unusable}
        part.calls += 1
        part.found += found
        part.message = ""
        if step.position is not None:
            part.after, part.page = step.position.query.after, step.position.page
        else:
            part.state = Slice.State.SPLIT if step.parts else Slice.State.DONE
            part.out_of_reach, part.worker = step.out_of_reach, None
        part.save()
        Slice.objects.bulk_create(_slice(part.crawl_id, query) for query in step.parts)


def write_candidates(part: Slice, found: Sequence[Found], titles: bool) -> int:
    """Keep what is new; how many. An id that is known under another mood names two: it is dropped, and counted once."""
    by_id = {candidate.facts.source_id[:200]: candidate for candidate in found}
    there = {"source": _source(found), "source_id__in": list(by_id)}
    known = set(Candidate.objects.filter(**there).values_list("source_id", flat=True))
    removed = set(Photo.objects.filter(**there, status=Photo.Status.REMOVED).values_list("source_id", flat=True))
    rows = []
    for name in sorted(by_id.keys() - known):  # sorted: two workers that write the same ids wait, and do not deadlock
        because = "removed" if name in removed else _judged(by_id[name], part.mood, titles)
        rows.append(_candidate(part, name, by_id[name], because))
    Candidate.objects.bulk_create(rows, ignore_conflicts=True)  # another worker may have been quicker
    _meet_again(part, _source(found), list(by_id))
    return len(rows)


def _source(found: Sequence[Found]) -> str:
    return found[0].facts.source if found else ""


def _judged(candidate: Found, mood: str, titles: bool) -> str:
    if candidate.unfit:
        return candidate.unfit
    if len(candidate.file_url) > 2000:
        return "no_address"
    return "two_moods" if names_two_moods(candidate, mood, titles) else ""


def _candidate(part: Slice, name: str, found: Found, because: str) -> Candidate:
    return Candidate(
        crawl_id=part.crawl_id,
        source=found.facts.source,
        source_id=name,
        mood=part.mood,
        word=part.word,
        file_url=found.file_url[:2000],
        facts=facts_to_json(replace(found.facts, mood_tag=part.mood)),
        state=Candidate.State.REJECTED if because else Candidate.State.WAITING,
        rejected_because=because,
        settled_at=timezone.now() if because else None,
    )


def _meet_again(part: Slice, source: str, names: list[str]) -> None:
    """Ids met before: under another mood they are dropped; what an ended crawl left waiting, this one takes over."""
    mine = Candidate.objects.filter(source=source, source_id__in=names)
    other = mine.exclude(mood=part.mood).exclude(rejected_because="two_moods").order_by("pk").select_for_update()
    if rows := list(other):
        drop_two_moods(rows)
    ended = Q(crawl__state__in=(Crawl.State.CANCELLED, Crawl.State.DONE, Crawl.State.FAILED))
    left = mine.filter(ended, state__in=(Candidate.State.WAITING, Candidate.State.FAILED)).exclude(crawl=part.crawl_id)
    ids = list(left.values_list("pk", flat=True))
    again = {"state": Candidate.State.WAITING, "attempts": 0, "not_before": None, "worker": None}
    Candidate.objects.filter(pk__in=ids).update(crawl_id=part.crawl_id, rejected_because="", **again)


def drop_two_moods(rows: Sequence[Candidate]) -> None:
    """Candidates that name two moods are rejected, and the photographs that they became are taken away."""
    now = timezone.now()
    photos = [row.photo_id for row in rows if row.photo_id and row.state == Candidate.State.STORED]
    shown = Photo.objects.filter(pk__in=photos).exclude(status=Photo.Status.REMOVED)
    shown.update(status=Photo.Status.REMOVED, removed_because="two_moods", removed_at=now)
    Candidate.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=Candidate.State.REJECTED, rejected_because="two_moods", worker=None, settled_at=now
    )


def settle(batch: Sequence[Arrived], worker: int) -> None:
    """Photographs and candidates of a batch, all or none; what is no longer this worker's is left alone."""
    keys = [arrived.claimed.key for arrived in batch]
    with transaction.atomic():
        rows = Candidate.objects.select_for_update().filter(pk__in=keys, worker=worker, state=Candidate.State.WAITING)
        live = dict(rows.order_by("pk").values_list("pk", "attempts"))
        settled = [_settled(done, live[done.arrived.claimed.key]) for done in keep_many(list(batch), set(live))]
        if settled:
            with connection.cursor() as cursor:
                cursor.execute(SETTLE, [list(column) for column in zip(*settled, strict=True)])


def _settled(done: Settled, attempts: int) -> tuple[Any, ...]:
    """A row of SETTLE; `attempts` before this one."""
    state, not_before = Candidate.State.STORED, None
    if done.because and not done.arrived.passing:
        state = Candidate.State.REJECTED
    elif done.because:
        attempts += 1
        state = Candidate.State.FAILED if attempts >= ATTEMPTS else Candidate.State.WAITING
        not_before = timezone.now() + timedelta(seconds=PAUSE * 4 ** (attempts - 1))
    key, size = done.arrived.claimed.key, done.arrived.size
    return key, state.value, done.because, attempts, not_before, size, done.photo_id


def retry_failed(crawl: Crawl) -> int:
    """Let what failed wait again, and nothing else; how many slices and candidates."""
    with transaction.atomic():
        parts = crawl.slices.filter(state=Slice.State.FAILED)
        files = crawl.candidates.filter(state=Candidate.State.FAILED)
        count = parts.update(state=Slice.State.WAITING, worker=None, message="")
        count += files.update(
            state=Candidate.State.WAITING, attempts=0, not_before=None, rejected_because="", settled_at=None
        )
        if count:
            Crawl.objects.filter(pk=crawl.pk).update(state=Crawl.State.RUNNING, ended_at=None, message="")
    return count


def wanted(crawl: Crawl) -> dict[str, tuple[int, int]]:
    """By mood: photographs still wanted beyond those stored and in hand, and beyond all that wait as well."""
    if crawl.limit is None:
        return dict.fromkeys(crawl.moods, (1 << 30, 1 << 30))
    waiting = Q(state=Candidate.State.WAITING)
    counts = {
        row["mood"]: row
        for row in crawl.candidates.values("mood").annotate(
            stored=Count("pk", filter=Q(state=Candidate.State.STORED)),
            in_hand=Count("pk", filter=waiting & Q(worker__isnull=False)),
            waiting=Count("pk", filter=waiting),
        )
    }
    none = {"stored": 0, "in_hand": 0, "waiting": 0}
    left = {}
    for place, mood in enumerate(crawl.moods):
        share = crawl.limit // len(crawl.moods) + (place < crawl.limit % len(crawl.moods))
        have = counts.get(mood, none)
        left[mood] = (share - have["stored"] - have["in_hand"], share - have["stored"] - have["waiting"])
    return left


def put_back(part: Slice, sentence: str, give_up: bool) -> None:
    """A page that could not be had: the slice waits for another try, or counts as failed."""
    state = Slice.State.FAILED if give_up else Slice.State.WAITING
    Slice.objects.filter(pk=part.pk).update(state=state, worker=None, message=sentence[:500], calls=F("calls") + 1)
