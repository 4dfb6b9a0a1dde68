"""`manage.py score`: give every photograph the scores that it lacks. Safe to kill and to run again."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from gallery.rank import scoring


class Command(BaseCommand):
    help = "Score the photographs that lack the active (or an incoming) network's scores."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--retry", action="store_true", help="try again what failed before")
        parser.add_argument(
            "--batch", type=int, default=scoring.BATCH, help="photographs a batch (default %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["retry"]:
            self.stdout.write(f"{scoring.retry_failed()} failures forgotten.")
        started = time.monotonic()
        with tqdm(desc="Scoring", unit=" photographs", total=scoring.waiting(), disable=None) as bar:
            result = scoring.score_pending(batch=options["batch"], progress=lambda done, total: _show(bar, done, total))
        self.stdout.write(_summary(result, time.monotonic() - started))


def _show(bar: Any, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _summary(result: scoring.ScoringResult, seconds: float) -> str:
    if result.busy:
        return "Another process is scoring already."
    if not result.scored + result.failed:
        return "Nothing to score: every photograph has its scores."
    failed = f", {result.failed} failed (see them in the admin)" if result.failed else ""
    return f"{result.scored} photographs scored{failed}, {result.scored / seconds:.0f} a second."
