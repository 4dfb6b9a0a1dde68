"""Photographs made here, good and bad, and the stand-ins: real HTTP servers that speak the sources' APIs."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from standins.flickr import Flickr
from standins.openverse import Openverse
from standins.server import HOST, serving

from gallery.collect import pool
from gallery.collect.intake import Facts


def picture(seed: int = 0, size: tuple[int, int] = (640, 480), mode: str = "RGB") -> Image.Image:
    """A smooth made-up picture, different for each seed."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, kind: str = "jpeg", **how) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


@pytest.fixture
def facts() -> Facts:
    return Facts(source="test", title="A hill", creator="Ann", licence="CC BY 4.0")


@pytest.fixture
def in_process(monkeypatch) -> None:
    """Render in this process: tests that are not of processes need not wait for some to start."""
    monkeypatch.setattr(pool, "_new_pool", lambda workers: ThreadPoolExecutor(1))
    monkeypatch.setattr(pool, "_limit", lambda: None)  # it would bound this process's own share of the processor


@pytest.fixture
def openverse(settings) -> Iterator[Openverse]:
    """A running stand-in; settings point to it, and fetching may reach it."""
    standin = Openverse()
    with serving(standin):
        settings.OPENVERSE_API_URL = standin.address
        settings.EVOKE_FETCH_ALLOW = ["127.0.0.1/32"]
        yield standin


@pytest.fixture
def flickr(settings) -> Iterator[Flickr]:
    """A running stand-in on an address of its own; settings point to it, and fetching may reach it and no other."""
    standin = Flickr()
    with serving(standin, HOST):
        settings.FLICKR_API_URL = f"{standin.address}/services/rest/"
        settings.FLICKR_API_KEYS = ["key"]
        settings.EVOKE_FETCH_ALLOW = [f"{HOST}/32"]
        yield standin
