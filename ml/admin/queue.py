"""What the queue does, for admin pages: from rows alone, so that no page waits for a worker or a broker."""

from typing import Any

from django.utils import timezone

from ml.models import TrainingRun, WorkerBeat
from ml.workers import ALIVE, BEAT


def queue_state() -> dict[str, Any]:
    """Runs that wait and run, beat's last tick, and the workers, each with whether it lives."""
    now = timezone.now()
    rows = list(WorkerBeat.objects.order_by("name"))
    beat = next((row for row in rows if row.name == BEAT), None)
    workers = [
        {"name": row.name, "queues": row.queues, "doing": row.doing, "at": row.at, "alive": row.at > now - ALIVE}
        for row in rows
        if row.name != BEAT
    ]
    trains = any(each["alive"] and "train" in each["queues"].split(", ") for each in workers)
    going = TrainingRun.objects.filter(state__in=("queued", "running")).order_by("asked_at")
    return {
        "waiting": [run for run in going if run.state == TrainingRun.State.QUEUED],
        "running": [run for run in going if run.state == TrainingRun.State.RUNNING],
        "beat": beat,
        "beat_alive": beat is not None and beat.at > now - ALIVE,
        "workers": workers,
        "trains": trains,
    }
