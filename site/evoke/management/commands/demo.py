"""`manage.py demo [FOLDER]`: the whole site on one machine, from nothing, until Ctrl-C."""

import secrets
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from evoke import embedded, preflight
from evoke.supervisor import Service, ServiceFailed, Stopped, Supervisor

PYTHON = (sys.executable, "-P", "-m")  # -P: a folder named like a package of ours, where one stands, is not imported
DJANGO = (*PYTHON, "django")
WEB = (
    *(*PYTHON, "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "2", "--no-ws"),
    "--no-access-log",  # no log tells who looked at what
    *("--respawn-failed-workers", "--workers-kill-timeout", "3", "evoke.wsgi:application"),
)
WORKER = (
    *(*PYTHON, "celery", "-A", "evoke", "worker", "-B", "-P", "threads", "--concurrency", "4", "--loglevel", "INFO"),
    *("-Q", "web,crawl,score,train", "--scheduler", "django_celery_beat.schedulers:DatabaseScheduler"),
)
OPENVERSE = ("import_openverse", "--per-mood", "40", "--seconds", "90")
PATIENCE = 60.0  # seconds until the web server must have answered
MORE = "Add more with: manage.py import_photos FOLDER"


class Command(BaseCommand):
    """Refuse what cannot work, prepare the database, serve, bring and score photographs, then watch until the end."""

    help = "Start the whole site on this machine: database, web server, worker; import and score photographs."
    requires_system_checks: list[str] = []  # tests run them; a start shall be quick

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="photographs to show")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
        parser.add_argument("--no-worker", action="store_true", help="start no Celery worker")

    def handle(self, *, folder: Path | None, host: str, port: int, no_worker: bool, **options: Any) -> None:
        if folder is not None:
            preflight.refuse_empty(folder)
        with preflight.sole_demo(settings.VAR):
            preflight.refuse_taken_port(host, port)
            supervisor = Supervisor(preflight.child_environment(host, settings.VAR), self.say)
            supervisor.listen()
            try:
                self.prepare_database()
                self.start_web(supervisor, host, port)
                if not no_worker:
                    supervisor.start(Service("The worker", WORKER, settings.VAR / "logs" / "worker.log"))
                self.bring_photographs(supervisor, folder)
                supervisor.watch()
            except Stopped:
                self.say("Stopping.")
            except (ServiceFailed, OperationalError) as error:
                raise CommandError(" ".join(str(error).split())) from error
            finally:
                supervisor.stop()
                leave_database()
                embedded.release_postgres(settings.VAR)

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def prepare_database(self) -> None:
        """Tables as the code wants them, and an admin account."""
        self.say(f"Data folder: {settings.VAR}")
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.say("Preparing the database.")
            call_command("migrate", verbosity=0)
        self.create_admin()
        leave_database()

    def create_admin(self) -> None:
        """One superuser, where there is none; its password is printed once and kept nowhere."""
        users = get_user_model()._default_manager
        if users.filter(is_superuser=True).exists():
            return
        password = secrets.token_urlsafe(12)
        users.create_superuser("admin", password=password)
        self.say(f"Admin account (printed this once): name admin, password {password}")

    def start_web(self, supervisor: Supervisor, host: str, port: int) -> None:
        """Start the web server and print the address once it answers."""
        log = settings.VAR / "logs" / "web.log"
        supervisor.start(Service("The web server", (*WEB, "--host", host, "--port", str(port)), log))
        deadline = time.monotonic() + PATIENCE
        supervisor.watch(until=lambda: preflight.answers(host, port) or time.monotonic() > deadline)
        if not preflight.answers(host, port):
            raise ServiceFailed(f"The web server does not answer (log: {log}).")
        self.say(f"Evoke is at {preflight.address(host, port)} (Ctrl-C stops it).")

    def bring_photographs(self, supervisor: Supervisor, folder: Path | None) -> None:
        """Import and score in processes of their own, with their progress on the terminal; the site is up meanwhile."""
        if folder is not None:
            self.say(f"Photographs: from the folder {folder}. {MORE}")
            supervisor.run((*DJANGO, "import_photos", str(folder)))
        elif count := count_photographs():
            self.say(f"Photographs: the {count} of the collection. {MORE}")
        else:
            self.fetch_photographs(supervisor)
        supervisor.run((*DJANGO, "score"))

    def fetch_photographs(self, supervisor: Supervisor) -> None:
        """Freely licensed photographs from Openverse or, without a network, those that two Python packages ship."""
        self.say(f"Photographs: from Openverse (public domain, CC0, CC BY), for 90 seconds at most. {MORE}")
        supervisor.run((*DJANGO, *OPENVERSE))
        if not count_photographs():
            self.say(f"Openverse gave none; photographs: the samples of scikit-image and scikit-learn. {MORE}")
            supervisor.run((*DJANGO, "import_samples"))


def count_photographs() -> int:
    """How many photographs the collection holds."""
    from gallery.models import Photo

    try:
        return int(Photo.objects.count())
    finally:
        leave_database()


def leave_database() -> None:
    """Close connections and the pool with its threads: the supervisor forks, and may run for weeks."""
    connection.close()
    if connection.settings_dict["OPTIONS"].get("pool"):
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
