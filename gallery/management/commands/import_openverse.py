"""`manage.py import_openverse`: some freely licensed photographs for each mood, within Openverse's limits."""

import time
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from gallery.collect.batch import STOPPED, Report, take_in_batch
from gallery.collect.download import download
from gallery.collect.sources.base import (
    Answer,
    Candidate,
    LimitReached,
    Query,
    Source,
    SourceUnreachable,
    names_two_moods,
)
from gallery.collect.sources.client import open_client
from gallery.collect.sources.openverse import PAGE_SIZE, WINDOW, Openverse
from gallery.moods import MOODS, Mood


class Command(BaseCommand):
    help = (
        "Take in freely licensed photographs (CC0, public domain, CC BY) for each mood from Openverse, without a key."
    )
    trouble = ""  # why the source gave no more

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--per-mood", type=int, default=40, help="photographs a mood (default %(default)s)")
        parser.add_argument("--seconds", type=float, default=90, help="at most so long (default %(default)s)")

    def handle(self, *args: Any, per_mood: int, seconds: float, **options: Any) -> None:
        if per_mood < 1 or not 0 < seconds < float("inf"):
            raise CommandError("--per-mood and --seconds must be more than nothing.")
        self.two_moods: set[str] = set()
        self.deadline = time.monotonic() + seconds
        report = Report()
        with open_client(settings.OPENVERSE_API_URL) as api:
            found = self._candidates(Openverse(api, patience=seconds / 2), per_mood)
            first = next(found, None)
            if first is None:
                raise CommandError(self.trouble or "Openverse has no photographs for these moods.")
            photographs = download(chain([first], found), report, self.deadline)
            try:
                take_in_batch(photographs, per_mood * len(MOODS), "Fetching", report)
            except KeyboardInterrupt:
                raise CommandError(STOPPED, returncode=130) from None
        self._tell(report)

    def _tell(self, report: Report) -> None:
        for line in report.lines():
            self.stdout.write(line)
        if self.two_moods:
            self.stdout.write(f"{len(self.two_moods):6}  left out: their words name two moods")
        if self.trouble:
            self.stdout.write(self.trouble)

    def _candidates(self, source: Source, per_mood: int) -> Iterator[Candidate]:
        """So many of each mood, by turns, so that none goes empty when time or requests run out."""
        waiting = deque(islice(self._of_mood(source, mood), per_mood) for mood in MOODS.values())
        while waiting:
            mine = waiting.popleft()
            try:
                yield next(mine)
                waiting.append(mine)
            except StopIteration:
                continue
            except LimitReached as error:  # other moods may still hold results of a page
                self.trouble = str(error)
            except SourceUnreachable as error:
                self.trouble = str(error)
                return

    def _of_mood(self, source: Source, mood: Mood) -> Iterator[Candidate]:
        """What its first word finds, but for photographs whose words name another mood as well."""
        for page in range(1, WINDOW // PAGE_SIZE + 1):
            answer = self._page(source, Query(mood.slug, mood.synonyms[0]), page)
            for candidate in answer.candidates:
                if names_two_moods(candidate, mood.slug, source.searches_titles):
                    self.two_moods.add(candidate.facts.source_id)
                elif not candidate.unfit:
                    yield candidate
            if answer.last:
                return

    def _page(self, source: Source, query: Query, page: int) -> Answer:
        """A page, after a rest that the source asks for where there is time for it."""
        while True:
            if time.monotonic() >= self.deadline:
                raise LimitReached("No time is left.")
            try:
                return source.search(query, page)
            except LimitReached as error:
                pause = (error.until - timezone.now()).total_seconds() if error.until else 0.0
                if time.monotonic() + pause >= self.deadline:
                    raise LimitReached("No time is left: Openverse asks to wait for longer.") from error
                time.sleep(max(pause, 0.0))
