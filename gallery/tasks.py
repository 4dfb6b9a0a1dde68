"""Work of the gallery that beat or an admin starts: thin, and harmless to run twice."""

from celery import shared_task

from gallery.rank import scoring


@shared_task(name="gallery.tasks.score_pending")
def score_pending() -> None:
    """Score what lacks the active (or an incoming) network's scores, and write the shortlist anew."""
    scoring.score_pending()
