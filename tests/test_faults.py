"""Processes and servers that die while photographs are scored: nothing is lost, nothing is done twice.

EVOKE_KILLS sets how often the random kills come; a few are enough to notice a fault.
"""

import os
import random
import signal
import subprocess
import time

import pytest
from standins.real_servers import PostgreSQL, RabbitMQ, Redis, missing, running
from standins.site import Site, folder_of_pictures

KILLS = int(os.environ.get("EVOKE_KILLS", "4"))
COUNT = 108
TRIES = 5
FACTS = """
import json
from gallery.models import Photo, Score, ScoringFailure
from gallery.rank import shortlist
pairs = Score.objects.values("photo", "network").distinct()
print(json.dumps([Photo.objects.count(), Score.objects.count(), pairs.count(), ScoringFailure.objects.count(),
    len(shortlist.current().ids)]))
"""
SEND = "from gallery.tasks import score_pending; score_pending.delay(); print(1)"


@pytest.fixture(scope="module")
def whole_site(tmp_path_factory):
    """A site with photographs and no scores."""
    folder = tmp_path_factory.mktemp("site")
    for place in (folder, folder.parent):
        place.chmod(0o755)  # PostgreSQL runs as a user of its own
    with running(PostgreSQL(folder / "database")) as database:
        site = Site(folder, database)
        site.done("migrate", "--verbosity", "0")
        site.done("import_photos", str(folder_of_pictures(folder / "pictures", COUNT)))
        site.done("score")  # exports the network, which is not what dies here
        yield site
        site.close()


@pytest.fixture
def site(whole_site):
    """The same, without scores and with nothing running."""
    whole_site.environment.pop("CELERY_BROKER_URL", None)
    whole_site.query("TRUNCATE gallery_score, gallery_scoringfailure")
    yield whole_site
    whole_site.close()
    whole_site.children.clear()


def scored(site: Site) -> int:
    return site.query("SELECT count(*) FROM gallery_score")


def whole(site: Site) -> None:
    """Every photograph has one score, none failed, all are in the shortlist."""
    assert site.ask(FACTS) == [COUNT, COUNT, COUNT, 0, COUNT]


def kill(child: subprocess.Popen) -> None:
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def test_scoring_killed_at_random_moments_goes_on(site):
    chance, killed = random.Random(KILLS), 0
    while killed < KILLS:
        child = site.manage("score", "--batch", "4")
        before = scored(site)
        site.until(lambda: scored(site) > before or child.poll() is not None, "a batch")  # noqa: B023 at once
        time.sleep(chance.uniform(0, 0.4))
        if child.poll() is None:
            kill(child)
            killed += 1
        if scored(site) == COUNT:
            break
    assert killed, "at least one kill came in time"
    site.done("score")
    whole(site)


def test_two_that_score_at_once_write_one_row_each(site):
    both = [site.manage("score", "--batch", "4") for _ in range(2)]
    assert [child.wait(120) for child in both] == [0, 0], site.log()
    whole(site)


def test_a_killed_worker_leaves_its_work_to_the_next(site):
    for _ in range(TRIES):
        first = site.worker()
        site.until(lambda: scored(site) > 0, "the first batch")
        kill(first)
        if scored(site) < COUNT:
            break
        site.query("TRUNCATE gallery_score, gallery_scoringfailure")  # it was quicker than the kill
    assert 0 < scored(site) < COUNT
    site.worker()
    site.until(lambda: scored(site) == COUNT, "the rest")
    whole(site)


@pytest.mark.parametrize("kind", [Redis, RabbitMQ])
def test_a_broker_that_restarts_stops_nothing(site, kind, tmp_path):
    absent = missing({Redis: "redis-server", RabbitMQ: "rabbitmq-server"}[kind])
    if absent and not os.environ.get("CI"):
        pytest.skip(f"{absent[0]} is not installed")
    with running(kind(tmp_path / "broker")) as broker:
        site.environment["CELERY_BROKER_URL"] = broker.url
        worker = site.worker(beat=False)
        site.ask(SEND)
        site.until(lambda: scored(site) > 0, "the first batch")
        broker.restart()
        site.until(lambda: scored(site) == COUNT, "the rest")
        site.query("DELETE FROM gallery_score WHERE photo_id % 2 = 0")
        site.ask(SEND)
        site.until(lambda: scored(site) == COUNT, "work that was asked for after the restart")
        assert worker.poll() is None
        whole(site)


def test_postgresql_that_restarts_stops_nothing(site):
    worker = site.worker()
    site.until(lambda: scored(site) > 0, "the first batch")
    site.database.restart()
    site.until(lambda: scored(site) == COUNT, "the rest")
    assert worker.poll() is None
    site.until(lambda: site.ask(FACTS)[-1] == COUNT, "the shortlist")
    whole(site)
