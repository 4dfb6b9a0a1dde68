"""Work of the gallery that beat or an admin starts: thin, and harmless to run twice."""

from celery import shared_task

from gallery.collect import duplicates, recheck, removals
from gallery.rank import scoring


@shared_task(name="gallery.tasks.score_pending")
def score_pending() -> None:
    """Score what lacks the active (or an incoming) network's scores, and write the shortlist anew."""
    scoring.score_pending()


@shared_task(name="gallery.tasks.confirm_duplicates")
def confirm_duplicates() -> None:
    """Look again at every cluster of near-duplicates."""
    duplicates.confirm_all()


@shared_task(name="gallery.tasks.purge_removed")
def purge_removed() -> None:
    """Delete files of what was removed a month ago, and e-mail addresses of requests decided a month ago."""
    removals.purge()


@shared_task(name="gallery.tasks.recheck_sources")
def recheck_sources() -> None:
    """Ask the sources whether they still have some of the photographs on show."""
    recheck.recheck()
