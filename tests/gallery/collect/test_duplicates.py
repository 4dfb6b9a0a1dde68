"""Near-duplicates: found by an index, joined into clusters, parted by scores and by people."""

import threading
from itertools import combinations

import numpy as np
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from accounts.models import User
from gallery.collect import duplicates
from gallery.collect.render import perceptual_hash
from gallery.models import NotDuplicate, Photo, Score, Takedown
from ml import interface

pytestmark = pytest.mark.django_db
BASE = 0x5A5A_A5A5_3C3C_C3C3
LEFT = (Photo.Status.NEW, Photo.Status.SHOWN, Photo.Status.HELD, Photo.Status.HIDDEN)


def signed(bits: int) -> int:
    return bits - (1 << 64) if bits >> 63 else bits


def flipped(*places: int) -> int:
    """BASE with these bits changed, as the database keeps it."""
    return signed(BASE ^ sum(1 << place for place in places))


@pytest.fixture
def stored(db, new_photo):
    """stored(hash, ...): photographs with these perceptual hashes, not yet in clusters."""

    def store(*hashes: int, **facts) -> list[Photo]:
        begin = Photo.objects.count()
        return Photo.objects.bulk_create([new_photo(begin + i, phash=h, **facts) for i, h in enumerate(hashes)])

    return store


def clustered(photos: list[Photo]) -> list[int | None]:
    """Each photograph's cluster as its place in the list."""
    places = {photo.pk: place for place, photo in enumerate(photos)}
    return [places.get(Photo.objects.get(pk=photo.pk).cluster) for photo in photos]


def score(photo: Photo, *embedding: float) -> None:
    vector = np.zeros(64)
    vector[: len(embedding)] = embedding
    Score.objects.create(
        photo=photo, network_id=interface.active().id, moods=[1 / 6] * 6, valence=4, arousal=4, aesthetic=4,
        embedding=vector,
    )  # fmt: skip


def test_a_photograph_within_six_bits_shares_the_id_of_the_first(stored):
    photos = stored(BASE, flipped(0, 9, 20, 33, 47, 63), flipped(0, 9, 20, 33, 47, 62, 63), signed(~BASE % 2**64))
    assert duplicates.cluster_new([photo.pk for photo in photos]) == 3
    assert clustered(photos) == [0, 0, 0, None], "the third lies one bit from the second"


def test_seven_bits_are_too_many(stored):
    photos = stored(BASE, flipped(0, 9, 20, 33, 47, 50, 63))
    assert duplicates.cluster_new([photo.pk for photo in photos]) == 0
    assert clustered(photos) == [None, None]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.sets(st.integers(0, 63), max_size=9))
def test_whichever_bits_differ_the_index_finds_it_within_six(stored, places):
    with transaction.atomic():
        photo = stored(flipped(*places))[0]
        found = [(pk, bits) for _, pk, bits in duplicates.near([BASE]) if pk == photo.pk]
        assert found == ([(photo.pk, len(places))] if len(places) <= 6 else [])
        transaction.set_rollback(True)


def test_the_look_up_reads_the_indexes_and_not_the_table(stored):
    stored(*(signed(int(h)) for h in np.random.default_rng(0).integers(0, 2**63, 3000, np.uint64)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE gallery_photo")
        cursor.execute(f"EXPLAIN {duplicates.NEAR}", [[BASE]])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan" not in plan
    assert plan.count("photo_phash_") >= 4


def test_a_photograph_between_two_clusters_joins_them(stored):
    photos = stored(BASE, flipped(1), flipped(*range(11)), flipped(*range(10)))
    duplicates.cluster_new([photo.pk for photo in photos])
    assert clustered(photos) == [0, 0, 2, 2]
    bridge = stored(flipped(*range(5)))
    assert duplicates.cluster_new([bridge[0].pk]) == 1
    assert clustered(photos + bridge) == [0, 0, 0, 0, 0]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.sets(st.integers(0, 11), max_size=8), min_size=2, max_size=9),
    order=st.randoms(use_true_random=False),
)
def test_clusters_do_not_depend_on_the_order_in_which_photographs_came(stored, changes, order):
    with transaction.atomic():
        photos = stored(*(flipped(*places) for places in changes))
        shuffled = photos.copy()
        order.shuffle(shuffled)
        for photo in shuffled:
            duplicates.cluster_new([photo.pk])
        assert clustered(photos) == by_hand([photo.phash for photo in photos])
        transaction.set_rollback(True)


def by_hand(hashes: list[int]) -> list[int | None]:
    """Connected components by looking at every pair."""
    first = list(range(len(hashes)))
    for _ in hashes:
        for a, b in combinations(range(len(hashes)), 2):
            if ((hashes[a] ^ hashes[b]) % 2**64).bit_count() <= 6:
                first[a] = first[b] = min(first[a], first[b])
    return [place if first.count(place) > 1 else None for place in first]


def test_pictures_without_structure_are_near_nothing(stored):
    flat = perceptual_hash(Image.new("RGB", (640, 480)))
    photos = stored(flat, flat, 1)
    assert duplicates.cluster_new([photo.pk for photo in photos]) == 0
    assert duplicates.near([flat]) == []


def test_a_removed_photograph_is_in_no_cluster(stored):
    photos = stored(BASE, BASE, BASE)
    duplicates.cluster_new([photo.pk for photo in photos])
    Photo.objects.filter(pk=photos[0].pk).update(status=Photo.Status.REMOVED)
    duplicates.confirm_all()
    assert clustered(photos) == [None, 1, 1]


