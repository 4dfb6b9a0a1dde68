"""Supervision of a one-machine site: children that start, are watched and end in order, and leave nothing behind.

Each child leads a session, so that a terminal's Ctrl-C reaches the supervisor alone, and the whole group of a child
(with granian's workers and Celery's beat) can be ended together. Should the supervisor itself be killed, Linux sends
its children SIGTERM (PR_SET_PDEATHSIG); elsewhere they go on until they are ended by hand.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from evoke import keeper

POLL = 0.1  # seconds between two looks at the children
RESTARTS = 3  # how often a service that died is started again ...
WINDOW = 300.0  # ... within so many seconds
PATIENCE = 8.0  # seconds that a child has to end by itself


class ServiceFailed(Exception):
    """A service keeps dying; the message is one clear sentence."""


class Stopped(Exception):
    """Somebody asked the site to stop (Ctrl-C, SIGTERM) while a step was under way."""


@dataclass
class Service:
    """A process that is meant to run for ever, and its log."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen | None = None
    deaths: list[float] = field(default_factory=list)  # when it died, in monotonic seconds


class Supervisor:
    """Starts services and steps, watches them, ends them. `say` prints one line for the person at the terminal."""

    def __init__(self, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self.environment = dict(environment)
        self.say = say
        self.services: list[Service] = []
        self.step: subprocess.Popen | None = None
        self.signals = 0

    def listen(self) -> None:
        """From now on Ctrl-C, SIGTERM and a closed terminal ask for an orderly stop; asked twice, it is a quick one."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)

    def _note_signal(self, *_: object) -> None:
        self.signals += 1

    def start(self, service: Service) -> None:
        """Start a service; its output goes to its log."""
        self.services.append(service)
        self._launch(service)

    def _launch(self, service: Service) -> None:
        service.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with service.log.open("ab") as log:
            service.process = self._spawn(service.command, log)

    def _spawn(self, command: Sequence[str], output: IO[bytes] | None = None) -> subprocess.Popen:
        return subprocess.Popen(  # noqa: S603 (our own command lines)
            command,
            stdout=output,
            stderr=output,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_supervisor,  # safe: no other thread of ours holds a lock while we fork
        )

    def run(self, command: Sequence[str]) -> int:
        """Run a step with its output on the terminal while the services are watched. Returns its exit status."""
        self.step = self._spawn(command)
        self.watch(until=lambda: self.step is None or self.step.poll() is not None)
        status = self.step.returncode
        end([self.step], lambda: True)  # what its group may have left
        self.step = None
        return int(status)

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Look after the services until something is true. Raises Stopped, or ServiceFailed."""
        while not until():
            if self.signals:
                raise Stopped
            for service in self.services:
                if service.process and service.process.poll() is not None:
                    self._revive(service, service.process)
            time.sleep(POLL)

    def _revive(self, service: Service, dead: subprocess.Popen) -> None:
        """Start a dead service again, a few times."""
        end([dead], lambda: True)
        now = time.monotonic()
        service.deaths = [death for death in service.deaths if now - death < WINDOW] + [now]
        how = f"{service.name} ended unexpectedly (status {dead.returncode}; log: {service.log})"
        if len(service.deaths) > RESTARTS:
            service.process = None
            raise ServiceFailed(f"{how}, {len(service.deaths)} times in a few minutes: giving up.")
        self.say(f"{how}; starting it again.")
        self._launch(service)

    def stop(self) -> None:
        """End the services in the order of their start and the step; then whatever is left of their groups."""
        children = [service.process for service in self.services if service.process]
        end([*children, self.step] if self.step else children, lambda: self.signals > 1)
        self.step, self.services = None, []


def end(children: Sequence[subprocess.Popen], hurried: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Ask children to end, wait `patience` seconds (none where `hurried`), and kill what is left of their groups."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + patience
    while any(child.poll() is None for child in children) and time.monotonic() < deadline and not hurried():
        time.sleep(0.02)
    for child in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        _wait_for_group(child.pid)


def _wait_for_group(group: int, patience: float = 3.0) -> None:
    """Wait until no process of a killed group is left (the kernel takes a moment)."""
    deadline = time.monotonic() + patience
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.01)


def _end_with_supervisor() -> None:
    keeper.end_with_parent(signal.SIGTERM)
