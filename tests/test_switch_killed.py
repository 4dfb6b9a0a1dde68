"""A worker that switches networks is killed (SIGKILL) at random moments: each switch has happened whole, or not at all.

EVOKE_KILLS sets how often.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from two_networks import PHOTOS, SHARES, database_url, two_networks

from accounts.models import Visitor
from gallery.models import Photo, Rating, Shortlist, Taste, Visit
from gallery.rank import learning, scoring, shortlist
from ml import interface
from ml.models import Network, Promotion

ROOT = Path(__file__).parents[1]
KILLS = int(os.environ.get("EVOKE_KILLS", "6"))
# Switches without end: in by a promotion, then back.
WORK = """
import sys
import django
django.setup()
from gallery.models import Photo
from gallery.rank import scoring, switching
from ml import interface
print("ready", flush=True)
while True:
    first = Photo.objects.order_by("pk").first()
    Photo.objects.filter(pk=first.pk).update(title=first.title + ".", colour=(first.colour + 1) % 0xFFFFFF)
    coming = next(i for i in map(int, sys.argv[1:]) if i != interface.active().id)
    interface.promote(coming, actor=None, reason="a test", forced=True)
    scoring.score_pending()
    back = interface.standby()
    if back is not None:
        switching.switch_back(back.id, actor=None, reason="again")
    scoring.score_pending()
"""


@pytest.fixture
def networks(transactional_db, settings, tmp_path) -> list[interface.NetworkInfo]:
    both = two_networks(settings, tmp_path)
    people = Visitor.objects.bulk_create(Visitor() for _ in range(12))
    photos = list(Photo.objects.order_by("pk")[:20])
    Visit.objects.bulk_create(Visit(visitor=who, mood="happy", seed=1) for who in people)
    Rating.objects.bulk_create(
        Rating(visitor=who, photo=photo, value=1 + (i + photo.pk) % 5)
        for i, who in enumerate(people)
        for photo in photos
    )
    return both


def work(networks: list[interface.NetworkInfo], folder: Path) -> subprocess.Popen:
    environment = {
        **os.environ, "EVOKE_VAR": str(folder), "DATABASE_URL": database_url(), "OMP_NUM_THREADS": "1",
        "DJANGO_SETTINGS_MODULE": "evoke.settings", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "site")]),
    }  # fmt: skip
    ids = [str(network.id) for network in networks]
    return subprocess.Popen(
        [sys.executable, "-c", WORK, *ids], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def check_whole(networks: list[interface.NetworkInfo]) -> int:
    """One network ranks, and pages are ordered by it, from files that are whole; which one."""
    states = list(Network.objects.values_list("state", flat=True))
    assert states.count("active") == 1 and len(states) == 2
    arrays, active = shortlist.current(), interface.active()
    assert arrays is not None and arrays.network_id == active.id and len(arrays.ids) == PHOTOS
    which = networks.index(active)
    assert np.allclose(arrays.probability[:, 0], SHARES[which])
    assert (np.diff(arrays.aesthetic) < 0).all() == (which == 0)
    running = Promotion.objects.filter(live_at__isnull=False, ended_at=None)
    assert [promotion.network_id for promotion in running] == [active.id]
    return active.id


def test_killed_at_any_moment_a_switch_has_happened_whole_or_not_at_all(networks, tmp_path):
    rng, seen = random.Random(KILLS), set()
    for _ in range(KILLS):
        child = work(networks, tmp_path)
        try:
            assert child.stdout.readline() == b"ready\n", child.stderr.read().decode()[-2000:]
            time.sleep(rng.uniform(0.1, 1.2))
            assert child.poll() is None, child.stderr.read().decode()[-2000:]
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
            child.stderr.close()
        seen.add(check_whole(networks))
    print(f"{KILLS} kills, {Promotion.objects.count()} promotions, networks found active: {len(seen)}")
    wait_for_the_locks_of_the_dead()
    scoring.score_pending()
    check_whole(networks)
    versions = list(Shortlist.objects.values_list("pk", flat=True))
    assert scoring.score_pending() == scoring.ScoringResult()
    assert list(Shortlist.objects.values_list("pk", flat=True)) == versions, "a second run does nothing"
    everybody_is_known()


def wait_for_the_locks_of_the_dead() -> None:
    deadline = time.monotonic() + 20
    while scoring.score_pending().busy and time.monotonic() < deadline:
        time.sleep(0.1)


def everybody_is_known() -> None:
    """What is kept of visitors' tastes is what learning all their answers anew says."""
    for row in Taste.objects.filter(network__in=interface.in_use()):
        anew, count = learning._from_ratings(row.visitor_id, row.network_id, interface.prior(row.network_id))
        assert count == row.observations == 20
        assert np.allclose(learning._unpack(row).beauty.information, anew.beauty.information)
    assert Taste.objects.exists()
