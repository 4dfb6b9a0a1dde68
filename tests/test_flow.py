"""The main job, end to end, with the real shipped network on photographs made here.

import -> score -> page -> rate -> re-ordered -> retrain -> promote.
"""

import csv
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone
from PIL import Image, ImageDraw, ImageFilter

from accounts.models import User
from gallery import tasks as gallery_tasks
from gallery.models import Photo, Rating, Score
from gallery.rank import shortlist
from ml import carrying, interface
from ml.models import Network, TrainingRun

COUNT = 48
LICENCE = "https://creativecommons.org/licenses/by/4.0/"


def paint(number: int) -> Image.Image:
    """A made-up landscape: a sky, a sun, hills; each with colours and shapes of its own."""
    rng = np.random.default_rng(number)
    sky, ground, sun = (tuple(int(c) for c in rng.integers(0, 255, 3)) for _ in range(3))
    image = Image.new("RGB", (640, 427), sky)
    draw = ImageDraw.Draw(image)
    x, y, r = (int(v) for v in (rng.integers(50, 590), rng.integers(30, 200), rng.integers(15, 90)))
    draw.ellipse((x - r, y - r, x + r, y + r), fill=sun)
    heights = 427 - np.abs(np.cumsum(rng.normal(0, 30, 33))) - 60
    draw.polygon([(0, 427), *((i * 20, float(h)) for i, h in enumerate(heights)), (640, 427)], fill=ground)
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 3))))


@pytest.fixture
def folder(tmp_path) -> Path:
    photos = tmp_path / "mine" / "photos"
    photos.mkdir(parents=True)
    with open(photos.parent / "manifest.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["file", "title", "creator", "licence", "licence_url", "source_url", "tags", "mood", "sensitive"]
        )
        for i in range(COUNT):
            paint(i).save(photos / f"{i}.jpg", quality=90)
            writer.writerow(
                [f"{i}.jpg", f"Hill {i}", f"Painter {i}", "CC BY 4.0", LICENCE, "https://example.org/", "", "", 0]
            )
    return photos.parent


def shown(response) -> list[int]:
    """Ids of the photographs on a page, in order, each once."""
    ids = re.findall(r'href="/photo/(\d+)/', response.content.decode())
    return list(dict.fromkeys(int(i) for i in ids))


def the_mood_seen_most() -> str:
    """Made-up hills fall where the network puts them: the mood that it sees most of."""
    arrays = shortlist.current()
    floor = interface.prior(arrays.network_id).floor
    counts = {m: int((arrays.probability[:, i] >= floor[i]).sum()) for i, m in enumerate(interface.MOODS)}
    return max(counts, key=counts.get)


def look_at_each_for_a_while() -> None:
    """Half a minute between two ratings: answers faster than looks teach nothing (gallery/rank/trust.py)."""
    for place, rating in enumerate(Rating.objects.order_by("pk")):
        Rating.objects.filter(pk=rating.pk).update(rated_at=timezone.now() + timedelta(seconds=30 * place))


@pytest.mark.django_db(transaction=True)
def test_from_a_folder_to_a_promoted_network(folder, media, settings, client):
    settings.NETWORKS_DIR = media / "networks"

    call_command("import_photos", str(folder))
    assert Photo.objects.on_show().count() == COUNT
    call_command("import_photos", str(folder))
    assert Photo.objects.count() == COUNT, "imported twice, stored once"

    call_command("score")
    assert Score.objects.count() == COUNT
    call_command("score")
    assert Score.objects.count() == COUNT, "scored twice, written once"

    mood = the_mood_seen_most()
    client.post("/moods/accept/", {"next": "/"})
    first = shown(client.get(f"/mood/{mood}/"))
    assert first
    assert (
        f"Painter {Photo.objects.get(pk=first[0]).title.split()[1]}"
        in client.get(f"/photo/{first[0]}/").content.decode()
    )

    for place, photo_id in enumerate(Photo.objects.order_by("pk").values_list("pk", flat=True)[:30]):
        value = 5 if place % 2 else 1
        assert client.post(f"/photo/{photo_id}/rate/", {"value": value, "mood": mood}).status_code in (200, 302)
    assert Rating.objects.count() == 30
    look_at_each_for_a_while()
    client.post("/visit/fresh/", {"mood": mood})
    assert shown(client.get(f"/mood/{mood}/")) != first, "a new visit follows what was learnt"

    admin = User.objects.create_superuser("ann", password="x")
    client.force_login(admin)
    before = interface.active()
    assert client.post("/admin/ml/network/retrain/").status_code == 302
    run = TrainingRun.objects.get()
    carrying.carry_out(run.pk, "here")  # what the worker's process does when the message comes
    run.refresh_from_db()
    assert run.state == "done", run.message
    assert run.network.state == "candidate"
    assert interface.active() == before, "a candidate changes nothing by itself"

    client.post(f"/admin/ml/network/{run.network.pk}/promote/", {"reason": "it knows our hills", "forced": "1"})
    assert Network.objects.get(pk=run.network.pk).state == "incoming"
    gallery_tasks.score_pending()
    assert interface.active().id == run.network.pk
    assert shortlist.current().network_id == run.network.pk
    assert client.get(f"/mood/{mood}/").status_code == 200
