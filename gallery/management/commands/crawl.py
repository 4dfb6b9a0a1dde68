"""`manage.py crawl SOURCE`: find photographs by the words of the moods, fetch, check and keep them; resumable."""

import json
import threading
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from gallery.collect import claims, renditions
from gallery.collect.crawl import work
from gallery.collect.progress import progress
from gallery.collect.sources.base import SourceError
from gallery.collect.sources.registry import open_source, source_names
from gallery.models import Crawl
from gallery.moods import MOODS

STOPPED = "Paused. What was stored stays; the same command goes on from there."
TELL = 2.0  # seconds between two looks at the rows for the progress bar


class Command(BaseCommand):
    help = "Crawl a source. The same command again goes on where it was, however it ended."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="SOURCE", choices=source_names(), help=", ".join(source_names()))
        parser.add_argument("--moods", nargs="+", choices=list(MOODS), default=list(MOODS), metavar="MOOD")
        parser.add_argument("--since", default="2005-01-01", help="uploaded on this day or later (default %(default)s)")
        parser.add_argument("--limit", type=int, help="photographs in all, shared out among the moods (default: all)")
        parser.add_argument("--folder", help="of the source folder: where the photographs are")
        parser.add_argument("--retry", action="store_true", help="try again what failed, and nothing else anew")
        parser.add_argument("--fresh", action="store_true", help="begin a new crawl although one like it is under way")
        parser.add_argument("--no-renditions", action="store_true", help="leave them to the site's worker")
        parser.add_argument("--json", action="store_true", help="the counts at the end as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        crawl = self._crawl(options)
        try:
            notes = self._work(crawl, quiet=options["json"])
            if not options["no_renditions"]:
                self._render(quiet=options["json"])
        except SourceError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            Crawl.objects.filter(pk=crawl.pk, state=Crawl.State.RUNNING).update(state=Crawl.State.PAUSED)
            raise CommandError(STOPPED, returncode=130) from None
        self._tell(crawl, notes, options["json"])

    def _crawl(self, options: dict[str, Any]) -> Crawl:
        """The crawl that these arguments began before, or a new one."""
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError("--limit must be at least 1.")
        about = {
            "source": options["source"],
            "moods": [mood for mood in MOODS if mood in options["moods"]],
            "since": _day(options["since"]),
            "limit": options["limit"],
            "options": {"folder": options["folder"]} if options["folder"] else {},
        }
        ended = (Crawl.State.CANCELLED,) if options["retry"] else (Crawl.State.CANCELLED, Crawl.State.DONE)
        before = Crawl.objects.filter(**about).exclude(state__in=ended).order_by("-pk").first()
        if before is None or options["fresh"]:
            return self._begin(Crawl(**about, until=timezone.now()))
        if options["retry"]:
            self.stdout.write(f"{claims.retry_failed(before)} tried again.")
        Crawl.objects.filter(pk=before.pk).update(state=Crawl.State.RUNNING, message="", ended_at=None)
        return before

    def _begin(self, crawl: Crawl) -> Crawl:
        try:
            return claims.begin(crawl, open_source(crawl.source, crawl.options))
        except SourceError as error:
            raise CommandError(str(error)) from error

    def _work(self, crawl: Crawl, quiet: bool) -> list[str]:
        done = threading.Event()
        teller = threading.Thread(target=_tell_on, args=(crawl, done, quiet), daemon=True)
        teller.start()
        try:
            return work(crawl)
        finally:
            done.set()
            teller.join()

    def _render(self, quiet: bool) -> None:
        waiting = renditions.pending()
        if waiting:
            bar = tqdm(renditions.render_pending(), "Renditions", waiting, unit=" photographs", disable=quiet or None)
            for _ in bar:
                continue

    def _tell(self, crawl: Crawl, notes: list[str], as_json: bool) -> None:
        crawl.refresh_from_db()
        counts = progress(crawl)
        if as_json:
            self.stdout.write(json.dumps({"crawl": crawl.pk, "state": crawl.state, **vars(counts)}))
            return
        for line in [*notes, *counts.lines(), f"Crawl {crawl.pk} is {crawl.state}."]:
            self.stdout.write(line)
        if crawl.state == Crawl.State.FAILED:
            raise CommandError(crawl.message)


def _tell_on(crawl: Crawl, done: threading.Event, quiet: bool) -> None:
    """The progress bar, by a thread of its own: it counts what all workers did."""
    with tqdm(desc="Crawling", unit=" photographs", total=crawl.limit, disable=quiet or None) as bar:
        while not bar.disable and not done.wait(TELL):
            now = progress(crawl)
            bar.n = now.stored
            bar.set_postfix(calls=now.calls, candidates=now.candidates, waiting=now.waiting)
    connection.close()


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise CommandError(f"--since must be a day such as 2005-01-01, not {text!r}.") from None
