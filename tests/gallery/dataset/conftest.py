"""Photographs with renditions, and classifiers that need no weights: they go by an image's red."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.files.base import ContentFile
from PIL import Image

from gallery.models import Concept, Photo, Rendition, Score
from ml import interface


class Namer:
    """Stands in for a classifier: its first class is the red of the first pixel in tens; it counts what it saw."""

    def __init__(self, name: str = "namer-00000001", classes: int = 30, k: int = 5, indoor: tuple = ()) -> None:
        self.name, self.k, self.indoor, self.shown = name, k, indoor, 0
        self.classes = tuple(f"thing {number}" for number in range(classes))
        self.dies_after: int | None = None

    def predict(self, images):
        if self.dies_after is not None and self.shown >= self.dies_after:
            raise KeyboardInterrupt
        self.shown += len(images)
        first = np.array([image.getpixel((0, 0))[0] // 10 for image in images])
        classes = (first[:, None] + np.arange(self.k)) % len(self.classes)
        return SimpleNamespace(
            classes=classes, probabilities=np.tile(0.5 ** np.arange(1, self.k + 1), (len(images), 1))
        )


@pytest.fixture
def namer(monkeypatch) -> Namer:
    """The object classifier of this test; scenes are not installed."""
    namer = Namer()
    monkeypatch.setattr(interface, "object_classifier", lambda name="": namer)
    monkeypatch.setattr(interface, "scene_classifier", lambda: None)
    return namer


@pytest.fixture
def pictures(db, media, new_photo):
    """pictures(n, **facts): n happy photographs with a WebP rendition each, of which every next is redder by ten."""

    def make(count, **facts):
        first = Photo.objects.count()
        made = [new_photo(first + i, **{"mood_tag": "happy", **facts}) for i in range(count)]
        photos = Photo.objects.bulk_create(made)
        for i, photo in enumerate(photos):
            content = io.BytesIO()
            Image.new("RGB", (480, 320), (10 * (i % 25) + 5, 80, 80)).save(content, "WEBP", lossless=True)
            row = Rendition(photo=photo, width=480, height=320, format="webp", bytes=content.tell())
            row.file.save(f"renditions/{photo.pk}-480.webp", ContentFile(content.getvalue()), save=True)
        return photos

    return make


@pytest.fixture
def dataset(db, media, namer, new_photo):
    """dataset(n, mood, seen=mood, objects=..., **facts): n photographs with scores and concepts, as rows alone."""
    made = [0]

    def make(count, mood, *, seen=None, objects=(0,), vectors=None, **about):
        numbers = range(made[0], made[0] + count)
        made[0] += count
        photos = Photo.objects.bulk_create([new_photo(i, **{"mood_tag": mood, **about}) for i in numbers])
        network = interface.active().id
        rng = np.random.default_rng(made[0])
        Score.objects.bulk_create(
            Score(
                photo=photo, network_id=network, moods=[0.9 if m == (seen or mood) else 0.02 for m in interface.MOODS],
                valence=2.0 + i % 3, arousal=4.0, aesthetic=4.0,
                embedding=rng.standard_normal(64) if vectors is None else vectors,
            )
            for i, photo in enumerate(photos)
        )  # fmt: skip
        Concept.objects.bulk_create(
            Concept(
                photo=photo, kind="object", classifier=namer.name,
                classes=[objects[i % len(objects)], 20, 21, 22, 23], probabilities=[0.6, 0.2, 0.04, 0.03, 0.02],
            )
            for i, photo in enumerate(photos)
        )  # fmt: skip
        return photos

    return make
