"""What the queue's processes tell of themselves, as rows: which live, what they do, when beat last ticked.

Asking workers over the broker blocks a page while one is busy or the broker is away; a row never does.
"""

import logging
import os
import threading
from datetime import timedelta
from typing import Any

from celery import signals
from django.db import DatabaseError, connection
from django.utils import timezone

from ml import children

log = logging.getLogger(__name__)
EVERY = 10.0  # seconds
ALIVE = timedelta(seconds=35)  # without a word for so long: not alive
FORGOTTEN = timedelta(days=1)
BEAT = "beat"
SWEEP = "ml.tasks.sweep"  # beat sends it all the time

_done = threading.Event()


def told(name: str, queues: str = "", doing: list[str] | None = None) -> None:
    """A process lives. Never an error: telling is not what it is for."""
    from ml.models import WorkerBeat

    facts = {"queues": queues[:200], "doing": doing or [], "at": timezone.now()}
    try:
        WorkerBeat.objects.update_or_create(name=name[:200], defaults=facts)
    except DatabaseError as error:
        log.warning("This process could not tell that it lives: %s", error)


def forget_dead() -> None:
    """Delete rows of processes that have been gone for long."""
    from ml.models import WorkerBeat

    WorkerBeat.objects.filter(at__lt=timezone.now() - FORGOTTEN).delete()


@signals.worker_ready.connect
def _begin(sender: Any, **_: Any) -> None:
    """In a worker's main process: a thread, since the loop of the solo pool stands still while a task runs."""
    _done.clear()
    queues = ", ".join(sorted(queue.name for queue in sender.task_consumer.queues))
    pooled = "prefork" in type(sender.pool).__module__
    threading.Thread(target=_tell, args=(sender.hostname, queues, pooled), daemon=True).start()


def _tell(name: str, queues: str, pooled: bool) -> None:
    from celery.worker import state

    while True:
        told(name, queues, sorted(request.name for request in list(state.active_requests)))
        connection.close()
        if pooled and connection.settings_dict["OPTIONS"].get("pool"):
            connection.close_pool()  # type: ignore[attr-defined]  # processes forked later must inherit no connection
        if _done.wait(EVERY):
            return


@signals.worker_shutting_down.connect
def _end(**_: Any) -> None:
    """A worker is asked to end: its trainings save their checkpoints and give their rows back."""
    _done.set()
    children.ask(children.of_worker(os.getpid()))


@signals.worker_shutdown.connect
def _gone(sender: Any, **_: Any) -> None:
    """The worker ended in order: its row goes at once."""
    from ml.models import WorkerBeat

    try:
        WorkerBeat.objects.filter(name=getattr(sender, "hostname", "")[:200]).delete()
    except DatabaseError as error:
        log.warning("This process could not tell that it ends: %s", error)


@signals.after_task_publish.connect
def _ticked(sender: str | None = None, **_: Any) -> None:
    if sender == SWEEP:
        told(BEAT)
