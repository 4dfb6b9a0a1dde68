"""`manage.py import_openverse`: some freely licensed photographs for each mood, within Openverse's limits."""

import time
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.collect.batch import STOPPED, Report, take_in_batch
from gallery.collect.download import download
from gallery.collect.sources.base import Candidate, LimitReached, Source, SourceUnreachable
from gallery.collect.sources.openverse import Openverse, open_api
from gallery.moods import MOODS


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
        deadline = time.monotonic() + seconds
        report = Report()
        with open_api(settings.OPENVERSE_API_URL) as api:
            source = Openverse(api, deadline)
            found = self._candidates(source, per_mood)
            first = next(found, None)
            if first is None:
                raise CommandError(self.trouble or "Openverse has no photographs for these moods.")
            photographs = download(chain([first], found), report, deadline)
            try:
                take_in_batch(photographs, per_mood * len(MOODS), "Fetching", report)
            except KeyboardInterrupt:
                raise CommandError(STOPPED, returncode=130) from None
        for line in report.lines():
            self.stdout.write(line)
        if source.two_moods:
            self.stdout.write(f"{len(source.two_moods):6}  left out: their words name two moods")
        if self.trouble:
            self.stdout.write(self.trouble)

    def _candidates(self, source: Source, per_mood: int) -> Iterator[Candidate]:
        """So many of each mood, by turns, so that none goes empty when time or requests run out."""
        waiting = deque(islice(source.candidates(mood), per_mood) for mood in MOODS.values())
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
