"""Training as a task: takes an id, can run twice. The run's row holds the truth; a message only wakes a worker."""

import logging
from datetime import timedelta
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from ml.models import Network, TrainingRun

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=3)
MOST_ATTEMPTS = 3


class Cancelled(Exception):
    """The admin cancelled the run, or its lease ran out and another worker has it."""


@shared_task(name="ml.tasks.train")
def train(run_id: int) -> None:
    """Carry out a waiting run, if no other worker has it."""
    run = _claim(run_id)
    if run is not None:
        _carry_out(run)


@shared_task(name="ml.tasks.sweep")
def sweep() -> None:
    """Wake workers for runs that wait (a lost message) or whose worker died (the lease ran out); end hopeless ones."""
    now = timezone.now()
    dead = Q(state=TrainingRun.State.RUNNING, lease_until__lt=now)
    TrainingRun.objects.filter(dead, attempts__gte=MOST_ATTEMPTS).update(
        state=TrainingRun.State.FAILED, ended_at=now, message=f"Its worker died {MOST_ATTEMPTS} times."
    )
    waiting = Q(state=TrainingRun.State.QUEUED, asked_at__lt=now - timedelta(seconds=10))
    for run_id in TrainingRun.objects.filter(dead | waiting).values_list("pk", flat=True):
        train(run_id)


def _claim(run_id: int) -> TrainingRun | None:
    """Mark the run as this worker's: it waits, or its last worker's lease ran out."""
    now = timezone.now()
    free = Q(state=TrainingRun.State.QUEUED) | Q(state=TrainingRun.State.RUNNING, lease_until__lt=now)
    claimed = TrainingRun.objects.filter(free, pk=run_id, attempts__lt=MOST_ATTEMPTS).update(
        state=TrainingRun.State.RUNNING,
        lease_until=now + LEASE,
        attempts=F("attempts") + 1,
        started_at=now,
        message="Reading photographs and ratings.",
    )
    return TrainingRun.objects.get(pk=run_id) if claimed else None


def _carry_out(run: TrainingRun) -> None:
    from ml import interface
    from ml import train as training

    try:
        base = interface.network_file(interface.active().id)
        made = training.retrain(
            base,
            interface.training_rows(),
            folder=Path(settings.NETWORKS_DIR),
            seed=run.seed,
            cache_dir=Path(settings.NETWORKS_DIR) / "onnx",
            progress=lambda state: _report(run, state),
        )
    except training.TooLittleData as error:
        _end(run, TrainingRun.State.REFUSED, str(error))
    except Cancelled:
        log.info("Training run %s was taken from this worker.", run.pk)
    except Exception as error:
        log.exception("Training run %s failed.", run.pk)
        _end(run, TrainingRun.State.FAILED, f"It failed: {error}"[:500])
    else:
        _finish(run, made)


def _report(run: TrainingRun, state: dict) -> None:
    """Write progress and renew the lease; stop where the run is no longer this worker's."""
    mine = TrainingRun.objects.filter(pk=run.pk, state=TrainingRun.State.RUNNING, attempts=run.attempts).update(
        step=state.get("step", 0),
        steps=state.get("steps", 0),
        message=state.get("message", "")[:500],
        metrics=state.get("metrics", {}),
        lease_until=timezone.now() + LEASE,
    )
    if not mine:
        raise Cancelled


def _end(run: TrainingRun, state: TrainingRun.State, message: str) -> None:
    TrainingRun.objects.filter(pk=run.pk, attempts=run.attempts, state=TrainingRun.State.RUNNING).update(
        state=state, message=message, ended_at=timezone.now(), lease_until=None
    )


def _finish(run: TrainingRun, made) -> None:
    """The new network's row and the end of the run, together."""
    with transaction.atomic():
        network, _ = Network.objects.get_or_create(
            name=made.name, defaults={"recipe": run.recipe, "path": made.path.name, "card": made.card}
        )
        TrainingRun.objects.filter(network=network).exclude(pk=run.pk).update(network=None)
        TrainingRun.objects.filter(pk=run.pk, attempts=run.attempts, state=TrainingRun.State.RUNNING).update(
            state=TrainingRun.State.DONE,
            network=network,
            data_hash=str(made.card.get("data_hash", ""))[:64],
            metrics=made.card.get("figures", {}),
            message=f"Made {network.name}. Compare it, then promote it or leave it.",
            ended_at=timezone.now(),
            lease_until=None,
        )
