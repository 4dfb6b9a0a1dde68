"""Training runs as rows: begun, claimed with a lease, reported on, given back, ended. The row holds the truth.

A run belongs to a worker while it is RUNNING, names that worker, and its lease has not run out. Whatever a worker
writes is written on these terms alone, so that one that was thought dead can do no harm when it comes back.
"""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ml.models import Network, TrainingRun
from ml.rows import Selection

State = TrainingRun.State
LEASE = timedelta(seconds=90)
MOST_ATTEMPTS = 3  # deaths; a worker that stops in order has not died
WAKE_AGAIN = timedelta(minutes=2)  # a message may be lost: then another one
KEPT = timedelta(days=7)  # checkpoints of runs that ended without a network, for those who resume them
WAITING = "Waiting for a worker."
GOING = (State.QUEUED, State.RUNNING)
RESUMABLE = (State.CANCELLED, State.FAILED)


class AlreadyTraining(Exception):
    """A run of this recipe waits or runs; one at a time."""


class Lost(Exception):
    """The admin cancelled the run, or its lease ran out and another worker has it."""


def start(
    *,
    asked_by: Any,
    recipe: str = "starter",
    options: list[str] | None = None,
    selection: Selection | None = None,
    seed: int = 0,
    forced: bool = False,
) -> int:
    """Queue a run; its row's id. Raises AlreadyTraining where one of the recipe waits or runs."""
    facts = {"recipe": recipe, "options": options or [], "selection": (selection or Selection()).told()}
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(
                **facts, seed=seed, forced=forced, asked_by=asked_by, message=WAITING, woken_at=timezone.now()
            )
    except IntegrityError:
        raise AlreadyTraining("A training run is already waiting or running.") from None
    wake(run.pk)
    return run.pk


def wake(run_id: int) -> None:
    """Send the message that there is work. It expires before the sweep sends the next one, so they do not pile up."""
    from ml import tasks

    expires = WAKE_AGAIN.total_seconds()
    transaction.on_commit(lambda: tasks.train.apply_async((run_id,), expires=expires))


def folder(run_id: int) -> Path:
    """Where a run keeps its photographs and its checkpoint while it goes on."""
    return Path(settings.RUNS_DIR) / f"run-{run_id}"


def waits(run_id: int) -> bool:
    """Whether a worker may have the run."""
    return _free(run_id).exists()


def claim(run_id: int, worker: str) -> TrainingRun | None:
    """Mark the run as this worker's if it waits, or its last worker's lease ran out; else None."""
    now = timezone.now()
    claimed = _free(run_id).update(
        state=State.RUNNING,
        lease_until=now + LEASE,
        attempts=F("attempts") + 1,
        worker=worker,
        started_at=now,
        seconds_left=None,
        message="Reading photographs and ratings.",
    )
    return TrainingRun.objects.get(pk=run_id) if claimed else None


def _free(run_id: int) -> QuerySet[TrainingRun]:
    lost = Q(state=State.RUNNING, lease_until__lt=timezone.now())
    return TrainingRun.objects.filter(Q(state=State.QUEUED) | lost, pk=run_id, attempts__lt=MOST_ATTEMPTS)


def _mine(run: TrainingRun) -> QuerySet[TrainingRun]:
    return TrainingRun.objects.filter(pk=run.pk, state=State.RUNNING, worker=run.worker, attempts=run.attempts)


def report(run: TrainingRun, **facts: Any) -> None:
    """Write progress and renew the lease. Raises Lost where the run is no longer this worker's."""
    if not _mine(run).update(lease_until=timezone.now() + LEASE, **facts):
        raise Lost


def give_back(run: TrainingRun, message: str = "Stopped in order; it goes on when a worker is free.") -> bool:
    """Let another worker go on; this is no death. Returns whether the run was still this worker's."""
    return bool(
        _mine(run).update(
            state=State.QUEUED,
            attempts=F("attempts") - 1,
            lease_until=None,
            woken_at=None,
            seconds_left=None,
            message=message,
        )
    )


