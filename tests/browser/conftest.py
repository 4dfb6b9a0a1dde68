"""A real Chromium on a live site whose photographs are made here."""

import io
import os
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from gallery.collect.intake import Facts, take_in
from gallery.models import Photo, Rendition, Score
from gallery.rank import shortlist
from ml import interface

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser these are skipped, saying so; in CI they fail instead."""
    if CHROMIUM is None and not os.environ.get("CI"):
        for item in items:
            if "browser" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(scope="module")
def browser():
    # Playwright's own loop runs in this thread; Django takes that for an asynchronous view unless told otherwise.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def picture(number: int) -> bytes:
    """A made-up landscape of 640 by 427 pixels, as JPEG."""
    rng = np.random.default_rng(number)
    sky, ground = (tuple(int(c) for c in rng.integers(30, 220, 3)) for _ in range(2))
    image = Image.new("RGB", (640, 427), sky)
    heights = 427 - np.abs(np.cumsum(rng.normal(0, 30, 33))) - 60
    ImageDraw.Draw(image).polygon(
        [(0, 427), *((i * 20, float(h)) for i, h in enumerate(heights)), (640, 427)], fill=ground
    )
    out = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(1)).save(out, "jpeg", quality=85)
    return out.getvalue()


def more(count: int) -> None:
    """Further photographs that share the files of those that are there: rendering a hundred would take ten seconds."""
    made = list(Photo.objects.order_by("pk").prefetch_related("renditions"))
    for number in range(count):
        like = made[number % len(made)]
        renditions = list(like.renditions.all())
        photo = Photo.objects.get(pk=like.pk)
        photo.pk, photo.cluster = None, None
        photo.sha256 = photo.source_id = f"{number:064x}"
        photo.title, photo.creator = f"Copy {number}", f"Copyist {number}"
        photo.save(force_insert=True)
        Rendition.objects.bulk_create(
            Rendition(photo=photo, width=r.width, height=r.height, format=r.format, file=r.file.name, bytes=r.bytes)
            for r in renditions
        )


@pytest.fixture
def site(live_server, media, transactional_db) -> Iterator[str]:
    """The address of a site with 100 photographs of solitude and two of every other mood, scored by lot."""
    network, rng = interface.active(), np.random.default_rng(0)
    for number in range(12):
        facts = Facts(source="test", title=f"Hill {number}", creator=f"Painter {number}", licence="CC BY 4.0")
        assert take_in(picture(number), facts).photo is not None
    more(100)
    for number, photo in enumerate(Photo.objects.order_by("pk")):
        mood = interface.MOODS[number % 6] if number < 12 else "solitude"
        Score.objects.create(
            photo=photo,
            network_id=network.id,
            moods=[0.95 if slug == mood else 0.01 for slug in interface.MOODS],
            valence=float(rng.uniform(2, 6)),
            arousal=float(rng.uniform(2, 6)),
            aesthetic=float(rng.uniform(3, 5)),
            embedding=rng.standard_normal(64),
        )
    shortlist.write()
    yield live_server.url
