"""A whole site for tests: a data folder, a PostgreSQL over TCP, and processes, any of which may be killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from PIL import Image, ImageFilter
from standins.real_servers import PostgreSQL

MANAGE = str(Path(__file__).parents[2] / "manage.py")
LICENCE = "https://creativecommons.org/publicdomain/zero/1.0/"
HEADER = ("file", "title", "creator", "licence", "licence_url", "source_url", "tags", "mood", "sensitive")


class Site:
    """Processes with one environment. `environment` may be changed between them (a broker, say)."""

    def __init__(self, folder: Path, database: PostgreSQL) -> None:
        self.folder, self.database = folder, database
        self.environment = {
            **os.environ,
            "EVOKE_VAR": str(folder / "var"),
            "DATABASE_URL": database.url,
            "OMP_NUM_THREADS": "1",
        }
        self.children: list[subprocess.Popen] = []

    def start(self, *command: str) -> subprocess.Popen:
        """A process in a session of its own; its output goes to <folder>/log."""
        with (self.folder / "log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, *command], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.children.append(child)
        return child

    def manage(self, *arguments: str) -> subprocess.Popen:
        return self.start(MANAGE, *arguments)

    def worker(self, queues: str = "web,crawl,score,train", *, beat: bool = True) -> subprocess.Popen:
        """A Celery worker, with beat inside, whose schedule is looked at often."""
        words = ("-m", "celery", "-A", "evoke", "worker", "-P", "threads", "--concurrency", "2", "-Q", queues)
        more = ("-B", "--scheduler", "django_celery_beat.schedulers:DatabaseScheduler") if beat else ()
        return self.start(*words, "--loglevel", "INFO", "--without-mingle", "--without-gossip", *more)

    def done(self, *arguments: str) -> None:
        """A command that must succeed."""
        assert self.manage(*arguments).wait(240) == 0, self.log()

    def ask(self, code: str) -> Any:
        """What Python code in the site prints as JSON."""
        command = [sys.executable, MANAGE, "shell", "--no-imports", "-c", code]
        found = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout)

    def query(self, statement: str) -> Any:
        """The first value that the database answers."""
        with psycopg.connect(self.database.url.replace("postgres://", "postgresql://")) as connection:
            answer = connection.execute(statement)
            return answer.fetchone()[0] if answer.description else None

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def until(self, true: Callable[[], Any], what: str, seconds: float = 90.0) -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"{what} did not come true.\n{self.log()}"
            time.sleep(0.02)

    def close(self) -> None:
        for child in self.children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def folder_of_pictures(folder: Path, count: int, side: int = 360) -> Path:
    """A folder that import_photos takes: soft random colours, each picture and creator another."""
    (folder / "photos").mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for number in range(count):
            grain = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(grain).resize((side * 4 // 3, side), Image.Resampling.BICUBIC)
            picture.filter(ImageFilter.GaussianBlur(2)).save(folder / "photos" / f"{number}.jpg", quality=85)
            rows.writerow([f"{number}.jpg", f"No. {number}", f"Painter {number}", "CC0", LICENCE, "", "", "", 0])
    return folder
