"""What would make a one-machine site fail later, refused at once in one sentence."""

import contextlib
import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
from django.core.management.base import CommandError

from evoke.keeper import try_lock

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif"}
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (listening everywhere is what the person asked for)


def refuse_empty(folder: Path) -> None:
    """Raise CommandError unless a folder can be read and holds a photograph, at any depth."""
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise CommandError(f"The folder {folder} cannot be read by this user.")
    if not any(path.suffix.lower() in SUFFIXES for path in folder.rglob("*")):
        raise CommandError(f"The folder {folder} holds no photographs (JPEG, PNG, WebP or AVIF).")


def refuse_taken_port(host: str, port: int) -> None:
    """Raise CommandError unless this process could listen at host and port."""
    if not 0 < port < 1 << 16:  # the C library would take 99999 for another port without a word
        raise CommandError(f"Port {port} of {host} cannot be used (there are 1 to 65535): choose another with --port.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
            probe.bind(address)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"Port {port} of {host} cannot be used ({reason}): choose another with --port.") from error


@contextlib.contextmanager
def sole_demo(data: Path) -> Iterator[None]:
    """Hold the data folder for one demo. A lock, so that one which was killed is in nobody's way."""
    with (data / "demo.lock").open("a+") as file:
        if not try_lock(file):
            file.seek(0)
            raise CommandError(
                f"A demo already runs on the data folder {data} (process {file.read() or 'unknown'}):"
                " stop it, or set EVOKE_VAR to another folder."
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def visible(host: str) -> str:
    """The address at which this machine itself reaches a server that listens at `host`."""
    return WILDCARDS.get(host, host)


def address(host: str, port: int) -> str:
    """The URL to print."""
    name = visible(host)
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def child_environment(host: str, data: Path) -> dict[str, str]:
    """The environment of all children: same settings and data folder, and the names under which the site is visited."""
    environment = {**os.environ, "EVOKE_VAR": str(data)}
    environment.setdefault("DJANGO_SETTINGS_MODULE", "evoke.settings")
    if "ALLOWED_HOSTS" not in environment:
        names = {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host}
        if host in WILDCARDS:
            ours = (item for items in psutil.net_if_addrs().values() for item in items)
            names |= {socket.gethostname(), *(item.address for item in ours if item.family == socket.AF_INET)}
        environment["ALLOWED_HOSTS"] = ",".join(sorted(names))
    return environment


def answers(host: str, port: int) -> bool:
    """Whether a web server answers /healthz without an error of its own."""
    asking = http.client.HTTPConnection(visible(host), port, timeout=2)
    try:
        asking.request("GET", "/healthz")
        return asking.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()
