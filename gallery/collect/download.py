"""Candidates to bytes: several at once, a few a host, as its robots.txt allows, each failure counted."""

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from threading import BoundedSemaphore, Lock
from urllib.parse import urlsplit

from django.conf import settings

from gallery.collect.batch import Report
from gallery.collect.fetch import Fetcher, NotFetched
from gallery.collect.intake import Facts
from gallery.collect.robots import Robots
from gallery.collect.sources.base import Candidate

AT_ONCE = 8


class Hosts:
    """How many requests each host has in hand: at most EVOKE_FETCH_A_HOST."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._slots: dict[str, BoundedSemaphore] = defaultdict(lambda: BoundedSemaphore(settings.EVOKE_FETCH_A_HOST))

    def slot(self, url: str) -> BoundedSemaphore:
        with self._lock:
            return self._slots[urlsplit(url).hostname or ""]


def download(candidates: Iterable[Candidate], report: Report, deadline: float) -> Iterator[tuple[str, bytes, Facts]]:
    """Name, bytes and facts of each candidate that could be fetched, in order; the others are counted in the report."""
    hosts, robots = Hosts(), Robots()
    fetcher = Fetcher(robots.check)
    waiting: deque[tuple[Candidate, Future[bytes]]] = deque()

    def get(candidate: Candidate) -> bytes:
        with hosts.slot(candidate.file_url):
            if time.monotonic() > deadline:
                raise NotFetched("too_slow")
            return fetcher.fetch(candidate.file_url, deadline)

    with closing(robots), fetcher, ThreadPoolExecutor(AT_ONCE) as pool:
        for candidate in candidates:
            waiting.append((candidate, pool.submit(get, candidate)))
            if len(waiting) >= 2 * AT_ONCE:
                yield from _next(waiting, report)
        while waiting:
            yield from _next(waiting, report)


def _next(waiting: "deque[tuple[Candidate, Future[bytes]]]", report: Report) -> Iterator[tuple[str, bytes, Facts]]:
    candidate, due = waiting.popleft()
    try:
        yield candidate.file_url, due.result(), candidate.facts
    except NotFetched as error:
        report.reject(candidate.file_url, error.because)
