"""Concept rows: which photographs get them, what is done again and what is not."""

import io

import pytest
from PIL import Image

from gallery.dataset import concepts
from gallery.models import Concept, Photo, Rendition

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(concepts, "BATCH", 4)


def test_every_photograph_of_the_data_set_is_looked_at_once(pictures, namer):
    photos = pictures(10)
    told = []
    assert concepts.fill(lambda done, total: told.append((done, total))) == concepts.Filled(10, 0)
    assert told == [(4, 10), (8, 10), (10, 10)]
    assert concepts.fill() == concepts.Filled()
    assert namer.shown == 10
    row = Concept.objects.get(photo=photos[3])
    assert (row.kind, row.classifier, row.classes[:2], row.probabilities[0]) == ("object", namer.name, [3, 4], 0.5)


def test_only_accepted_photographs_of_a_mood_are_in_the_data_set(pictures, namer):
    wanted = [*pictures(1), *pictures(1, licence="reserved")]
    for facts in ({"mood_tag": ""}, {"status": "held"}, {"status": "new"}, {"status": "removed"}, {"status": "hidden"}):
        pictures(1, **facts)
    concepts.fill()
    assert set(Concept.objects.values_list("photo_id", flat=True)) == {photo.pk for photo in wanted}


def test_killed_half_way_it_goes_on(pictures, namer):
    pictures(10)
    namer.dies_after = 4
    with pytest.raises(KeyboardInterrupt):
        concepts.fill()
    assert Concept.objects.count() == 4
    namer.dies_after = None
    assert concepts.fill().seen == 6


def test_other_weights_replace_what_was_there(pictures, namer):
    pictures(3)
    concepts.fill()
    namer.name = "namer-00000002"
    assert concepts.fill().seen == 3
    assert list(Concept.objects.values_list("classifier", flat=True)) == ["namer-00000002"] * 3


def test_scenes_are_named_where_they_can_be(pictures, namer, monkeypatch):
    monkeypatch.setattr("ml.interface.scene_classifier", lambda: namer)
    pictures(2)
    assert concepts.fill().seen == 4
    assert Concept.objects.filter(kind="scene").count() == 2


def test_without_a_rendition_the_original_is_looked_at(pictures, namer):
    photo = pictures(1)[0]
    Rendition.objects.all().delete()
    content = io.BytesIO()
    Image.new("RGB", (900, 600), (125, 0, 0)).save(content, "PNG")
    content.seek(0)
    Photo.original.field.storage.save("ab/original.png", content)
    Photo.objects.filter(pk=photo.pk).update(original="ab/original.png")
    assert concepts.fill() == concepts.Filled(1, 0)
    assert Concept.objects.get().classes[0] == 12


def test_one_that_cannot_be_read_is_counted_and_holds_up_nobody(pictures, namer):
    photos = pictures(9)
    for photo in photos[:5]:
        Rendition.objects.filter(photo=photo).update(file="renditions/gone.webp")
    assert concepts.fill() == concepts.Filled(4, 5)
    assert concepts.fill() == concepts.Filled(0, 5)


def test_a_photograph_deleted_meanwhile_has_no_row(pictures, namer, monkeypatch):
    photos = pictures(3)
    predict = namer.predict

    def gone(images):
        Photo.objects.filter(pk=photos[1].pk).delete()
        return predict(images)

    monkeypatch.setattr(namer, "predict", gone)
    concepts.fill()
    assert Concept.objects.count() == 2


def test_a_batch_costs_a_fixed_number_of_queries(pictures, namer, django_assert_max_num_queries):
    pictures(8)
    with django_assert_max_num_queries(1 + 2 * 8 + 1):  # the count, two batches, the empty one at the end
        concepts.fill()
