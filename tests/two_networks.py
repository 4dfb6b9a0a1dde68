"""Two networks that put the same photographs in opposite orders, in files and rows of a test's own."""

from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection

from gallery.models import Photo, Score
from gallery.rank import shortlist
from ml import files, interface

PHOTOS = 240
SHARES = (0.95, 0.85)  # of happy, by the first and by the second network


def database_url() -> str:
    """The test's database, as a server of its own process names it."""
    found = connection.get_connection_params()
    place, name = found["host"], found["dbname"]
    if not place.startswith("/"):
        return f"postgres://{found['user']}:{found.get('password', '')}@{place}:{found['port']}/{name}"
    return f"postgres://{found['user']}@/{place}/{name}"


def two_networks(settings: Any, folder: Path) -> list[interface.NetworkInfo]:
    """The shipped network, which ranks, and a candidate; by the one photographs go upwards by id, by the other down."""
    settings.NETWORKS_DIR, settings.SHORTLIST_DIR = folder / "networks", folder / "shortlist"
    settings.NETWORKS_DIR.mkdir()
    shipped = files.shipped()
    arrays = {**shipped.arrays, "embedding.scale": shipped.arrays["embedding.scale"] * 2}
    second = files.save(settings.NETWORKS_DIR, "starter", arrays, shipped.card)
    both = [interface.active(), interface.add(second, shipped)]
    photos = Photo.objects.bulk_create([photograph(i) for i in range(PHOTOS)])
    for network, share, sign in zip(both, SHARES, (1, -1), strict=True):
        rng = np.random.default_rng(network.id)
        Score.objects.bulk_create(
            Score(
                photo=photo, network_id=network.id, moods=[share, *[(1 - share) / 5] * 5], valence=4, arousal=4,
                aesthetic=4 + sign * (2 - 4 * i / PHOTOS), embedding=rng.standard_normal(64),
            )
            for i, photo in enumerate(photos)
        )  # fmt: skip
    shortlist.write()
    return both


def photograph(number: int) -> Photo:
    return Photo(
        sha256=f"{number:064x}", source="test", source_id=str(number), original=f"{number}.jpg", format="jpeg",
        bytes=1, width=1500, height=1000, phash=number, title=f"Photograph {number}", creator=f"Creator {number}",
        thumbhash=b"\x93\x4a\x06\x15\x82\x68\x87\x87\x80\x77\x88\x88\x77\x78\x70", colour=0x406080, licence="cc0",
        licence_seen="2026-01-01",
    )  # fmt: skip
