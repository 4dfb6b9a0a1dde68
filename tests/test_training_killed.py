"""A training is killed (SIGKILL), with its worker or alone, and stopped in order: the weights are those of a quiet one.

EVOKE_TRAINING_KILLS sets how often; a few times are enough to notice a fault.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from safetensors.numpy import load_file

KILLS = int(os.environ.get("EVOKE_TRAINING_KILLS", "2"))
DJANGO = [sys.executable, "-P", "-m", "django"]
# A tiny network, whose training on a few photographs takes some seconds: enough to be killed in.
NET = ("ram", ["side=32", "patch=8", "scales=2", "rollouts=2", "batch=4", "epochs=12"])
SHELL = """
import contextlib, io, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "evoke.settings"
import django
django.setup()
for line in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(json.loads(line), {})
    print(json.dumps(said.getvalue()), flush=True)
"""
BEGIN = """
import json, sys
from ml import runs
from ml.rows import Selection
run = runs.start(asked_by=None, recipe={recipe!r}, options={options!r}, forced=True,
                 selection=Selection(ratings=False, felt=False, sets=("oasis",)))
print(json.dumps(run))
"""
STANDING = """
import json, sys
from ml.models import TrainingRun
run = TrainingRun.objects.select_related("network").get(pk={run})
print(json.dumps([run.state, run.attempts, run.message, run.worker, run.step,
                  run.network and run.network.card["arguments"]["joined"]["speaker"]]))
"""
BEATS = """
from ml.models import WorkerBeat
for beat in WorkerBeat.objects.all():
    print(beat.queues)
"""
LET_GO = """
from datetime import timedelta
from django.utils import timezone
from ml import runs
from ml.models import TrainingRun
TrainingRun.objects.filter(pk={run}, state="running").update(lease_until=timezone.now() - timedelta(seconds=1))
runs.sweep()
"""


class Site:
    """A site in a folder of its own; worker(run) is a process that does what a queue's worker does with a message."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.environment = {**os.environ, "EVOKE_VAR": str(var), "OMP_NUM_THREADS": "1"}
        self.children: list[subprocess.Popen] = []
        self.told: subprocess.Popen | None = None

    def start(self, *words: str) -> subprocess.Popen:
        self.children.append(subprocess.Popen([*DJANGO, *words], env=self.environment, stderr=subprocess.DEVNULL))
        return self.children[-1]

    def shell(self, code: str) -> str:
        """What code of the site prints; one process runs all of it, since each start takes seconds."""
        if self.told is None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self.told = subprocess.Popen([sys.executable, "-P", "-c", SHELL], env=self.environment, **pipes)
            self.children.append(self.told)
        self.told.stdin.write(json.dumps(code) + "\n")
        self.told.stdin.flush()
        return json.loads(self.told.stdout.readline())

    def begin(self) -> int:
        recipe, options = NET
        return json.loads(self.shell(BEGIN.format(recipe=recipe, options=options)))

    def standing(self, run: int) -> list:
        return json.loads(self.shell(STANDING.format(run=run)))

    def worker(self, run: int) -> subprocess.Popen:
        return self.start("shell", "--no-imports", "-c", f"from ml import tasks; tasks.train({run})")

    def celery(self) -> subprocess.Popen:
        """A real worker of the queues that a GPU's machine serves; it finds messages in the site's folder."""
        words = ["-m", "celery", "-A", "evoke", "worker", "-P", "solo", "-Q", "train,score", "--loglevel", "INFO"]
        log = (self.var / "worker.log").open("ab")
        self.children.append(
            subprocess.Popen([sys.executable, "-P", *words], env=self.environment, stdout=log, stderr=log)
        )
        return self.children[-1]

    def trainer(self, worker: subprocess.Popen) -> psutil.Process:
        """The process that trains for a worker."""
        return until(
            lambda: next((c for c in psutil.Process(worker.pid).children() if "carry_out" in c.cmdline()), None)
        )

    def checkpoint(self, run: int) -> Path:
        return self.var / "runs" / f"run-{run}" / "checkpoint.safetensors"

    def weights(self, name: str) -> dict[str, np.ndarray]:
        return load_file(self.var / "networks" / f"{name}.safetensors")


