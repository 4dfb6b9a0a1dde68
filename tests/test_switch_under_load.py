"""A real web server under several visitors while networks are promoted, switched and switched back: no request fails.

Two networks put the photographs in opposite orders, so that each page tells by which of them it was made.
"""

import html
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from django.db import connections
from two_networks import PHOTOS, SHARES, database_url, two_networks

from accounts.models import Visitor
from gallery.models import Photo, Rating, Shortlist, Taste
from gallery.rank import learning, scoring, switching
from ml import interface

ROOT = Path(__file__).parents[1]
VISITORS = 4
SECONDS = float(os.environ.get("EVOKE_LOAD_SECONDS", "8"))
WEB = (
    *(sys.executable, "-P", "-m", "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "2"),
    *("--no-ws", "--host", "127.0.0.1", "--port"),
)


@pytest.fixture
def networks(transactional_db, settings, tmp_path) -> list[interface.NetworkInfo]:
    return two_networks(settings, tmp_path)


@pytest.fixture
def address(networks, tmp_path) -> Iterator[str]:
    """The web server, started as the demo command starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "EVOKE_VAR": str(tmp_path), "DATABASE_URL": database_url(),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "site")]), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    with open(tmp_path / "web.log", "w") as log:
        server = subprocess.Popen(
            [*WEB, str(port), "evoke.wsgi:application"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)
        print((tmp_path / "web.log").read_text()[-3000:])


def wait_for(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the web server does not answer")


class Looker(threading.Thread):
    """One visitor: opens moods, pages on, rates, looks at photographs; keeps what was wrong."""

    def __init__(self, address: str, names: list[str], stop: threading.Event, seed: int) -> None:
        super().__init__()
        self.http = httpx.Client(base_url=address, follow_redirects=True, timeout=30)
        self.names, self.stop, self.rng = names, stop, random.Random(seed)
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()
        self.rated: dict[int, int] = {}

    def run(self) -> None:
        try:
            self.ask("GET", "/mood/happy/")
            while not self.stop.is_set():
                self.look("beautiful")
                self.look("for_you")
                self.ask("GET", "/")
                self.ask("GET", "/you/")
        except Exception as error:
            self.wrong.append(repr(error))

    def ask(self, method: str, path: str, **form: str) -> httpx.Response:
        headers = {"X-CSRFToken": self.http.cookies.get("csrftoken", "")} if method == "POST" else {}
        response = self.http.request(method, path, data=form or None, headers=headers)
        self.seen["requests"] += 1
        if response.status_code != 200:
            self.wrong.append(f"{method} {path}: {response.status_code}")
        return response

    def look(self, sort: str) -> None:
        """A new visit of three pages; one photograph of each is opened and rated."""
        page = self.ask("POST", "/visit/fresh/", mood="happy", sort=sort)
        for number in (1, 2, 3):
            if number > 1:
                page = self.ask("GET", f"/mood/happy/?sort={sort}&page={number}")
            ids = [int(i) for i in re.findall(r'<figure class="shot[^"]*" id="p(\d+)"', page.text)]
            self.check(len(ids) == 30, f"{len(ids)} photographs on page {number} of {sort}")
            if sort == "beautiful":
                self.check_order(page, ids)
            self.open(self.rng.choice(ids or [0]))

    def check_order(self, page: httpx.Response, ids: list[int]) -> None:
        name = page.headers["X-Evoke-Network"]
        self.seen[name] += 1
        self.check(ids == sorted(ids, reverse=name == self.names[1]), f"order {ids[:4]}... is not that of {name}")

    def open(self, photo_id: int) -> None:
        """The page of a photograph: its share of the mood, its percentile and its network belong together."""
        value = self.rng.randint(1, 5)
        self.ask("POST", f"/photo/{photo_id}/rate/", value=str(value), mood="happy")
        self.rated[photo_id] = value
        page = self.ask("GET", f"/photo/{photo_id}/?mood=happy")
        which = self.names.index(page.headers["X-Evoke-Network"])
        text = " ".join(html.unescape(page.text).split())
        self.check(f"{SHARES[which]:.0%}".replace("%", " %") in text, f"share on the page of {photo_id}")
        place = photo_id - self.first
        below = PHOTOS - 1 - place if which == 0 else place
        said = re.search(r"More beautiful than (\d+) %", text)
        told = int(said.group(1)) if said else -1
        self.check(abs(told - 100 * below / PHOTOS) <= 1, f"percentile {told} of {photo_id} by {which}")

    first = 0

    def check(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what)


def test_no_request_fails_and_no_page_mixes_networks_while_they_are_switched(networks, address):
    names, stop = [network.name for network in networks], threading.Event()
    Looker.first = Photo.objects.order_by("pk").first().pk
    lookers = [Looker(address, names, stop, seed) for seed in range(VISITORS)]
    for looker in lookers:
        looker.start()
    switches, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until and not any(looker.wrong for looker in lookers):
        time.sleep(0.3)
        standing_by = interface.standby()
        if standing_by is not None and switches % 3:
            assert switching.switch_back(standing_by.id, actor=None, reason="load")
        else:
            coming = next(network for network in networks if network != interface.active())
            interface.promote(coming.id, actor=None, reason="a test", forced=True)
            scoring.score_pending()
            assert interface.active() == coming
        switches += 1
    stop.set()
    for looker in lookers:
        looker.join()
    seen = sum((looker.seen for looker in lookers), Counter())
    print(f"{switches} switches, {seen}")
    assert [wrong for looker in lookers for wrong in looker.wrong] == []
    assert switches >= 3 and all(seen[name] for name in names), "pages of both networks were looked at"
    no_answer_was_lost(lookers, networks)
    connections.close_all()


def no_answer_was_lost(lookers: list[Looker], networks: list[interface.NetworkInfo]) -> None:
    """What was answered is there, and both networks have learnt just that."""
    kept = sorted((r.photo_id, r.value) for r in Rating.objects.all())
    assert kept == sorted(pair for looker in lookers for pair in looker.rated.items())
    assert Visitor.objects.count() == VISITORS and Shortlist.objects.count() <= 4
    for row in Taste.objects.all():
        prior = interface.prior(row.network_id)
        anew, count = learning._from_ratings(row.visitor_id, row.network_id, prior)
        assert row.observations == count
        assert np.allclose(learning._unpack(row).beauty.information, anew.beauty.information)
    assert {row.network_id for row in Taste.objects.all()} == {network.id for network in networks}
