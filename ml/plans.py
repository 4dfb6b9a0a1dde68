"""What happens by itself: a nightly training where enough is new, a weekly verification. Off until an admin says so.

Beat asks every ten minutes. A day's work is taken by a conditional update of the plan's one row, so that two beats, or
a late one, do it once.
"""

import logging
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from ml import runs
from ml.models import Plan, TrainingRun

log = logging.getLogger(__name__)
WEEK = timedelta(days=7)
NIGHT = 6  # hours: a plan made at noon begins with the next night, and a beat that was down catches up within it


def plan() -> Plan:
    """The one row."""
    return Plan.objects.get_or_create(pk=1)[0]


def keep(now: datetime | None = None) -> None:
    """Do what is due now (UTC), once."""
    now = now or timezone.now()
    standing = plan()
    night = now - timedelta(hours=standing.hour)  # begins at the hour that the admin set
    if night.hour >= NIGHT:
        return
    if standing.nightly_training and _take("trained_on", night.date(), timedelta(days=1)):
        _train(standing)
    if standing.weekly_verification and _take("verified_on", night.date(), WEEK):
        from ml import tasks

        tasks.verify.delay_on_commit()


def _take(field: str, today: date, every: timedelta) -> bool:
    """Mark today as done; False where another beat was faster, or it is not due yet."""
    due = Q(**{field: None}) | Q(**{f"{field}__lte": today - every})
    return bool(Plan.objects.filter(due, pk=1).update(**{field: today}))


def _train(standing: Plan) -> None:
    """Queue a training of the starter if enough was said since the last one began."""
    new = new_answers()
    if new < standing.least_ratings:
        log.info("No nightly training: %s new answers, %s are wanted.", new, standing.least_ratings)
        return
    try:
        runs.start(asked_by=None)
    except runs.AlreadyTraining:
        log.info("No nightly training: one is under way.")


def new_answers() -> int:
    """Answers since the last training of the starter that ended with a network was begun."""
    from ml import interface

    last = TrainingRun.objects.filter(recipe="starter", state=TrainingRun.State.DONE).order_by("-asked_at").first()
    return interface.answers_since(last.asked_at if last else None)