def until(found: Callable, patience: float = 90.0):
    """What `found` gives as soon as it is something."""
    deadline = time.monotonic() + patience
    while not (value := found()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    _photographs(site.var / "datasets" / "oasis")
    migrate = site.start("migrate", "--verbosity", "0")
    assert migrate.wait(120) == 0
    yield site
    for child in site.children:
        if child.poll() is None:
            child.kill()
        child.wait()


@pytest.fixture(scope="module")
def quiet(site) -> dict[str, np.ndarray]:
    """The weights of a training that nothing disturbed."""
    run = site.begin()
    assert site.worker(run).wait(120) == 0
    state, attempts, message, *_, made = site.standing(run)
    assert (state, attempts) == ("done", 1), message
    assert not site.checkpoint(run).parent.exists(), "no copy of photographs outlives its run"
    return site.weights(made)


def _photographs(folder: Path) -> None:
    (folder / "photos").mkdir(parents=True)
    lines = ["file,theme,subject,category,valence_mean,valence_sd,arousal_mean,arousal_sd,aesthetic_mean,aesthetic_sd"]
    rng = np.random.default_rng(0)
    for number in range(60):
        name = f"Thing {number}"
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(folder / "photos" / f"{name}.jpg")
        lines.append(f"{name}.jpg,{name},thing {number},Object,4,1,4,1,{rng.uniform(2, 6):.2f},1")
    (folder / "norms.csv").write_text("\n".join(lines) + "\n")


def finished(site: Site, run: int, quiet: dict[str, np.ndarray]) -> None:
    """Another worker brings the run to its end, with the weights of the quiet one."""
    site.shell(LET_GO.format(run=run))
    assert site.worker(run).wait(120) == 0
    state, _, message, *_, made = site.standing(run)
    assert state == "done", message
    for name, array in site.weights(made).items():
        np.testing.assert_array_equal(array, quiet[name], err_msg=name)


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_training_goes_on_to_the_same_weights(site, quiet, seed):
    run, rng = site.begin(), random.Random(seed)
    worker = site.worker(run)
    trainer = site.trainer(worker)
    until(site.checkpoint(run).is_file)
    time.sleep(rng.uniform(0.0, 1.5))
    if seed % 2:
        worker.kill()  # its trainer is told by the kernel, saves and gives the row back
        worker.wait()
        started = time.monotonic()
        psutil.wait_procs([trainer], timeout=15)
        assert not trainer.is_running()
        assert time.monotonic() - started < 10
        assert site.standing(run)[:2] == ["queued", 0]
    else:
        trainer.send_signal(signal.SIGKILL)
        assert worker.wait(30) == 0, "the worker lives on"
        assert site.standing(run)[:2] == ["running", 1]
    finished(site, run, quiet)


def test_a_stop_in_order_saves_a_checkpoint_within_ten_seconds(site, quiet):
    run = site.begin()
    worker = site.worker(run)
    trainer = site.trainer(worker)
    until(site.checkpoint(run).is_file)
    before, started = site.checkpoint(run).stat().st_mtime_ns, time.monotonic()
    trainer.terminate()
    assert worker.wait(15) == 0
    assert time.monotonic() - started < 10
    assert site.checkpoint(run).stat().st_mtime_ns > before
    assert site.standing(run)[:2] == ["queued", 0]
    finished(site, run, quiet)


def test_a_cancelled_training_ends_by_itself_and_can_be_resumed(site, quiet):
    run = site.begin()
    worker = site.worker(run)
    until(site.checkpoint(run).is_file)
    site.shell(f"from ml import runs; runs.cancel({run})")
    assert worker.wait(30) == 0
    assert site.standing(run)[0] == "cancelled"
    site.shell(f"from ml import runs; runs.resume({run})")
    finished(site, run, quiet)


def test_a_worker_of_the_queue_stops_within_ten_seconds_and_the_next_goes_on(site, quiet):
    run = site.begin()
    worker = site.celery()
    trainer = site.trainer(worker)
    until(site.checkpoint(run).is_file)
    assert site.shell(BEATS) == "score, train\n"
    started = time.monotonic()
    worker.terminate()
    assert worker.wait(15) == 0
    assert time.monotonic() - started < 10
    assert not trainer.is_running()
    assert (site.standing(run)[:2], site.shell(BEATS)) == (["queued", 0], "")
    second = site.celery()
    site.shell(LET_GO.format(run=run))
    until(lambda: site.standing(run)[0] == "running")
    site.trainer(second)
    second.kill()
    second.wait()
    until(lambda: site.standing(run)[0] == "queued", 15)
    finished(site, run, quiet)
