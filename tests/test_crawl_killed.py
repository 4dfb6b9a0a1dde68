"""A crawl is killed (SIGKILL) at random moments and started again: nothing is lost and nothing is there twice.

EVOKE_KILLS sets how often; a few times are enough to notice a fault, twenty are what the documentation tells of.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from standins.flickr import FIRST, Flickr, made_up
from standins.server import HOST, serving

KILLS = int(os.environ.get("EVOKE_KILLS", "4"))
KEYS = [f"key{number}" for number in range(8)]  # so that no run has to wait for its hour
MANAGE = [sys.executable, str(Path(__file__).parents[1] / "manage.py")]
COUNT = """
import json
from collections import Counter
from django.core.files.storage import storages
from gallery.models import Candidate, Crawl, Photo
photos = list(Photo.objects.values_list("source_id", "original", "status"))
print(json.dumps({
    "ids": sorted(int(i) for i, _, _ in photos), "crawls": Crawl.objects.count(),
    "files": all(storages["originals"].exists(name) for _, name, _ in photos),
    "shown": sum(status == "shown" for _, _, status in photos),
    "candidates": Counter(Candidate.objects.values_list("state", flat=True)),
    "linked": Candidate.objects.filter(photo__isnull=False).count(),
}))
"""


@pytest.fixture
def manage(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """manage(*arguments): a command with a data folder and a database of its own."""
    flickr = Flickr(keys=KEYS)
    children: list[subprocess.Popen] = []
    with serving(flickr, HOST):
        environment = {
            **os.environ,
            "EVOKE_VAR": str(tmp_path / "var"),
            "FLICKR_API_URL": f"{flickr.address}/services/rest/",
            "FLICKR_API_KEYS": ",".join(KEYS),
            "EVOKE_FETCH_ALLOW": f"{HOST}/32",
        }

        def start(*arguments: str) -> subprocess.Popen:
            children.append(
                subprocess.Popen(
                    [*MANAGE, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                )
            )
            return children[-1]

        start.flickr = flickr  # type: ignore[attr-defined]
        yield start
        for child in children:
            if child.poll() is None:
                child.kill()
            child.wait()


def finished(child: subprocess.Popen) -> str:
    out, err = child.communicate(timeout=240)
    assert child.returncode == 0, err
    return out


def test_nothing_is_lost_and_nothing_is_there_twice(manage):
    flickr = manage.flickr
    flickr.latency, flickr.window = 0.05, 40
    for place in range(40 * KILLS):
        number = flickr.add(FIRST + place // 3 * 9000, ("happy", "joy")[place % 2], content=made_up(place)).number
        if place % 40 == 7:
            flickr.faults[number] = "truncated"
    finished(manage("migrate", "--verbosity", "0"))
    finished(manage("crawl", "flickr", "--moods", "sad", "--json"))  # the machine is warm: kills hit the work
    crawl = ("crawl", "flickr", "--moods", "happy", "--json")
    rng = random.Random(KILLS)
    killed = 0
    while killed < KILLS:
        child = manage(*crawl)
        time.sleep(rng.uniform(1.0, 4.5))
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            killed += 1
        child.wait()
        if child.returncode == 0:
            break  # it was quicker than the kill
    finished(manage(*crawl))
    told = json.loads(finished(manage("shell", "--no-imports", "-c", COUNT)))
    good = sorted(set(flickr.by_number) - set(flickr.faults))
    print(f"killed {killed} times, {len(good)} photographs")
    assert killed, "at least one kill came in time"
    assert told["ids"] == good
    assert told["files"] and told["shown"] == len(good) == told["linked"]
    assert told["candidates"] == {"stored": len(good), "rejected": len(flickr.faults)}
