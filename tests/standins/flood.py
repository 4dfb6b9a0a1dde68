"""How many candidates a second the crawl takes from the stand-in Flickr, and how much memory it needs meanwhile.

With an empty data folder (EVOKE_VAR) and after `manage.py migrate`:
`PYTHONPATH=tests python manage.py shell --no-imports -c "from standins.flood import main; main()"`
"""

import json
import os
import subprocess
import sys
import threading
import time

import psutil
from django.conf import settings
from django.utils import timezone

from gallery.collect import claims
from gallery.collect.crawl import Crawling
from gallery.collect.sources.registry import open_source
from gallery.collect.workers import working
from gallery.models import Candidate, Crawl
from gallery.moods import MOODS

KEYS = ",".join(f"key{number}" for number in range(20))  # so that the stand-in's speed counts, and not Flickr's limit


def main(each: int = 50_000) -> None:
    """Searches only: nothing is fetched. Prints a line with the memory (RSS, MB) now and then, and one at the end."""
    command = [sys.executable, "-m", "standins.flickr", "--photos", str(each), "--keys", KEYS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            settings.FLICKR_API_URL = server.stdout.readline().strip() if server.stdout else ""
            settings.FLICKR_API_KEYS = KEYS.split(",")
            _search()
        finally:
            server.kill()


def _search() -> None:
    source = open_source("flickr", {})
    since = timezone.datetime(2005, 1, 1, tzinfo=timezone.get_current_timezone())
    row = Crawl(source="flickr", moods=list(MOODS), since=since, until=timezone.now())
    crawl = claims.begin(row, source)
    done = threading.Event()
    threading.Thread(target=_watch, args=(done,), daemon=True).start()
    with working(crawl.pk) as worker:
        started = time.monotonic()
        crawling = Crawling(crawl, source, worker)
        crawling._is_left = lambda: False  # type: ignore[method-assign]  # candidates wait for ever here
        crawling._search_all()
        seconds = time.monotonic() - started
    done.set()
    count = Candidate.objects.filter(crawl=crawl).count()
    print(json.dumps({"candidates": count, "seconds": round(seconds, 1), "a_second": round(count / seconds)}))


def _watch(done: threading.Event) -> None:
    process = psutil.Process(os.getpid())
    while not done.wait(20):
        print(json.dumps({"rss_mb": process.memory_info().rss >> 20}), flush=True)
