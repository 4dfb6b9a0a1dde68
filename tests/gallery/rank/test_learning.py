"""Taste rows: as if every rating that stands, and no other, had been learnt; whatever came before."""

import numpy as np
import pytest

from gallery import actions
from gallery.models import Rating, Score, Taste
from gallery.rank import learning
from ml import interface

pytestmark = pytest.mark.django_db


def learnt(visitor):
    network = interface.active()
    return learning.taste_of(visitor.pk, network.id, interface.prior(network.id))


def same(one, other):
    return np.allclose(one.beauty.mean, other.beauty.mean) and np.allclose(one.felt.mean, other.felt.mean)


def test_rows_say_what_learning_all_ratings_anew_says(collection, visitor):
    photos = collection(12)
    for i, photo in enumerate(photos):
        actions.rate(visitor=visitor, photo=photo, value=1 + i % 5, felt=interface.MOODS[i % 6])
    actions.rate(visitor=visitor, photo=photos[0], value=5, felt="")
    actions.rate(visitor=visitor, photo=photos[1], hidden=True)
    actions.unrate(visitor=visitor, photo=photos[2])
    kept, row = learnt(visitor), Taste.objects.get()
    assert row.observations == 11
    row.delete()
    assert same(learnt(visitor), kept)


def test_the_first_answer_after_a_row_was_dropped_learns_all_the_others_too(collection, visitor):
    photos = collection(6)
    for photo in photos[:5]:
        actions.rate(visitor=visitor, photo=photo, value=4, felt="sad")
    Taste.objects.all().delete()
    actions.rate(visitor=visitor, photo=photos[5], value=1)
    assert Taste.objects.get().observations == 6
    kept = learnt(visitor)
    Taste.objects.all().delete()
    assert same(learnt(visitor), kept)


def test_a_rating_that_was_never_learnt_can_be_taken_back(collection, visitor):
    photos = collection(4)
    actions.rate(visitor=visitor, photo=photos[0], value=2)
    before = learnt(visitor)
    Score.objects.filter(photo=photos[1]).update(embedding=np.full(64, 3.0))
    Rating.objects.create(visitor=visitor, photo=photos[1], value=5, felt="happy")
    actions.unrate(visitor=visitor, photo=photos[1])
    assert same(learnt(visitor), before)
    np.linalg.cholesky(learnt(visitor).beauty.precision)


def test_less_like_this_counts_as_the_lowest_rating(collection, visitor):
    photos = collection(3)
    actions.rate(visitor=visitor, photo=photos[0], hidden=True)
    hidden = learnt(visitor)
    actions.rate(visitor=visitor, photo=photos[0], value=1)
    assert same(learnt(visitor), hidden)


def test_start_anew_spares_those_who_rated_other_photographs(collection, visitor):
    photos = collection(2)
    actions.rate(visitor=visitor, photo=photos[0], value=2)
    learning.start_anew(interface.active().id, [photos[1].pk])
    assert Taste.objects.exists()
    learning.start_anew(interface.active().id, [photos[0].pk])
    assert not Taste.objects.exists()


def test_luck_is_the_same_for_the_same_seed_and_leans_on_what_was_learnt(collection, visitor):
    photos = collection(3)
    actions.rate(visitor=visitor, photo=photos[0], value=5, felt="sad")
    one, two = (learnt(visitor).draw(1, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])
    draws = np.array([learnt(visitor).draw(1, np.random.default_rng(seed))[0] for seed in range(400)])
    assert np.allclose(draws.mean(0), learnt(visitor).beauty.mean, atol=4 * draws.std(0) / 20 + 1e-6)
