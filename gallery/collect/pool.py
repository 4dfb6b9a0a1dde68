"""Processes that render photographs. None outlives its parent, and none is brought down by a photograph for good.

Processes, because threads do not help encoding; spawned, because database connections must not be forked. Strangers'
bytes are decoded in them under a limit of memory and of time, so that a hostile file costs one rejection.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import TypeVar

from gallery.collect.render import Inspected, Rejected, Rendered, inspect, render

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

Result = TypeVar("Result")
MOST_MEMORY = 4 << 30  # bytes of address space: a hundred megapixels need less than two
MOST_SECONDS = 60  # of a processor for one photograph; a hundred megapixels of PNG take about ten
NICENESS = 5  # the site, on the same machine, comes first


class Renderers:
    """Renders in the background: submit() now, result() when it is due."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._lock = threading.Lock()
        self._pool = _new_pool(workers)

    def submit(self, content: bytes) -> Future[Rendered]:
        return self._submit(render_within_limits, content)

    def inspect(self, content: bytes) -> Inspected:
        """Check a photograph in one of the processes, and wait for it (from a thread). Raises Rejected."""
        try:
            return self._submit(inspect_within_limits, content).result()
        except BrokenProcessPool:
            return _alone(inspect_within_limits, content)

    def _submit(self, work: Callable[[bytes], Result], content: bytes) -> Future[Result]:
        with self._lock:
            try:
                return self._pool.submit(work, content)
            except BrokenProcessPool:
                self._pool.shutdown(wait=False)
                self._pool = _new_pool(self.workers)
                return self._pool.submit(work, content)

    def result(self, content: bytes, due: Future[Rendered]) -> Rendered:
        """What submit() began. Raises Rejected, and for nothing but this photograph's own fault.

        A process that dies takes down all that were in hand; each is tried once more in a process of its own.
        """
        try:
            return due.result()
        except BrokenProcessPool:
            return _alone(render_within_limits, content)

    def ready(self) -> None:
        """Wait until every process has begun, which takes most of a second; without it the first photograph waits."""
        begun: set[int] = set()
        while len(begun) < self.workers:
            begun |= {due.result() for due in [self._submit(_own_number, b"") for _ in range(self.workers)]}

    def stop(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def open_renderers() -> Iterator[Renderers]:
    """One process for each core that this process may use."""
    renderers = Renderers(cores())
    try:
        yield renderers
    finally:
        renderers.stop()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def render_within_limits(content: bytes) -> Rendered:
    """In a worker: render with a bounded share of the processor; beyond it the process ends."""
    _limit()
    return render(content)


def inspect_within_limits(content: bytes) -> Inspected:
    """In a worker: check, likewise."""
    _limit()
    return inspect(content)


def _own_number(_: bytes) -> int:
    """In a worker: its process, after a pause in which the others take their turn."""
    time.sleep(0.02)
    return os.getpid()


def _limit() -> None:
    if resource is not None:
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used) + MOST_SECONDS, hard))


def _alone(work: Callable[[bytes], Result], content: bytes) -> Result:
    with _new_pool(1) as pool:
        try:
            return pool.submit(work, content).result()
        except BrokenProcessPool:
            raise Rejected("too_costly") from None


def _new_pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """In a worker, before its first photograph."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers in order
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(OSError, AttributeError):
        os.nice(NICENESS)
    if resource is not None:
        with suppress(OSError, ValueError):  # macOS knows the limit and refuses to set it
            resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _follow_parent() -> None:
    """A parent that dies by SIGKILL says nothing; without this its workers would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