def end(run: TrainingRun, state: str, message: str, **more: Any) -> bool:
    """End a run. Returns whether it was still this worker's."""
    facts = {"ended_at": timezone.now(), "lease_until": None, "seconds_left": None, **more}
    return bool(_mine(run).update(state=state, message=message[:500], **facts))


def finish(run: TrainingRun, network: Network, figures: dict[str, Any]) -> bool:
    """The run made a network. Returns whether it was still this worker's."""
    with transaction.atomic():
        TrainingRun.objects.filter(network=network).exclude(pk=run.pk).update(network=None)
        message = f"Made {network.name}. Compare it, then promote it or leave it."
        return end(run, State.DONE, message, network=network, metrics=figures)


def worker_died(run_id: int, worker: str) -> None:
    """Told by whoever saw a run's process end without a word: its lease ends now instead of in a minute."""
    TrainingRun.objects.filter(pk=run_id, state=State.RUNNING, worker=worker).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )


def cancel(run_id: int) -> bool:
    """End a run that waits or runs; its worker notices at its next report. Returns whether there was one."""
    return bool(
        TrainingRun.objects.filter(pk=run_id, state__in=GOING).update(
            state=State.CANCELLED, ended_at=timezone.now(), lease_until=None, seconds_left=None, message="Cancelled."
        )
    )


def resume(run_id: int) -> bool:
    """Queue a run again that failed or was cancelled: it goes on from its checkpoint, where there is one.

    Raises AlreadyTraining where another run of its recipe waits or runs. Returns whether it could be resumed.
    """
    facts = {"lease_until": None, "ended_at": None, "attempts": 0, "message": WAITING, "woken_at": timezone.now()}
    try:
        with transaction.atomic():
            found = TrainingRun.objects.filter(pk=run_id, state__in=RESUMABLE).update(state=State.QUEUED, **facts)
    except IntegrityError:
        raise AlreadyTraining("Another run of this recipe is waiting or running.") from None
    if found:
        wake(run_id)
    return bool(found)


def sweep() -> None:
    """Take up runs whose worker died, end hopeless ones, wake workers for those that wait, forget old checkpoints."""
    now = timezone.now()
    dead = TrainingRun.objects.filter(state=State.RUNNING, lease_until__lt=now)
    dead.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=State.FAILED, ended_at=now, lease_until=None, message=f"Its worker died {MOST_ATTEMPTS} times."
    )
    dead.update(
        state=State.QUEUED,
        lease_until=None,
        woken_at=None,
        seconds_left=None,
        message="Its worker died; it goes on when a worker is free.",
    )
    waiting = TrainingRun.objects.filter(state=State.QUEUED)
    for run_id in list(waiting.values_list("pk", flat=True)):
        due = Q(woken_at=None) | Q(woken_at__lt=now - WAKE_AGAIN)
        if waiting.filter(due, pk=run_id).update(woken_at=now):
            wake(run_id)
    _forget(now)


def _forget(now: Any) -> None:
    """Delete the folders of runs that ended long ago: nobody resumes them, and photographs may be gone since."""
    kept = TrainingRun.objects.filter(Q(state__in=GOING) | Q(state__in=RESUMABLE, ended_at__gt=now - KEPT))
    alive = {folder(run_id) for run_id in kept.values_list("pk", flat=True)}
    for found in Path(settings.RUNS_DIR).glob("run-*"):
        if found not in alive and found.name.removeprefix("run-").isdecimal():
            shutil.rmtree(found, ignore_errors=True)


def last_like(run: TrainingRun) -> TrainingRun | None:
    """The last run of the same recipe and options that made a network."""
    same = TrainingRun.objects.filter(recipe=run.recipe, options=run.options, state=State.DONE)
    return same.exclude(pk=run.pk).order_by("-ended_at").first()
