"""`manage.py import_openverse`: some freely licensed photographs for each mood, within Openverse's limits."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.collect import fetch
from gallery.collect.batch import Report, take_in_batch
from gallery.collect.download import download
from gallery.collect.sources.openverse import Candidate, LimitReached, Openverse, SourceUnreachable, open_api
from gallery.moods import MOODS


class Command(BaseCommand):
    help = (
        "Take in freely licensed photographs (CC0, public domain, CC BY) for each mood from Openverse, without a key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--per-mood", type=int, default=40, help="photographs a mood (default %(default)s)")
        parser.add_argument("--seconds", type=float, default=90, help="at most so long (default %(default)s)")

    def handle(self, *args: Any, per_mood: int, seconds: float, **options: Any) -> None:
        if per_mood < 1 or seconds <= 0:
            raise CommandError("--per-mood and --seconds must be more than nothing.")
        deadline = time.monotonic() + seconds
        report = Report()
        with open_api(settings.OPENVERSE_API_URL) as api, fetch.open_client() as client:
            source = Openverse(api, deadline)
            found = self._candidates(source, per_mood)
            first = next(found, None)
            if first is None:
                raise CommandError(self.trouble or "Openverse has no photographs for these moods.")
            photographs = download(_again(first, found), client, report, deadline)
            report = take_in_batch(photographs, per_mood * len(MOODS), "Fetching", report)
        for line in report.lines():
            self.stdout.write(line)
        if source.two_moods:
            self.stdout.write(f"{len(source.two_moods)} left out: their words name two moods.")
        if self.trouble:
            self.stdout.write(self.trouble)

    trouble = ""

    def _candidates(self, source: Openverse, per_mood: int) -> Iterator[Candidate]:
        """Some of each mood; what the source cannot give any more ends it, with the reason kept."""
        try:
            for mood in MOODS.values():
                yield from islice(source.candidates(mood), per_mood)
        except (SourceUnreachable, LimitReached) as error:
            self.trouble = str(error)


def _again(first: Candidate, others: Iterator[Candidate]) -> Iterator[Candidate]:
    yield first
    yield from others
