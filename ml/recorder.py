"""What a training's process tells its row while it runs: progress, epochs, time left, the last lines of its log.

Reports are written at most every two seconds; a thread renews the lease while nothing is reported. Where the database
is away for a while the training goes on, and its end is written when the database is back.
"""

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Self

from django.db import InterfaceError, OperationalError, connection

from ml import runs
from ml.models import TrainingRun

log = logging.getLogger(__name__)
EVERY = 2.0  # seconds between two reports
RENEW = 20.0  # seconds between two renewals of the lease
LINES = 50
MOST_TROUBLES = 100
PATIENCE = 600.0  # seconds that the end of a run waits for a database that is away
GRACE = 30.0  # seconds in which a run that is no longer ours must have noticed
AWAY = (OperationalError, InterfaceError)


class Stopped(Exception):
    """The worker was asked to end; what was reached is saved."""


class Recorder(logging.Handler):
    """`with Recorder(run) as recorder`: from then on the log's lines go to the row, too, and the lease is renewed."""

    def __init__(self, run: TrainingRun, asked_to_stop: Callable[[], bool] = lambda: False) -> None:
        super().__init__(logging.INFO)
        self.run, self.asked_to_stop = run, asked_to_stop
        self.stages: list[int] = []  # epochs of each
        self._lines = deque(filter(None, run.log.split("\n")), LINES)
        self._troubles: list[dict[str, str]] = list(run.troubles)
        self._epochs = len(run.epochs)
        self._unreadable = 0
        self._written = -math.inf
        self._began: tuple[str, float, float] | None = None  # phase, time, share done
        self._over, self._lost = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        self.setFormatter(logging.Formatter("{asctime} {message}", "%H:%M:%S", "{"))
        logging.getLogger().addHandler(self)
        threading.Thread(target=self._renew, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of the log."""
        if record.name.split(".")[0] in ("ml", "gallery", "accelerate"):
            self._lines.append(self.format(record).splitlines()[0][:300])

    def told(self, state: Mapping[str, Any]) -> None:
        """Progress of a phase: step, steps, message, metrics. Raises Lost, or Stopped where the worker is to end."""
        if self.asked_to_stop():
            raise Stopped
        step, steps = state.get("step", 0), state.get("steps", 0)
        phase = state.get("message", "").rstrip("0123456789 ")
        facts = {"step": step, "steps": steps, "message": state.get("message", "")[:500]}
        if state.get("metrics"):
            facts["metrics"] = state["metrics"]
        self._report(facts, phase, step / steps if steps else 0.0, last=step == steps)

    def of_epochs(self, state: Mapping[str, Any]) -> None:
        """Progress of ml.loop. Raises Lost."""
        history = state["history"]
        whole, before = sum(self.stages), sum(self.stages[: state["stage"]])
        steps = max(state["steps"], 1)
        step = (before + state["epoch"]) * steps + state["step"]
        best = f"; best on validation {state['best']:.3f}" if math.isfinite(state["best"]) else ""
        facts = {"step": step, "steps": whole * steps}
        facts["message"] = f"Epoch {before + state['epoch'] + 1} of {whole} at most{best}."
        self._count_unreadable(len(state["unreadable"]))
        new = len(history) > self._epochs
        for row in history[self._epochs :]:
            log.info(
                "Epoch %s of stage %s: loss %.4f, validation %.4f, %.0f seconds",
                row["epoch"] + 1, row["stage"], row["loss"], row["validation"], row["seconds"],
            )  # fmt: skip
        self._epochs = len(history)
        facts["epochs"] = [_plain(row) for row in history]
        self._report(facts, "epochs", step / (whole * steps), last=new)

    def add_troubles(self, troubles: list[dict[str, str]]) -> None:
        """Photographs that could not be used, and why."""
        self._troubles = [*self._troubles, *troubles][:MOST_TROUBLES]

    def write(self, what: Callable[[TrainingRun], Any]) -> Any:
        """Write the end of a run with its last lines; waits for a database that is away. What `what` returned."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                try:
                    runs.report(self.run, log="\n".join(self._lines), troubles=self._troubles)
                except runs.Lost:
                    return None
                return what(self.run)
            except AWAY as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("The database is away (%s): waiting for it.", str(error).splitlines()[0])
                connection.close()
                time.sleep(1)

    def end(self, state: str, message: str) -> None:
        """The run ends without a network."""
        self.write(lambda run: runs.end(run, state, message))

    def _count_unreadable(self, count: int) -> None:
        if count > self._unreadable:
            self._unreadable = count
            self.add_troubles([{"what": f"{count} photographs", "why": "could not be read while training"}])

    def _report(self, facts: dict[str, Any], phase: str, share: float, last: bool) -> None:
        if self._lost.is_set():
            raise runs.Lost
        now = time.monotonic()
        if now - self._written < EVERY and not last:
            return
        facts |= {"seconds_left": self._left(phase, share, now), "troubles": self._troubles}
        try:
            runs.report(self.run, log="\n".join(self._lines), **facts)
        except AWAY as error:
            log.warning("The database is away (%s): the training goes on.", str(error).splitlines()[0])
            connection.close()
        self._written = now

    def _left(self, phase: str, share: float, now: float) -> int | None:
        """Seconds to the end of the phase, by its pace in this process so far; None at its beginning."""
        if self._began is None or self._began[0] != phase:
            self._began = phase, now, share
        _, began, first = self._began
        return round((now - began) / (share - first) * (1 - share)) if share > first else None

    def _renew(self) -> None:
        """In a thread: the lease, while a long step reports nothing. A run that is lost must end soon."""
        while not self._over.wait(RENEW):
            try:
                runs.report(self.run)
            except runs.Lost:
                self._lost.set()
                if not self._over.wait(GRACE):
                    log.warning("The run was taken from this process: ending.")
                    os._exit(0)
            except AWAY:
                pass
            finally:
                connection.close()


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """An epoch as JSON that PostgreSQL takes: no NaN in it."""
    return {key: row[key] for key in ("stage", "epoch", "lr", "loss", "validation", "seconds") if _is_plain(row[key])}


def _is_plain(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
