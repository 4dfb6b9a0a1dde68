"""`manage.py score`: give every photograph the scores that it lacks. Safe to kill and to run again."""

import time
from contextlib import ExitStack
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from gallery.rank import scoring

PATIENCE = 60  # seconds without a photograph scored, after which another process is no longer waited for


class Command(BaseCommand):
    help = "Score the photographs that lack the active (or an incoming) network's scores."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--retry", action="store_true", help="try again what failed before")
        parser.add_argument(
            "--batch", type=int, default=None, help="rows a transaction (default: as many as suit the engine)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["retry"]:
            self.stdout.write(f"{scoring.retry_failed()} failures forgotten.")
        started = time.monotonic()
        with Bars() as bars:
            result = scoring.score_pending(batch=options["batch"], progress=bars.show)
        if result.busy:
            with _bar("Scoring (another process)", scoring.waiting()) as bar:
                _watch(bar)
        self.stdout.write(_summary(result, time.monotonic() - started))


def _bar(name: str, total: int) -> tqdm:
    return tqdm(desc=name, unit=" photographs", total=total, disable=None)


class Bars(ExitStack):
    """A bar of progress a network, from its first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: dict[str, tqdm] = {}

    def show(self, name: str, done: int, total: int) -> None:
        bar = self.by_name.get(name)
        if bar is None:
            bar = self.by_name[name] = self.enter_context(_bar(name, total))
        bar.total = total
        bar.update(done - bar.n)


def _watch(bar: Any) -> None:
    """Show how another process (the worker) gets on, until it is done or has stopped for a while."""
    still = 0
    while (left := scoring.waiting()) and still < PATIENCE:
        done = int(bar.total) - left
        still = 0 if done > bar.n else still + 1
        bar.update(done - bar.n)
        time.sleep(1)
    bar.update(int(bar.total) - left - bar.n)


def _summary(result: scoring.ScoringResult, seconds: float) -> str:
    if result.busy:
        left = scoring.waiting()
        return f"Another process is scoring: {left} photographs wait." if left else "Another process scored them all."
    if not result.scored + result.failed:
        return "Nothing to score: every photograph has its scores."
    failed = f", {result.failed} failed (see them in the admin)" if result.failed else ""
    return f"{result.scored} photographs scored{failed}, {result.scored / seconds:.0f} a second."
