"""manage.py carry_out RUN_ID: the process of one training run; workers start it, nobody else needs to."""

import ctypes
import os
import signal
import sys
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from ml import children, runs
from ml.models import TrainingRun

DEADLINE = 6.0  # seconds from the wish to stop to the end, whatever is under way
PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>


class Command(BaseCommand):
    """Claims the run and carries it out; SIGTERM, or the end of its worker, saves a checkpoint and gives it back."""

    help = "Carry out a training run that waits (what workers start; see the admin's training runs)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--parent", type=int, default=0, help="the worker's process: end when it is gone")

    def handle(self, *args: Any, run: int, parent: int, **options: Any) -> None:
        self.worker, self.run_id, self.stopping = children.worker_name(os.getpid()), run, False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        if parent and not _ends_with(parent):
            return
        from ml import carrying

        carrying.carry_out(run, self.worker, lambda: self.stopping)

    def _stop(self, *_: object) -> None:
        if not self.stopping:
            self.stopping = True
            timer = threading.Timer(DEADLINE, self._leave)
            timer.daemon = True
            timer.start()

    def _leave(self) -> None:
        """Give the row back as it is: what is under way takes too long, and its last checkpoint will do."""
        try:
            for mine in TrainingRun.objects.filter(pk=self.run_id, worker=self.worker):
                runs.give_back(mine)
        except DatabaseError:  # then its lease runs out
            pass
        finally:
            connection.close()
            os._exit(0)


def _ends_with(parent: int) -> bool:
    """Ask Linux for SIGTERM at the worker's death; False where it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent
