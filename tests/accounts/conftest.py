"""People for tests of accounts: photographs that exist as rows, and clients who sign up and in by the real pages."""

import base64
import datetime
import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from gallery.models import Photo, Score
from ml import interface

PASSWORD = "seven quiet herons"
ADDRESS = "ada@example.org"


@pytest.fixture(autouse=True)
def fresh_limits(db):
    """Limits count in the cache, which a rolled back test would leave alone were it not the database's."""
    cache.clear()


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """A hash that costs nothing: the real one is meant to be slow."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def private_store(settings, tmp_path):
    """Exports of this test alone."""
    backend = "django.core.files.storage.FileSystemStorage"
    place = {"BACKEND": backend, "OPTIONS": {"location": tmp_path / "exports", "base_url": None}}
    settings.STORAGES = {**settings.STORAGES, "private": place}
    settings.SHORTLIST_DIR = tmp_path / "shortlist"
    return tmp_path / "exports"


@pytest.fixture
def photos(db) -> list[Photo]:
    """Five photographs without files."""
    made = [
        Photo(
            sha256=f"{n:064x}", source="test", source_id=str(n), original=f"{n}.jpg", format="jpeg", bytes=1, width=3,
            height=2, phash=n, thumbhash=base64.b64decode("1QcSHQRnh493V4dIh4eXh1h4kJUI"), colour=1,
            title=f"Hill {n}", creator=f"=Painter {n}", licence="by", licence_version="4.0",
            licence_seen=datetime.date(2026, 1, 1), source_url=f"https://example.org/{n}",
        )
        for n in range(5)
    ]  # fmt: skip
    return Photo.objects.bulk_create(made)


@pytest.fixture
def rate(photos) -> Callable[[Client, int, int], None]:
    """rate(client, n, value): give the nth photograph a mark by the page's own form."""

    def give(client: Client, number: int, value: int) -> None:
        assert client.post(f"/photo/{photos[number].pk}/rate/", {"value": value}).status_code == 302

    return give


@pytest.fixture
def scored(photos) -> None:
    """Scores of the active network, so that a rating teaches."""
    network = interface.active()
    Score.objects.bulk_create(
        Score(photo=photo, network_id=network.id, moods=[1 / 6] * 6, valence=4.0, arousal=4.0, aesthetic=4.0,
              embedding=[0.1] * 64)
        for photo in photos
    )  # fmt: skip


@pytest.fixture
def code() -> Callable[[], str]:
    """code(): the code of the newest mail."""
    return newest_code


def newest_code() -> str:
    found = re.search(r"\n([0-9A-Z-]{6,})\n", mail.outbox[-1].body)
    assert found, mail.outbox[-1].body
    return found[1]


@pytest.fixture
def sign_up() -> Callable[..., None]:
    """sign_up(client): make an account by its pages, the code of the mail included."""

    def make(client: Client, address: str = ADDRESS) -> None:
        client.post("/account/signup/", {"email": address, "password1": PASSWORD})
        response = client.post("/account/confirm-email/", {"code": newest_code()})
        assert response.status_code == 302, response.content.decode()
        assert User.objects.filter(email=address).exists()

    return make


@pytest.fixture
def sign_in() -> Callable[..., object]:
    """sign_in(client): by address and password; gives the response."""

    def give(client: Client, login: str = ADDRESS, password: str = PASSWORD, **more: str):
        return client.post("/account/login/", {"login": login, "password": password, **more})

    return give
