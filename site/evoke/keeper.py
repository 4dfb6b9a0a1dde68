"""The keeper: a small process that owns one embedded PostgreSQL and ends it when nobody holds it any more.

Run as a file by `embedded.py` (`python -I -S keeper.py PLAN`), it imports the standard library alone: no Django, 10 MB.
Every client holds a shared lock on `holders` for its life. Locks vanish with their process, however it dies, so the
keeper need not be told: when it can lock `holders` for itself, nobody is left. It lives in a session of its own (a
terminal's Ctrl-C does not reach it) and writes to a log only (no caller's pipe stays open).
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

POLL = 0.1  # seconds between two looks at the locks
GRACE = 2.0  # seconds without holders before the server ends, so that a sequence of commands shares one start
LOCKS = ("start.lock", "holders", "keeper")  # files in the home folder
RESTARTS = 3  # how often a server that died by itself is started again
FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT  # PostgreSQL's shutdown modes
PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>
LIBC = ctypes.CDLL(None)  # loaded before any fork


def try_lock(file: IO[str], kind: int = fcntl.LOCK_EX) -> bool:
    """Lock an open file without waiting; False where another process is in the way."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_with_parent(number: int = FAST) -> None:
    """Ask Linux to send this process a signal when its parent dies (run between fork and exec). Elsewhere: nothing."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, number)


class Keeper:
    """One server, from its start to its end. `home` holds the locks; `command` starts postgres as `user` (uid, gid)."""

    def __init__(self, home: str, command: list[str], socket: str, log: str, user: list[int] | None) -> None:
        self.command, self.socket, self.log = command, Path(socket), Path(log)
        self.identity: dict = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
        # Opened once: should the folder be deleted and made anew, its new clients are another keeper's.
        self.start_lock, self.holders, self.own = [Path(home, name).open("a+") for name in LOCKS]  # noqa: SIM115 (for life)
        self.grace = GRACE
        self.failures = 0
        self.server: subprocess.Popen

    def run(self) -> int:
        """Serve until nobody holds the server. Exit status 1 where it could not be kept running."""
        if not self.claim():
            return 0  # another keeper was faster
        self.own.truncate(0)
        self.own.write(str(os.getpid()))
        self.own.flush()
        signal.signal(signal.SIGTERM, self.hurry)
        self.start()
        lonely_since: float | None = None
        while self.alive():
            lonely_since = (lonely_since or time.monotonic()) if self.lonely() else None
            if lonely_since and time.monotonic() - lonely_since >= self.grace and self.close():
                return 0
            time.sleep(POLL)
        return 1

    def claim(self) -> bool:
        """Become the keeper. Tried for a second: clients take this lock for a moment to see whether a keeper lives."""
        for _ in range(20):
            if try_lock(self.own):
                return True
            time.sleep(0.05)
        return False

    def hurry(self, *_: object) -> None:
        """SIGTERM: end as soon as nobody holds the server, without grace."""
        self.grace = 0.0

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        with self.log.open("ab") as log:
            self.server = subprocess.Popen(  # noqa: S603 (our own command line)
                self.command,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,  # a killed keeper leaves no server that nobody would ever stop
                **self.identity,
            )
        self.started = time.monotonic()

    def alive(self) -> bool:
        """Whether the server runs; one that died by itself (a kill, not enough memory) is started again a few times."""
        if self.server.poll() is None:
            return True
        if time.monotonic() - self.started > 60:
            self.failures = 0
        self.failures += 1
        if self.failures > RESTARTS or self.lonely():
            return False
        time.sleep(self.failures / 4)  # its orphaned backends need a moment to notice and to let go of shared memory
        self.forget()
        self.start()
        return True

    def forget(self) -> None:
        """Remove what our own, dead server left behind."""
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self.socket / name).unlink(missing_ok=True)
        (Path(self.command[self.command.index("-D") + 1]) / "postmaster.pid").unlink(missing_ok=True)

    def lonely(self) -> bool:
        """Whether no process holds the shared lock."""
        free = try_lock(self.holders)
        if free:
            fcntl.flock(self.holders, fcntl.LOCK_UN)
        return free

    def close(self) -> bool:
        """End the server unless a client is just coming; one that comes later waits for the lock, then starts anew."""
        if not try_lock(self.start_lock):
            return False
        if not self.lonely():
            fcntl.flock(self.start_lock, fcntl.LOCK_UN)
            return False
        for number, patience in ((FAST, 60), (IMMEDIATE, 10), (signal.SIGKILL, 5)):
            self.server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(patience)
                break
        with contextlib.suppress(OSError):
            self.socket.rmdir()
        self.own.truncate(0)
        return True


if __name__ == "__main__":
    sys.exit(Keeper(**json.loads(sys.argv[1])).run())
