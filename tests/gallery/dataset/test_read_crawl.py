"""What an imported version holds only addresses of is fetched by the crawl, and is then what the version said."""

import io
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image
from standins.server import serving

from gallery.collect import pool
from gallery.collect.intake import Facts, take_in
from gallery.collect.render import inspect, render
from gallery.dataset import files, publish
from gallery.dataset.describe import About
from gallery.models import Candidate, Crawl, DatasetVersion, Photo

pytestmark = pytest.mark.django_db(transaction=True)


class Host:
    """Serves one photograph."""

    address, drip = "", 0.0

    def __init__(self) -> None:
        out, small = io.BytesIO(), np.random.default_rng(1).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(small).resize((640, 480), Image.Resampling.BICUBIC).save(out, "jpeg")
        self.content = out.getvalue()

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        return (200, {"content-type": "image/jpeg"}, self.content) if path == "/1.jpg" else (404, {}, b"")

    def drips(self, path: str) -> bool:
        return False


@pytest.fixture
def host(settings, media, monkeypatch):
    monkeypatch.setattr(pool, "_new_pool", lambda workers: ThreadPoolExecutor(1))
    monkeypatch.setattr(pool, "render_within_limits", render)
    monkeypatch.setattr(pool, "inspect_within_limits", inspect)
    settings.EVOKE_FETCH_ALLOW = ["127.0.0.1/32"]
    with serving(host := Host()):
        yield host


def test_the_crawl_of_an_imported_version_brings_back_all_that_it_told(host, tmp_path, capsys):
    said = Facts("test", "id 1", "Mine", creator="Ann", licence="All rights reserved", tags=("joy",), mood_tag="happy")
    photo = take_in(host.content, said).photo
    Photo.objects.filter(pk=photo.pk).update(licence_seen=date(2024, 2, 29))
    crawl = Crawl.objects.create(source="test", moods=["happy"], since="2005-01-01T00:00Z", until="2006-01-01T00:00Z")
    Candidate.objects.create(
        crawl=crawl, source="test", source_id="id 1", mood="happy", word="joy", facts={},
        file_url=f"{host.address}/1.jpg", state="stored", photo=photo,
    )  # fmt: skip
    publish.publish(tmp_path / "out", About())
    for table in (Candidate, Crawl, DatasetVersion, Photo):
        table.objects.all().delete()
    shutil.rmtree(tmp_path / "originals")

    call_command("import_dataset", str(tmp_path / "out"))
    assert not Photo.objects.exists()
    call_command("crawl", "dataset")
    assert Crawl.objects.get().state == "done"
    publish.publish(tmp_path / "again", About())
    assert (tmp_path / "again" / files.TABLE).read_bytes() == (tmp_path / "out" / files.TABLE).read_bytes()
    assert Photo.objects.get().split
