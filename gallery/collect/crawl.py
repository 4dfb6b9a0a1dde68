"""A crawl at work: one thread asks the source for pages, the others fetch and check what the pages told of.

All that must survive is in rows (claims.py), so a worker may be killed at any point, and several may work at one crawl.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, connections
from django.utils import timezone

from gallery.collect import claims, slicing
from gallery.collect.arrivals import TICK, Arrivals, Arrived, Claimed
from gallery.collect.pool import Renderers, open_renderers
from gallery.collect.sources.base import LimitReached, Source, SourceRefused, SourceUnreachable
from gallery.collect.sources.registry import open_source
from gallery.collect.workers import working
from gallery.models import Candidate, Crawl, Slice

BATCH = 64  # photographs whose rows are written together
FLUSH = 2.0  # seconds that a photograph waits for the rest of its batch
LOOK = 0.5  # seconds between two looks at whether the crawl was paused
PAGES = 8  # of a slice before another word has its turn
TRIES = 3  # at a page, each with several tries of its own, before its slice counts as failed
REST = 20.0  # seconds after a page that could not be had


class Crawling:
    """One worker at one crawl, until there is nothing left to do, it is paused, or `seconds` have passed."""

    def __init__(self, crawl: Crawl, source: Source, worker: int, seconds: float = float("inf")) -> None:
        self.crawl, self.source, self.worker = crawl, source, worker
        self.until = time.monotonic() + seconds
        self.stop = threading.Event()
        self.searched = threading.Event()
        self._looked = 0.0
        self._trouble: Counter[int] = Counter()
        self._broken: Exception | None = None

    def run(self, renderers: Renderers | None = None) -> None:
        """Work; `renderers`: those that run already, which go on running afterwards."""
        searcher = threading.Thread(target=self._search_all, name="searcher")
        searcher.start()
        try:
            with nullcontext(renderers) if renderers else open_renderers() as checking:
                arrivals = Arrivals(checking, self.source.content)
                try:
                    self._keep_all(arrivals)
                finally:
                    arrivals.close()
        finally:
            self.stop.set()
            searcher.join()
            claims.let_go(self.crawl.pk, self.worker)
        if self._broken is not None:
            raise self._broken
        self._end()

    def _end(self) -> None:
        """Done, where nothing is left; a slice that failed stays one, to be tried again."""
        running = Crawl.objects.filter(pk=self.crawl.pk, state=Crawl.State.RUNNING)
        if not self._is_left():
            running.update(state=Crawl.State.DONE, ended_at=timezone.now())

    def _is_left(self) -> bool:
        wanted = claims.wanted(self.crawl).items()
        moods = [mood for mood, (_, beyond) in wanted if beyond > 0]
        fetch = [mood for mood, (more, _) in wanted if more > 0]
        slices = self.crawl.slices.filter(state=Slice.State.WAITING, mood__in=moods)
        candidates = self.crawl.candidates.filter(state=Candidate.State.WAITING)
        in_hand = candidates.filter(worker__isnull=False).exists()
        return slices.exists() or in_hand or candidates.filter(mood__in=fetch).exists()

    def _runs(self) -> bool:
        """Whether to go on; the row is looked at now and then."""
        if self.stop.is_set() or time.monotonic() >= self.until:
            return False
        if time.monotonic() - self._looked > LOOK:
            self._looked = time.monotonic()
            if Crawl.objects.values_list("state", flat=True).get(pk=self.crawl.pk) != Crawl.State.RUNNING:
                self.stop.set()
        return not self.stop.is_set()

    # Pages

    def _search_all(self) -> None:
        try:
            while self._runs():
                moods = [mood for mood, (_, beyond) in claims.wanted(self.crawl).items() if beyond > 0]
                part = claims.take_slice(self.crawl.pk, self.worker, moods)
                if part is not None:
                    self._search(part)
                elif self._is_left():
                    self.stop.wait(TICK * 3)
                else:
                    return
        except SourceRefused as error:
            self._fail(str(error))
        except Exception as error:  # a thread's end is noticed by nobody: the main one raises it
            self._broken = error
            self.stop.set()
        finally:
            self.searched.set()
            connection.close()

    def _fail(self, sentence: str) -> None:
        self.stop.set()
        running = Crawl.objects.filter(pk=self.crawl.pk, state=Crawl.State.RUNNING)
        running.update(state=Crawl.State.FAILED, message=sentence[:500], ended_at=timezone.now())

    def _search(self, part: Slice) -> None:
        """Some pages of a slice, then it is anybody's again."""
        position: slicing.Position | None = slicing.Position(claims.query_of(part))
        pages = 0
        while position is not None and self._runs() and (pages < PAGES or position.page > 1):
            try:
                answer = self.source.search(position.query, position.page)
            except LimitReached as error:
                self._wait_for(error)
                continue
            except SourceUnreachable as error:
                self._trouble[part.pk] += 1
                claims.put_back(part, str(error), give_up=self._trouble[part.pk] >= TRIES)
                self.stop.wait(REST * random.uniform(0.5, 1.0))  # noqa: S311 (so that workers do not come together)
                return
            step = slicing.after(position, answer, self.source.window, self.source.split)
            claims.write_page(part, answer, step, self.source.searches_titles)
            position, pages = step.position, pages + 1
        Slice.objects.filter(pk=part.pk, worker=self.worker).update(worker=None)

    def _wait_for(self, limit: LimitReached) -> None:
        until = limit.until or timezone.now() + timedelta(seconds=REST)
        message = f"The source's limit is reached: it goes on at {until:%H:%M:%S} UTC." if _far(until) else ""
        Crawl.objects.filter(pk=self.crawl.pk).exclude(message=message).update(message=message)
        while self._runs() and timezone.now() < until:
            self.stop.wait(min(LOOK, max(0.01, (until - timezone.now()).total_seconds())))

    # Photographs

    def _claimed(self) -> Iterator[Claimed | None]:
        """Candidates to fetch, as there come to be; None where there is nothing just now."""
        while self._runs():
            shares = {mood: min(more, BATCH) for mood, (more, _) in claims.wanted(self.crawl).items() if more > 0}
            mine = claims.take_candidates(self.crawl.pk, self.worker, shares)
            yield from mine
            if not mine:
                if self.searched.is_set() and not self._is_left():
                    return
                yield None

    def _keep_all(self, arrivals: Arrivals) -> None:
        """Photographs go on coming while the rows of those before are written: by one thread, a batch at a time."""
        with ThreadPoolExecutor(1, "keeper") as keeper:
            try:
                self._keep(arrivals, keeper)
            finally:
                keeper.submit(connections.close_all).result()

    def _keep(self, arrivals: Arrivals, keeper: ThreadPoolExecutor) -> None:
        batch: list[Arrived] = []
        flushed = time.monotonic()
        writing: Future[None] = keeper.submit(self._settle, [])
        for arrived in arrivals.of(self._claimed()):
            if arrived is not None:
                batch.append(arrived)
            due = batch and (arrived is None or time.monotonic() - flushed > FLUSH)
            if len(batch) >= BATCH or (due and writing.done()):
                writing.result()
                writing = keeper.submit(self._settle, batch)
                batch, flushed = [], time.monotonic()
        writing.result()
        keeper.submit(self._settle, batch).result()

    def _settle(self, batch: list[Arrived]) -> None:
        if not batch:
            return
        try:
            claims.settle(batch, self.worker)
        except IntegrityError:  # another process stored one of them in between: now it is seen
            claims.settle(batch, self.worker)


def _far(until: datetime) -> bool:
    return (until - timezone.now()).total_seconds() > REST


def _checked(crawl: Crawl, source: Source) -> list[str]:
    """What the source says at the start, once its limit allows to ask; nothing where the crawl was paused meanwhile."""
    while Crawl.objects.filter(pk=crawl.pk, state=Crawl.State.RUNNING).exists():
        try:
            return source.check()
        except LimitReached as limit:
            until = limit.until or timezone.now() + timedelta(seconds=REST)
            time.sleep(min(LOOK, max(0.01, (until - timezone.now()).total_seconds())))
    return []


def work(crawl: Crawl, seconds: float = float("inf")) -> list[str]:
    """Work at a crawl; sentences that the source said at the start. Raises SourceError where it cannot be used."""
    try:
        source = open_source(crawl.source, crawl.options)
        notes = _checked(crawl, source)
    except SourceRefused as error:
        Crawl.objects.filter(pk=crawl.pk).update(state=Crawl.State.FAILED, message=str(error)[:500])
        raise
    with working(crawl.pk) as worker:
        if notes:
            Crawl.objects.filter(pk=crawl.pk).update(message=" ".join(notes)[:500])
        Crawling(crawl, source, worker, seconds).run()
    return notes
