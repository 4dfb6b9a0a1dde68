"""The arrays from which pages are ordered: what is in them, and when a new version is written."""

import logging
import shutil

import numpy as np
import pytest

from gallery.models import Photo, Score, Shortlist
from gallery.rank import shortlist
from ml import interface

pytestmark = pytest.mark.django_db


def test_rows_hold_what_the_tables_say(collection):
    photos = collection(40)
    arrays, prior = shortlist.current(), interface.prior(interface.active().id)
    scores = {score.photo_id: score for score in Score.objects.all()}
    assert list(arrays.ids) == [photo.pk for photo in photos]
    for row, photo in list(enumerate(photos))[::13]:
        score = scores[photo.pk]
        z = (np.array([score.aesthetic, score.valence, score.arousal]) - prior.center) / prior.scale
        assert np.allclose([arrays.aesthetic[row], arrays.valence[row], arrays.arousal[row]], z, atol=1e-5)
        assert np.allclose(arrays.embedding[row], score.embedding)
        p = np.array(score.moods)
        assert np.allclose(arrays.logit[row], np.log(p / (1 - p)), atol=1e-4)
        assert arrays.aspect[row] == pytest.approx(1.5)
        assert shortlist.LICENCES[arrays.licence[row]] == "by"
    assert arrays.hue[0] == 210 and arrays.year[0] == 0


def test_the_percentile_of_beauty_is_among_those_that_fit(collection):
    collection(10, seed=1)
    collection(10, mood="anger", seed=2)
    arrays = shortlist.current()
    assert list(arrays.percentile[:10, 0]) == [90, 80, 70, 60, 50, 40, 30, 20, 10, 0]


def test_clusters_and_creators_are_codes(collection, new_photo):
    photos = collection(6)
    Photo.objects.filter(pk=photos[4].pk).update(cluster=photos[1].pk, creator=photos[1].creator)
    Photo.objects.filter(pk=photos[5].pk).update(creator="")
    shortlist.write()
    arrays = shortlist.current()
    assert list(arrays.cluster) == [photos[i].pk for i in (0, 1, 2, 3, 1, 5)]
    assert arrays.creator[1] == arrays.creator[4] and arrays.creator[5] == -1
    assert len(set(arrays.creator)) == 5


def test_equal_input_writes_nothing_new(collection):
    collection(5)
    before = shortlist.current()
    assert shortlist.write() is None
    assert shortlist.current() is before, "mapped once a version and process"


@pytest.mark.parametrize("change", [{"status": Photo.Status.REMOVED}, {"licence": "unknown"}, {"sensitive": True}])
def test_a_change_that_shows_writes_a_new_version(collection, change):
    photos = collection(5)
    before = shortlist.current()
    Photo.objects.filter(pk=photos[2].pk).update(**change)
    assert shortlist.write().pk > before.version
    gone = photos[2].pk not in shortlist.current().ids
    assert gone != ("sensitive" in change)
    assert len(before.ids) == 5, "who still reads the version before is not disturbed"


def test_scores_of_another_network_are_not_mixed_in(collection):
    from ml.models import Network

    photos = collection(3)
    other = Network.objects.create(name="other-00000000", recipe="starter")
    Score.objects.filter(photo=photos[0]).update(network=other)
    shortlist.write()
    assert list(shortlist.current().ids) == [photo.pk for photo in photos[1:]]


def test_an_empty_collection_has_an_empty_shortlist(db, media):
    assert shortlist.current() is None
    assert shortlist.write().photos == 0
    assert len(shortlist.current().ids) == 0
    assert shortlist.write() is None


def test_the_last_two_versions_are_kept(collection, settings):
    for seed in range(4):
        collection(2, seed=seed)
    versions = sorted(Shortlist.objects.values_list("pk", flat=True))
    assert len(versions) == 2
    assert sorted(int(folder.name) for folder in settings.SHORTLIST_DIR.iterdir()) == versions


def test_where_the_newest_files_are_gone_the_version_before_serves(collection, settings, caplog):
    collection(2, seed=1)
    before = shortlist.current().version
    collection(2, seed=2)
    newest = Shortlist.objects.latest("pk")
    shutil.rmtree(settings.SHORTLIST_DIR / str(newest.pk))
    shortlist._mapped.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert shortlist.current().version == before
    assert f"Shortlist {newest.pk} is not in" in caplog.text
    assert shortlist.write().pk > newest.pk, "a worker writes it again although nothing changed"


def test_a_write_that_fails_leaves_no_version(collection, monkeypatch, settings):
    collection(3, seed=1)
    before = shortlist.current()
    Photo.objects.update(sensitive=True)
    monkeypatch.setattr(np, "save", disk_full)
    with pytest.raises(OSError, match="No space"):
        shortlist.write()
    assert Shortlist.objects.latest("pk").pk == before.version
    assert [folder.name for folder in settings.SHORTLIST_DIR.iterdir()] == [str(before.version)]


def test_files_left_by_a_database_that_is_gone_do_not_stop_a_write(collection, settings):
    collection(2, seed=1)
    stale = settings.SHORTLIST_DIR / str(shortlist.current().version + 1)
    stale.mkdir()
    (settings.SHORTLIST_DIR / ".new-killed").mkdir()
    (stale / "ids.npy").write_bytes(b"stale")
    collection(2, seed=2)
    assert len(shortlist.current().ids) == 4
    assert not (settings.SHORTLIST_DIR / ".new-killed").exists()


def test_arrays_cannot_be_written_to(collection):
    collection(2)
    with pytest.raises(ValueError, match="read-only"):
        shortlist.current().aesthetic[0] = 1


def disk_full(*args, **kwargs):
    raise OSError(28, "No space left on device")
