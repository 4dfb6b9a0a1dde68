"""A small collection with made-up scores, so that tests of ordering and pages need neither pixels nor a network."""

import datetime
from collections.abc import Callable

import numpy as np
import pytest

from accounts.models import Visitor
from gallery.models import Photo, Score
from gallery.rank import shortlist
from ml import interface


def make_photo(number: int, **facts) -> Photo:
    """A photograph that exists in the tables only."""
    return Photo(
        **{
            "sha256": f"{number:064x}",
            "source": "test",
            "source_id": str(number),
            "original": f"{number}.jpg",
            "format": "jpeg",
            "bytes": 1,
            "width": 1500,
            "height": 1000,
            "phash": number,
            "thumbhash": b"\x93\x4a\x06\x15\x82\x68\x87\x87\x80\x77\x88\x88\x77\x78\x70",
            "colour": 0x406080,
            "title": f"Photograph {number}",
            "creator": f"Creator {number}",
            "licence": "by",
            "licence_version": "4.0",
            "licence_url": "https://creativecommons.org/licenses/by/4.0/",
            "licence_seen": datetime.date(2026, 1, 1),
            "source_url": "https://example.org/",
            **facts,
        }
    )


@pytest.fixture
def new_photo() -> Callable[..., Photo]:
    """new_photo(number, **facts): a Photo that is not saved yet; numbers must differ."""
    return make_photo


@pytest.fixture
def visitor(db) -> Visitor:
    return Visitor.objects.create()


@pytest.fixture
def collection(db, media) -> Callable[..., list[Photo]]:
    """collection(n): n photographs that fit a mood, best first by id; the shortlist is written."""

    def make(count: int, *, mood: str = "happy", probability: float = 0.95, seed: int = 0, **facts) -> list[Photo]:
        rng = np.random.default_rng(seed)
        network = interface.active()
        photos = Photo.objects.bulk_create([make_photo(seed * 10_000 + i, **facts) for i in range(count)])
        others = (1 - probability) / (len(interface.MOODS) - 1)
        moods = [probability if slug == mood else others for slug in interface.MOODS]
        Score.objects.bulk_create(
            Score(
                photo=photo,
                network_id=network.id,
                moods=moods,
                valence=4.0,
                arousal=4.0,
                aesthetic=6.0 - 3.0 * i / count,
                embedding=rng.standard_normal(64),
            )
            for i, photo in enumerate(photos)
        )
        shortlist.write()
        return photos

    return make