@pytest.mark.parametrize(("cosine", "together"), [(0.72, True), (0.5, False)])
def test_scores_confirm_or_part_a_pair(stored, cosine, together):
    photos = stored(BASE, flipped(3))
    duplicates.cluster_new([photo.pk for photo in photos])
    score(photos[0], 1)
    duplicates.confirm_scored([photos[0].pk])
    assert clustered(photos) == [0, 0], "one score alone says nothing"
    score(photos[1], 3 * cosine, 3 * (1 - cosine**2) ** 0.5)
    duplicates.confirm_scored([photos[1].pk])
    assert clustered(photos) == ([0, 0] if together else [None, None])


def test_what_a_person_calls_different_stays_apart_even_through_a_third(stored):
    user = User.objects.create_user("keeper")
    photos = stored(BASE, flipped(1), flipped(2))
    duplicates.cluster_new([photo.pk for photo in photos])
    assert duplicates.not_duplicate(photos[2], by=user) == 2
    assert clustered(photos) == [0, 0, None]
    assert NotDuplicate.objects.filter(second=photos[2], decided_by=user).count() == 2
    more = stored(flipped(1, 2))
    duplicates.cluster_new([more[0].pk])
    assert clustered(photos + more) == [0, 0, None, 0]


def test_calling_it_different_twice_says_it_once(stored):
    photos = stored(BASE, BASE)
    duplicates.cluster_new([photo.pk for photo in photos])
    assert duplicates.not_duplicate(photos[1], by=None) == 1
    assert duplicates.not_duplicate(photos[1], by=None) == 0
    assert NotDuplicate.objects.count() == 1


def test_a_thousand_copies_are_one_cluster(stored):
    photos = stored(*[BASE] * 1000)
    assert duplicates.cluster_new([photo.pk for photo in photos]) == 1000
    assert set(Photo.objects.values_list("cluster", flat=True)) == {photos[0].pk}


def test_clustering_costs_the_same_queries_for_one_and_for_many(stored, django_assert_max_num_queries):
    photos = stored(*[flipped(i % 7) for i in range(40)])
    duplicates.cluster_new([photos[0].pk])
    with django_assert_max_num_queries(14):
        duplicates.cluster_new([photo.pk for photo in photos])


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_store_at_the_same_time_miss_no_pair(new_photo):
    together, failures = threading.Barrier(2), []

    def work(number: int) -> None:
        try:
            together.wait()
            for i in range(20):
                with transaction.atomic():
                    photo = Photo.objects.create(**facts(new_photo(1000 * number + i, phash=flipped(i, i + 12))))
                    duplicates.cluster_new([photo.pk])
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    first = Photo.objects.order_by("pk").first()
    assert set(Photo.objects.values_list("cluster", flat=True)) == {first.pk}


def facts(photo: Photo) -> dict:
    return {field.name: getattr(photo, field.name) for field in Photo._meta.concrete_fields if field.name != "id"}


def blocked(*facts, **more) -> str:
    return duplicates.blocked([duplicates.Newcomer(*facts, **more)])[0]


def test_what_was_removed_does_not_come_back(stored):
    photo = stored(BASE, status=Photo.Status.REMOVED, removed_because="on_request")[0]
    assert blocked("test", photo.source_id) == "removed"
    assert blocked("else", "7", sha256=photo.sha256) == "removed"
    assert blocked("else", "7", phash=flipped(1, 5)) == "removed"
    assert blocked("else", "7", sha256="f" * 64, phash=signed(~BASE % 2**64)) == ""
    assert set(duplicates.BLOCKED) >= {"removed"}


def test_what_looks_like_one_dropped_for_two_moods_may_come(stored):
    photo = stored(BASE, status=Photo.Status.REMOVED, removed_because="two_moods")[0]
    assert blocked("test", photo.source_id) == "removed"
    assert blocked("else", "7", phash=BASE) == ""


@pytest.mark.parametrize("status", LEFT)
def test_what_is_only_hidden_keeps_no_other_out(stored, status):
    stored(BASE, status=status)
    assert blocked("else", "7", phash=BASE) == ""


@pytest.mark.realdata
def test_real_photographs_scaled_and_compressed_are_found_and_no_others(stored, realdata):
    files = sorted((realdata / "gallery" / "photos").glob("*.jpg"))[::4]
    images = [Image.open(file).convert("RGB") for file in files]
    halves = [image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS) for image in images]
    photos = stored(*(perceptual_hash(image) for image in images + halves))
    duplicates.cluster_new([photo.pk for photo in photos])
    assert clustered(photos) == [*range(len(files)), *range(len(files))]


def test_a_look_up_reads_no_table_whole_although_it_was_never_analysed(stored):
    stored(*(signed(BASE ^ number) for number in range(300)))
    scans = "SELECT pg_stat_get_xact_numscans('gallery_photo'::regclass)"
    with connection.cursor() as cursor:
        before = cursor.execute(scans).fetchone()
        assert len(duplicates.near([BASE])) > 1
        assert cursor.execute(scans).fetchone() == before
        assert cursor.execute("SHOW enable_seqscan").fetchone() == ("on",), "the next query is planned as ever"


def test_many_newcomers_are_judged_each_by_itself_with_the_queries_of_one(stored, django_assert_max_num_queries):
    removed = stored(BASE, status=Photo.Status.REMOVED, removed_because="on_request")[0]
    Takedown.objects.create(creator="Ann")
    news = [
        duplicates.Newcomer("test", removed.source_id),
        duplicates.Newcomer("else", "1", phash=flipped(1, 5)),
        duplicates.Newcomer("else", "2", creator="ANN"),
        *(duplicates.Newcomer("else", f"n{i}", owner=f"o{i}", creator=f"c{i}") for i in range(40)),
    ]
    with django_assert_max_num_queries(6):
        assert duplicates.blocked(news) == ["removed", "removed", "creator_opted_out", *[""] * 40]
