"""The embedded PostgreSQL: shared by processes that come, go and are killed."""

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from evoke import cluster, embedded

# Joins the server and prints when that server was started: at once, and again for each line that it is sent.
CLIENT = """
import sys, psycopg
from pathlib import Path
from evoke import embedded
found = embedded.ensure_postgres(Path(sys.argv[1]))
with psycopg.connect(host=found["HOST"], user=found["USER"], dbname=found["NAME"], autocommit=True) as connection:
    while True:
        print(connection.execute("SELECT pg_postmaster_start_time()").fetchone()[0], flush=True)
        if not sys.stdin.readline():
            break
"""


class Client:
    """Another process that uses the server of a data folder."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def hear(self) -> str:
        """When the server that it talks to was started."""
        return self.process.stdout.readline().strip()

    def ask(self) -> str:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.hear()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_processes_that_start_at_once_share_a_server_which_ends_with_the_last(empty_data, wait_until):
    first, second = Client(empty_data.path), Client(empty_data.path)
    started = first.hear()
    assert started
    assert second.hear() == started
    first.kill()
    assert second.ask() == started
    assert os.getsid(empty_data.keeper().pid) == empty_data.keeper().pid  # out of reach of a terminal's Ctrl-C
    second.kill()
    wait_until(lambda: not empty_data.processes(), "the keeper has ended the server")
    assert not (empty_data.path / "postgres" / "cluster" / "postmaster.pid").exists()


def test_a_server_outlives_the_process_that_started_it_while_another_uses_it(data):
    data.query("SELECT 1")
    other = Client(data.path)
    started = other.hear()
    embedded.release_postgres(data.path)
    assert other.ask() == started
    other.kill()


def test_the_last_holder_waits_for_the_end_and_the_data_stays(data):
    data.query("CREATE TABLE kept AS SELECT 7 AS number")
    embedded.release_postgres(data.path)
    assert not data.processes()
    assert data.query("SELECT number FROM kept") == 7
    assert data.query("SHOW data_checksums") == "on"
    assert data.query("SELECT datlocale FROM pg_database WHERE datname = current_database()") == "C.UTF-8"


def test_a_keeper_without_a_name_is_waited_for_and_never_signalled(data, monkeypatch):
    """While a keeper starts or ends its file is empty; a signal to pid -1 would reach every process there is."""
    data.query("SELECT 1")
    (data.path / "postgres" / "keeper").write_text("")
    signalled = []
    monkeypatch.setattr(embedded.os, "kill", lambda pid, number: signalled.append(pid))
    embedded.release_postgres(data.path, patience=0.3)
    assert signalled == []


def test_a_keeper_that_is_just_ending_is_followed_by_another(data):
    """It lets go of the lock that starters wait for a moment before it lets go of its own."""
    data.query("SELECT 1")
    embedded.release_postgres(data.path)
    with (data.path / "postgres" / "keeper").open("a") as ending:
        fcntl.flock(ending, fcntl.LOCK_EX)
        threading.Timer(0.3, fcntl.flock, (ending, fcntl.LOCK_UN)).start()
        assert data.query("SELECT 1") == 1


def test_nobody_else_may_reach_the_server(data):
    assert data.query("SHOW listen_addresses") == ""
    assert cluster.socket_place(data.path / "postgres").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("reused", [False, True], ids=["pid-gone", "pid-of-another-program"])
def test_it_starts_after_a_crash_that_left_a_pid_file(data, reused):
    data.query("SELECT 1")
    data.kill_all()
    pid_file = data.path / "postgres" / "cluster" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    if reused:
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert data.query("SELECT 1") == 1


def test_a_killed_server_is_started_again_by_its_keeper(data, wait_until):
    data.query("SELECT 1")
    server, keeper = data.server(), data.keeper()
    server.kill()
    wait_until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, "the server is dead")
    wait_until(lambda: answers(data), "it answers again")
    assert data.keeper() == keeper


def answers(data) -> bool:
    try:
        return data.query("SELECT 1") == 1
    except psycopg.OperationalError:
        return False


def test_a_killed_keeper_is_followed_by_another_with_a_server_of_its_own(data):
    data.query("SELECT 1")
    server, keeper = data.server(), data.keeper()
    keeper.kill()
    keeper.wait()
    assert data.query("SELECT 1") == 1
    assert data.keeper() != keeper
    assert data.server() != server


def test_a_path_too_long_for_a_socket_gets_a_short_folder(data):
    deep = data.path / ("long" * 15) / ("path" * 15)
    embedded.ensure_postgres(deep)
    socket = cluster.socket_place(deep / "postgres")
    assert len(str(socket)) < 100
    assert (socket / ".s.PGSQL.5432").exists()
    assert socket.stat().st_mode & 0o077 == 0
    embedded.release_postgres(deep)
    assert not socket.exists()


def test_a_socket_folder_that_another_user_opened_is_refused(data):
    deep = data.path / ("long" * 15) / ("path" * 15)
    socket = cluster.socket_place(deep / "postgres")
    socket.mkdir()
    socket.chmod(0o777)
    try:
        with pytest.raises(embedded.EmbeddedError, match="belongs to another user or is open to others"):
            embedded.ensure_postgres(deep)
    finally:
        socket.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root does the server run as another user")
def test_as_root_programs_and_data_behind_a_closed_folder_lie_elsewhere(data, monkeypatch):
    data.path.chmod(0o711)
    closed = data.path / "closed"
    closed.mkdir(mode=0o700)
    installed = cluster._wheel()
    for part in installed.parent.glob(f"{installed.name}*"):
        shutil.copytree(part, closed / part.name, symlinks=True)
    monkeypatch.setattr(cluster, "_wheel", lambda: closed / installed.name)
    monkeypatch.setattr(cluster, "STATE", data.path / "state")
    found = embedded.ensure_postgres(closed / "var")
    with psycopg.connect(host=found["HOST"], user=found["USER"], dbname=found["NAME"]) as connection:
        place = Path(connection.execute("SHOW data_directory").fetchone()[0])
    embedded.release_postgres(closed / "var")
    assert place.parent == data.path / "state"
    assert (closed / "var" / "postgres" / "cluster").resolve() == place
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence(data, monkeypatch):
    (data.path / "file").touch()
    monkeypatch.setenv("EVOKE_VAR", str(data.path / "file" / "var"))
    with pytest.raises(
        embedded.EmbeddedError, match=r"^The data folder \S+/file/var cannot be written \(.+\): set .+\.$"
    ):
        embedded.data_folder()


def test_files_of_another_version_are_refused_in_one_sentence(data):
    data.query("SELECT 1")
    embedded.release_postgres(data.path)
    (data.path / "postgres" / "cluster" / "PG_VERSION").write_text("9\n")
    with pytest.raises(embedded.EmbeddedError, match="was made by PostgreSQL 9"):
        embedded.ensure_postgres(data.path)


def test_a_server_that_cannot_start_says_why(data):
    data.query("SELECT 1")
    embedded.release_postgres(data.path)
    with (data.path / "postgres" / "cluster" / "postgresql.conf").open("a") as settings:
        settings.write("shared_buffers = nonsense\n")
    with pytest.raises(
        embedded.EmbeddedError, match=r"did not start: .*(nonsense|shared_buffers|postgresql\.conf).*log: "
    ):
        embedded.ensure_postgres(data.path)


def test_secrets_are_private_and_the_same_for_all_who_ask_at_once(data, monkeypatch):
    monkeypatch.setenv("EVOKE_VAR", str(data.path))
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(embedded.secret, ["key"] * 32))
    assert len(found) == 1
    assert len(found.pop()) >= 50
    path = data.path / "secrets" / "key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert embedded.secret("other") != embedded.secret("key")
