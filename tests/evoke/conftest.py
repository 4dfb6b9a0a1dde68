"""Data folders of their own for tests that start servers, and a look at what runs on them."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from evoke import embedded

PATIENCE = 60.0  # seconds: the bound of a wait that a hung test would otherwise never end


class DataFolder:
    """A data folder and the processes that work on it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def processes(self) -> list[psutil.Process]:
        """Living processes that name the folder in their command line, or by EVOKE_VAR in their environment."""
        found = []
        for process in psutil.process_iter():
            try:
                named = any(str(self.path) in word for word in process.cmdline())
                if process.pid != os.getpid() and (named or process.environ().get("EVOKE_VAR") == str(self.path)):
                    found.append(process)
            except psutil.Error:
                continue  # gone, a zombie, or another user's
        return found

    def kill_all(self) -> None:
        """What a power cut leaves: files, and no process."""
        for process in self.processes():
            process.kill()
        wait_until_true(lambda: not self.processes(), f"nothing runs on {self.path}")

    def keeper(self) -> psutil.Process:
        return psutil.Process(int((self.path / "postgres" / "keeper").read_text()))

    def server(self) -> psutil.Process:
        return psutil.Process(int((self.path / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0]))

    def query(self, statement: str) -> Any:
        """The first value of one statement's answer, from this process."""
        found = embedded.ensure_postgres(self.path)
        with psycopg.connect(
            host=found["HOST"], port=found["PORT"], user=found["USER"], dbname=found["NAME"]
        ) as connection:
            answer = connection.execute(statement)
            return answer.fetchone()[0] if answer.description else None


def wait_until_true(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {PATIENCE:.0f} s in vain until {what}")
        time.sleep(0.02)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object], str], None]:
    """Poll until a condition holds; fail, naming what was waited for, where it never does."""
    return wait_until_true


@contextlib.contextmanager
def new_folder() -> Iterator[DataFolder]:
    """A data folder with a short path that any user may reach (pytest's own folders are closed to others)."""
    folder = DataFolder(Path(tempfile.mkdtemp(prefix="evoke-", dir="/tmp")).resolve())
    try:
        yield folder
    finally:
        folder.kill_all()
        embedded.release_postgres(folder.path)
        shutil.rmtree(folder.path, ignore_errors=True)


@pytest.fixture
def empty_data() -> Iterator[DataFolder]:
    """A data folder with nothing in it."""
    with new_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def initialised() -> Iterator[Path]:
    """The files of a server that was started once and ended, to be copied: that is quicker than to make them anew."""
    with new_folder() as folder:
        folder.query("SELECT 1")
        embedded.release_postgres(folder.path)
        yield folder.path / "postgres" / "cluster"


@pytest.fixture
def data(initialised: Path) -> Iterator[DataFolder]:
    """A data folder whose server has run before."""
    with new_folder() as folder:
        (folder.path / "postgres").mkdir(mode=0o700)
        subprocess.run(["cp", "-a", initialised, folder.path / "postgres"], check=True)  # with owners
        yield folder
