"""Photographs with real renditions, and a network that needs no weights: it reads an image's colours."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.files.base import ContentFile
from PIL import Image

from gallery.models import Photo, Rendition
from ml import interface


class Looker:
    """Stands in for a network: scores by the mean colour, and counts what it was shown."""

    def __init__(self) -> None:
        self.shown = 0
        self.sizes: list[tuple[int, int]] = []
        self.dies_after: int | None = None

    side, lanes, batch = 320, 1, 16

    def prepare(self, image):
        return image.size, np.asarray(image)[..., 0].mean() / 255

    def score_prepared(self, prepared):
        if self.dies_after is not None and self.shown >= self.dies_after:
            raise KeyboardInterrupt
        self.shown += len(prepared)
        self.sizes += [size for size, _ in prepared]
        red = np.array([red for _, red in prepared])
        moods = np.full((len(prepared), 6), 0.02)
        moods[:, 0] = 0.9
        return SimpleNamespace(
            moods=moods,
            valence=1 + 6 * red,
            arousal=np.full(len(prepared), 4.0),
            aesthetic=np.where(red < 0.02, np.nan, 1 + 6 * red),
            embedding=np.repeat(red[:, None], 64, 1),
        )


@pytest.fixture
def looker(monkeypatch) -> Looker:
    """The network that scores in this test, in place of the shipped one."""
    looker = Looker()
    monkeypatch.setattr(interface, "scorer", lambda network_id: looker)
    return looker


@pytest.fixture
def pictures(db, media, new_photo):
    """pictures(n): n photographs with a WebP rendition of 480 x 320 each, redder by id; `widths` for others."""

    def make(count, widths=(480,), red=None, **facts):
        first = Photo.objects.count()
        photos = Photo.objects.bulk_create([new_photo(first + i, **facts) for i in range(count)])
        for i, photo in enumerate(photos):
            for width in widths:
                stored_rendition(photo, width, 55 + 200 * i // count if red is None else red)
        return photos

    return make


def stored_rendition(photo, width, red):
    """A WebP rendition of one colour, in storage and as a row."""
    height = width * 2 // 3
    content = io.BytesIO()
    Image.new("RGB", (width, height), (red, 80, 80)).save(content, "WEBP")
    row = Rendition(photo=photo, width=width, height=height, format="webp", bytes=content.tell())
    row.file.save(f"renditions/{photo.pk}-{width}.webp", ContentFile(content.getvalue()), save=True)
