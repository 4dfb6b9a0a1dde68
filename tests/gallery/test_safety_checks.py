"""New photographs shown to the safety model by the task that scores, with a model that answers by the colour."""

import io

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image

from gallery import safety, tasks
from gallery.models import Decision, Photo, Rendition, SafetyCheck
from gallery.rank import scoring
from ml import interface

pytestmark = pytest.mark.django_db


class Model:
    """What is red is unsafe; it remembers how many it was shown at once."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def unsafe(self, images):
        self.shown.append(len(images))
        return np.array([np.asarray(image)[..., 0].mean() / 255 for image in images], np.float32)


@pytest.fixture
def model(monkeypatch) -> Model:
    model = Model()
    monkeypatch.setattr(interface, "safety_installed", lambda: True)
    monkeypatch.setattr(interface, "safety_classifier", lambda: model)
    return model


def rendered(photo: Photo, red: int) -> Photo:
    out = io.BytesIO()
    Image.new("RGB", (480, 320), (red, 0, 0)).save(out, "webp")
    name = default_storage.save(f"{photo.pk}.webp", ContentFile(out.getvalue()))
    Rendition.objects.create(photo=photo, width=480, height=320, format="webp", file=name, bytes=1)
    return photo


@pytest.fixture
def photos(collection) -> list[Photo]:
    return [rendered(photo, red) for photo, red in zip(collection(3), (10, 160, 250), strict=True)]


def test_new_photographs_are_looked_at_once_before_they_are_scored(photos, model, monkeypatch):
    seen = []
    monkeypatch.setattr(scoring, "score_pending", lambda: seen.append(SafetyCheck.objects.count()))
    tasks.score_pending()
    tasks.score_pending()
    assert seen == [3, 3] and model.shown == [3]
    found = dict(SafetyCheck.objects.values_list("photo_id", "unsafe"))
    assert [round(found[photo.pk], 1) for photo in photos] == [0.0, 0.6, 1.0]
    assert Photo.objects.filter(status="held").get() == photos[2]
    assert Decision.objects.get().reason == "The safety model says 98%."


def test_what_cannot_be_read_is_kept_as_such_and_not_tried_for_ever(photos, model, collection):
    bare = collection(1, seed=1)[0]
    assert safety.check_pending() == 4
    assert SafetyCheck.objects.get(photo=bare).failure == "Its rendition cannot be read: there is none"
    assert safety.check_pending() == 0


def test_it_takes_so_long_and_no_longer(photos, model):
    assert safety.check_pending(seconds=0) == 0
    assert not SafetyCheck.objects.exists()


def test_without_a_model_nothing_is_done_and_scoring_goes_on(photos, monkeypatch):
    called = []
    monkeypatch.setattr(scoring, "score_pending", lambda: called.append(1))
    tasks.score_pending()
    assert called and not SafetyCheck.objects.exists()


def test_a_damaged_model_is_told_and_scoring_goes_on(photos, model, monkeypatch, caplog):
    def broken():
        raise interface.NetworkFileError("It is damaged.")

    monkeypatch.setattr(interface, "safety_classifier", broken)
    assert safety.check_pending() == 0
    assert "It is damaged." in caplog.text
