"""Supervision: what dies is started again, what is stopped is gone."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from evoke.supervisor import RESTARTS, Service, ServiceFailed, Stopped, Supervisor

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)",
]
WITH_CHILD = [
    sys.executable,
    "-c",
    f"import subprocess, time; print(subprocess.Popen({SLEEPS}).pid, flush=True); time.sleep(600)",
]
# A supervisor of one sleeping service, which prints that service's pid.
SUPERVISOR = f"""
import os
from pathlib import Path
from evoke.supervisor import Service, Supervisor
supervisor = Supervisor(os.environ, print)
supervisor.start(Service("The sleeper", {SLEEPS}, Path(os.devnull)))
print(supervisor.services[0].process.pid, flush=True)
supervisor.watch()
"""


@pytest.fixture
def supervisor():
    said: list[str] = []
    supervisor = Supervisor(os.environ, said.append)
    supervisor.said = said
    yield supervisor
    supervisor.signals = 2
    supervisor.stop()


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_service_that_dies_is_started_again_and_named_with_its_log(supervisor, tmp_path):
    service = Service("The sleeper", SLEEPS, tmp_path / "logs" / "sleeper.log")
    supervisor.start(service)
    first = service.process
    first.kill()
    supervisor.watch(until=lambda: service.process is not first)
    assert service.process.poll() is None
    assert supervisor.said == [
        f"The sleeper ended unexpectedly (status -9; log: {tmp_path}/logs/sleeper.log); starting it again."
    ]


def test_a_service_that_keeps_dying_is_given_up(supervisor, tmp_path):
    log = tmp_path / "log"
    supervisor.start(Service("The mayfly", [sys.executable, "-c", "print('once', flush=True); exit(3)"], log))
    with pytest.raises(ServiceFailed, match=r"^The mayfly ended unexpectedly \(status 3; log: .*giving up\.$"):
        supervisor.watch()
    assert log.read_text().splitlines() == ["once"] * (RESTARTS + 1)


def test_a_step_is_run_to_its_end(supervisor):
    assert supervisor.run([sys.executable, "-c", "exit(0)"]) == 0
    assert supervisor.run([sys.executable, "-c", "exit(5)"]) == 5


def test_a_signal_stops_a_step_and_everything_else(supervisor, tmp_path):
    supervisor.start(Service("The sleeper", SLEEPS, tmp_path / "log"))
    sleeper = supervisor.services[0].process.pid
    supervisor._note_signal()
    with pytest.raises(Stopped):
        supervisor.run(SLEEPS)
    step = supervisor.step.pid
    supervisor.stop()
    assert is_gone(step)
    assert is_gone(sleeper)


def test_what_ignores_a_polite_request_is_killed_when_asked_twice(supervisor, tmp_path):
    log = tmp_path / "log"
    supervisor.start(Service("The mule", STUBBORN, log))
    supervisor.watch(until=lambda: "ready" in log.read_text())
    mule = supervisor.services[0].process
    supervisor.signals = 2
    supervisor.stop()
    assert mule.returncode == -signal.SIGKILL
    assert is_gone(mule.pid)


def test_the_children_of_a_service_end_with_it(supervisor, tmp_path):
    log = tmp_path / "log"
    supervisor.start(Service("The parent", WITH_CHILD, log))
    supervisor.watch(until=lambda: log.read_text().endswith("\n"))
    supervisor.stop()
    assert is_gone(int(log.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_a_killed_supervisor_leaves_no_service_behind(wait_until):
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True)
    sleeper = int(process.stdout.readline())
    assert not is_gone(sleeper)
    process.kill()
    process.communicate()
    wait_until(lambda: is_gone(sleeper), "the service has ended")
