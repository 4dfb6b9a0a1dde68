"""The worker's side of a training: a process for each run, watched to its end. Neither torch nor CUDA is loaded here.

The process ends with its worker: Linux sends it SIGTERM when the worker is gone (the command itself asks for that), and
it then saves a checkpoint and gives its row back.
"""

import logging
import os
import subprocess
import sys
import time

import psutil
from django.conf import settings
from django.db import connection

from ml import runs

log = logging.getLogger(__name__)
POLL = 0.2  # seconds between two looks
COMMAND = "carry_out"
PATIENCE = 9.0  # seconds that a process has to save its checkpoint


def carry_out(run_id: int) -> None:
    """Start a run's process and wait for its end; a process that dies without a word ends its lease at once."""
    connection.close()  # hours may pass: the pool and the server need it more
    child = subprocess.Popen(  # noqa: S603 our own command
        [sys.executable, "-P", "-m", "django", COMMAND, str(run_id), "--parent", str(os.getpid())],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C at the worker's terminal reaches the worker alone, which stops it in order
        env={**os.environ, "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "evoke.settings")},
    )
    try:
        status = _wait(child)
    finally:
        stop([psutil.Process(child.pid)] if child.poll() is None else [])
    if status:
        log.error("The process of training run %s ended with status %s.", run_id, status)
        runs.worker_died(run_id, worker_name(child.pid))


def worker_name(pid: int) -> str:
    """What a run's row says of the process that carries it out."""
    return f"{os.uname().nodename[:80]}, process {pid}"


def _wait(child: subprocess.Popen) -> int:
    """Its exit status. Polled: signals reach a worker of the solo pool meanwhile."""
    deadline = time.monotonic() + settings.TRAINING_HOURS * 3600
    while child.poll() is None:
        if time.monotonic() > deadline:
            log.error(
                "A training took more than %s hours (EVOKE_TRAINING_HOURS): it is ended.", settings.TRAINING_HOURS
            )
            stop([psutil.Process(child.pid)])
        time.sleep(POLL)
    return int(child.returncode)


def of_worker(pid: int) -> list[psutil.Process]:
    """The training processes below a worker's main process, whichever pool it has.

    Not those that read photographs for them: they look the same, and a training that loses one fails.
    """
    found = {child.pid: child for child in psutil.Process(pid).children(recursive=True) if _trains(child)}
    return [child for child in found.values() if _parent(child) not in found]


def _trains(child: psutil.Process) -> bool:
    try:
        return COMMAND in child.cmdline()
    except psutil.Error:  # gone meanwhile
        return False


def _parent(child: psutil.Process) -> int:
    try:
        return int(child.ppid())
    except psutil.Error:
        return 0


def stop(children: list[psutil.Process], patience: float = PATIENCE) -> None:
    """Ask processes to save and end; kill what has not after `patience` seconds (its last checkpoint stays)."""
    ask(children)
    for child in psutil.wait_procs(children, timeout=patience)[1]:
        child.kill()


def ask(children: list[psutil.Process]) -> None:
    """Ask processes to save their checkpoint and end."""
    for child in children:
        try:
            child.terminate()
        except psutil.Error:
            continue
