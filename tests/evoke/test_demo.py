"""`manage.py demo`: refuses early, starts everything, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from evoke import preflight

DEMO = [sys.executable, "-m", "django", "demo"]
ADDRESS = re.compile(r"Evoke is at (\S+) ")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Demo:
    """A demo in a process of its own, and what it has said so far."""

    def __init__(self, data, *arguments: str) -> None:
        command = [*DEMO, *arguments, "--port", str(free_port())]
        environment = {**os.environ, "EVOKE_VAR": str(data.path), "OPENVERSE_API_URL": "http://127.0.0.1:9"}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = ""
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self) -> None:
        for line in self.process.stdout:
            self.said += line

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        status = self.process.wait(60)
        self.listener.join(10)
        return status


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    Image.effect_mandelbrot((900, 600), (-2, -1, 1, 1), 40).convert("RGB").save(folder / "one.jpg")
    return folder


def test_it_serves_goes_on_with_the_same_data_and_leaves_no_process(data, photographs, wait_until):
    first = Demo(data, str(photographs))
    wait_until(lambda: ADDRESS.search(first.said) or first.process.poll() is not None, "the site answers")
    address = ADDRESS.search(first.said).group(1)
    with urllib.request.urlopen(f"{address}healthz") as answer:
        assert answer.status == 200
    assert "name admin, password " in first.said
    said_origin = f"Photographs: from the folder {photographs}"
    wait_until(lambda: said_origin in first.said, "it says where photographs come from")
    wait_until(lambda: " ready." in log_of(data, "worker"), "the worker is ready")
    assert first.end(signal.SIGTERM) == 0, first.said
    assert data.processes() == []
    assert "unexpectedly" not in first.said

    second = Demo(data, "--no-worker")
    wait_until(lambda: ADDRESS.search(second.said) or second.process.poll() is not None, "the site answers again")
    assert second.end(signal.SIGINT) == 0, second.said
    assert data.processes() == []
    assert "password" not in second.said
    assert "Preparing the database" not in second.said


def log_of(data, name: str) -> str:
    path = data.path / "logs" / f"{name}.log"
    return path.read_text() if path.exists() else ""


def test_a_killed_demo_leaves_no_process_for_long_and_nothing_in_the_way(data, wait_until):
    first = Demo(data, "--no-worker")
    wait_until(lambda: ADDRESS.search(first.said) or first.process.poll() is not None, "the site answers")
    first.end(signal.SIGKILL)
    wait_until(lambda: not data.processes(), "web server and database have ended")
    with preflight.sole_demo(data.path):
        assert (data.path / "demo.lock").read_text() == str(os.getpid())


def refusal(*arguments: str, **environment: str) -> str:
    """What a demo that refuses says: one line on stderr, with a non-zero exit status."""
    done = subprocess.run(
        [*DEMO, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr.strip()


def test_it_refuses_an_unwritable_data_folder(empty_data):
    (empty_data.path / "file").touch()
    assert "cannot be written" in refusal(EVOKE_VAR=str(empty_data.path / "file" / "var"))


def test_it_refuses_an_empty_folder_before_it_starts_anything(empty_data):
    empty = empty_data.path / "empty"
    empty.mkdir()
    said = refusal(str(empty), EVOKE_VAR=str(empty_data.path))
    assert said.endswith(f"The folder {empty} holds no photographs (JPEG, PNG, WebP or AVIF).")
    assert not (empty_data.path / "postgres").exists()


def test_it_refuses_a_missing_folder(tmp_path):
    with pytest.raises(CommandError, match=r"^There is no folder .*/nowhere\.$"):
        call_command("demo", str(tmp_path / "nowhere"))


def test_it_refuses_a_taken_port():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CommandError, match=rf"^Port {port} of 127.0.0.1 cannot be used \(Address already in use\)"):
            call_command("demo", "--port", str(port))


@pytest.mark.parametrize("host, port", [("no such host", 8000), ("127.0.0.1", 99999)])
def test_it_refuses_an_address_that_does_not_exist(host, port):
    with pytest.raises(CommandError, match=r"cannot be used .*: choose another"):
        preflight.refuse_taken_port(host, port)


def test_it_refuses_a_second_demo_on_the_same_data(settings):
    with (
        preflight.sole_demo(settings.VAR),
        pytest.raises(CommandError, match=rf"already runs .* \(process {os.getpid()}\)"),
    ):
        call_command("demo")


@pytest.mark.parametrize(
    "host, port, url",
    [
        ("127.0.0.1", 8000, "http://127.0.0.1:8000/"),
        ("0.0.0.0", 80, "http://127.0.0.1:80/"),
        ("::1", 8000, "http://[::1]:8000/"),
    ],
)
def test_it_prints_an_address_that_works_on_this_machine(host, port, url):
    assert preflight.address(host, port) == url


def test_children_accept_the_names_under_which_the_site_is_visited(monkeypatch, tmp_path):
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    assert "192.0.2.7" in preflight.child_environment("192.0.2.7", tmp_path)["ALLOWED_HOSTS"].split(",")
    assert socket.gethostname() in preflight.child_environment("0.0.0.0", tmp_path)["ALLOWED_HOSTS"].split(",")
    monkeypatch.setenv("ALLOWED_HOSTS", "evoke.example")
    assert preflight.child_environment("0.0.0.0", tmp_path)["ALLOWED_HOSTS"] == "evoke.example"


def test_commands_that_need_no_database_start_none(empty_data):
    environment = {**os.environ, "EVOKE_VAR": str(empty_data.path)}
    subprocess.run([sys.executable, "-m", "django", "check"], env=environment, check=True, capture_output=True)
    assert not (empty_data.path / "postgres").exists()
