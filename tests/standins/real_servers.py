"""Real servers for tests, each in a folder and on a port of its own: PostgreSQL over TCP, Redis, RabbitMQ.

They can be stopped and started again on the same files, as an operator's would be. Nothing of the system's own is used.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from evoke import cluster

PATIENCE = 60.0  # seconds until a server answers
LOOPBACK = "127.0.0.1"
RABBITMQ = Path("/usr/lib/rabbitmq/bin")  # Debian's; the programs in PATH change the user


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def missing(*programs: str) -> list[str]:
    """Those of the programs that are not installed."""
    return [name for name in programs if not (shutil.which(name) or (RABBITMQ / name).exists())]


class RealServer:
    """A server process that can be started, stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        raise NotImplementedError

    def options(self) -> dict:
        return {}

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), 1):
            return True
        return False

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, **self.options())
        self._wait(self.answers, "answer")

    def stop(self) -> None:
        """End it in its own way, and wait until it is gone."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def restart(self, pause: float = 1.0) -> None:
        """Stop, leave it away for `pause` seconds, start."""
        self.stop()
        time.sleep(pause)
        self.start()

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert self.process is not None and self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, f"{type(self).__name__} does not {what}"
            time.sleep(0.05)


class PostgreSQL(RealServer):
    """The packaged PostgreSQL with pgvector, over TCP with a database named evoke."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "postgres").mkdir(exist_ok=True)
        self.places = cluster.prepare(folder / "postgres")
        self.url = f"postgres://postgres@{LOOPBACK}:{self.port}/evoke"

    def command(self) -> list[str]:
        words = ["-D", str(self.places.data), "-k", str(self.places.socket), "-p", str(self.port)]
        return [str(self.places.binaries / "postgres"), *words, "-c", f"listen_addresses={LOOPBACK}"]

    def options(self) -> dict:
        return {"cwd": "/", **(self.places.user.popen() if self.places.user else {})}

    def answers(self) -> bool:
        try:
            with psycopg.connect(
                host=LOOPBACK, port=self.port, user="postgres", dbname="postgres", connect_timeout=2, autocommit=True
            ) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'evoke'").fetchone():
                    connection.execute("CREATE DATABASE evoke")
                return True
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        """A fast shutdown (SIGINT): connections are cut, as by an operator's restart."""
        if self.process is not None:
            self.process.send_signal(2)
        super().stop()


class Redis(RealServer):
    """Redis, which keeps nothing on disk: messages are lost with it."""

    url = property(lambda self: f"redis://{LOOPBACK}:{self.port}/0")

    def command(self) -> list[str]:
        return ["redis-server", "--port", str(self.port), "--bind", LOOPBACK, "--save", "", "--dir", str(self.folder)]


class RabbitMQ(RealServer):
    """RabbitMQ as this user, its node, files, ports and port mapper (epmd) its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mapper, self.distribution = free_port(), free_port()

    url = property(lambda self: f"amqp://guest:guest@{LOOPBACK}:{self.port}//")

    def command(self) -> list[str]:
        return [str(RABBITMQ / "rabbitmq-server")]

    def options(self) -> dict:
        return {"env": self._environment(), "start_new_session": True}

    def stop(self) -> None:
        if self.process is not None:
            command = [str(RABBITMQ / "rabbitmqctl"), "-n", self._node(), "stop"]
            subprocess.run(command, env=self._environment(), capture_output=True, timeout=60)
        super().stop()
        subprocess.run(["epmd", "-kill"], env=self._environment(), capture_output=True, timeout=60)

    def _node(self) -> str:
        return f"evoke{self.port}@localhost"

    def _environment(self) -> dict[str, str]:
        folder = str(self.folder)
        return {
            **os.environ,
            "HOME": folder,
            "RABBITMQ_NODENAME": self._node(),
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self.mapper),
        }


@contextlib.contextmanager
def running(server: RealServer) -> Iterator[RealServer]:
    """The server, started; ended at last."""
    server.start()
    try:
        yield server
    finally:
        server.stop()
