"""Work of the gallery that beat or an admin starts: thin, and harmless to run twice."""

import logging

from celery import shared_task

from gallery import reports, safety
from gallery.collect import crawl, duplicates, recheck, removals, renditions, workers
from gallery.collect.sources.base import SourceError
from gallery.models import Crawl
from gallery.rank import scoring

log = logging.getLogger(__name__)
TURN = 120.0  # seconds of a crawl; then the worker is free for others, and beat brings the next turn
RENDERED = 300  # photographs of a turn


@shared_task(name="gallery.tasks.score_pending")
def score_pending() -> None:
    """Score what lacks the active (or an incoming) network's scores, and write the shortlist anew.

    The safety model looks first, so that what it holds is never shown.
    """
    safety.check_pending()
    scoring.score_pending()


@shared_task(name="gallery.tasks.confirm_duplicates")
def confirm_duplicates() -> None:
    """Look again at every cluster of near-duplicates."""
    duplicates.confirm_all()


@shared_task(name="gallery.tasks.purge_removed")
def purge_removed() -> None:
    """Delete files of what was removed a month ago, and e-mail addresses of requests decided a month ago."""
    removals.purge()
    reports.purge()


@shared_task(name="gallery.tasks.recheck_sources")
def recheck_sources() -> None:
    """Ask the sources whether they still have some of the photographs on show."""
    recheck.recheck()


@shared_task(name="gallery.tasks.crawl_on")
def crawl_on() -> None:
    """Work for a while at each crawl that runs and has no worker."""
    for running in Crawl.objects.filter(state=Crawl.State.RUNNING).order_by("pk"):
        if workers.has_worker(running.pk):
            continue
        try:
            crawl.work(running, TURN)
        except SourceError as error:
            log.warning("Crawl %s: %s", running.pk, error)


@shared_task(name="gallery.tasks.render_pending")
def render_pending() -> None:
    """Make renditions of photographs that a crawl stored, and show them."""
    for _ in renditions.render_pending(RENDERED):
        continue
