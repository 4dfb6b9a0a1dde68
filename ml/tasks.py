"""Training as a task: takes an id, can run twice. The run's row holds the truth; a message only wakes a worker."""

import logging

from celery import shared_task

from ml import children, plans, runs
from ml import workers as workers  # a worker that imports its tasks also tells that it lives

log = logging.getLogger(__name__)
__all__ = ["judge", "keep_plan", "sweep", "train", "verify"]


@shared_task(name="ml.tasks.train")
def train(run_id: int) -> None:
    """Carry out a waiting run in a process of its own, if no other worker has it."""
    if runs.waits(run_id):
        children.carry_out(run_id)


@shared_task(name="ml.tasks.sweep")
def sweep() -> None:
    """Wake workers for runs that wait (a lost message) or whose worker died (the lease ran out); end hopeless ones."""
    runs.sweep()
    workers.forget_dead()


@shared_task(name="ml.tasks.judge")
def judge(network_id: int) -> None:
    """Compare a network with the one that ranks. Run twice it writes two verdicts; the newer one counts."""
    from ml import gating
    from ml.files import NetworkFileError

    try:
        gating.judge(network_id)
    except NetworkFileError as error:
        log.error("Network %s could not be judged: %s", network_id, error)


@shared_task(name="ml.tasks.keep_plan")
def keep_plan() -> None:
    """Do what the admin's plan says is due."""
    plans.keep()


@shared_task(name="ml.tasks.verify")
def verify() -> None:
    """The weekly verification."""
    from ml import interface

    interface.verify()
