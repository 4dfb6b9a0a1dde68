"""Visits and ratings: what a visitor sees next, and what stays as it was."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from gallery import actions
from gallery.models import Rating, RatingEvent, Taste, Visit
from gallery.rank import learning, shortlist
from ml import interface

pytestmark = pytest.mark.django_db


def pages(visit, count):
    return [actions.turn_page(visit=visit, number=n + 1).ids for n in range(count)]


def test_a_visit_shows_no_photograph_twice_and_all_in_the_end(collection, visitor):
    photos = collection(75)
    visit = actions.open_visit(visitor=visitor, mood="happy")
    first, second, third = pages(visit, 3)
    assert [len(first), len(second), len(third)] == [30, 30, 15]
    assert sorted(first + second + third) == [p.pk for p in photos]


def test_back_shows_the_page_as_it_was_even_after_a_rating(collection, visitor):
    collection(90)
    visit = actions.open_visit(visitor=visitor, mood="happy")
    first, _ = pages(visit, 2)
    actions.rate(visitor=visitor, photo=photo_of(first[0]), value=1)
    assert actions.turn_page(visit=visit, number=1).ids == first


def test_the_very_next_page_follows_a_rating(collection, visitor):
    collection(300)
    visit = actions.open_visit(visitor=visitor, mood="happy", fresh=True)
    first = actions.turn_page(visit=visit, number=1)
    expected = Visit.objects.get(pk=visit.pk).upcoming[:30]
    unrated = actions.turn_page(visit=copy_of(visit), number=2).ids
    assert unrated == expected, "without a rating the page is the one that was ready"
    actions.rate(visitor=visitor, photo=photo_of(first.ids[0]), value=1)
    assert actions.turn_page(visit=visit, number=2).ids != expected


def test_a_page_beyond_the_next_is_refused(collection, visitor):
    collection(90)
    visit = actions.open_visit(visitor=visitor, mood="happy", fresh=True)
    with pytest.raises(actions.NoSuchPage) as refusal:
        actions.turn_page(visit=visit, number=3)
    assert refusal.value.furthest == 1


def test_a_newcomers_visit_goes_on_from_the_generic_page_that_it_saw(collection, visitor):
    collection(90)
    generic = actions.generic_page(mood="happy", number=1)
    visit = actions.open_visit(visitor=visitor, mood="happy")
    assert actions.turn_page(visit=visit, number=1).ids == generic.ids
    assert not set(actions.turn_page(visit=visit, number=2).ids) & set(generic.ids)


def test_an_idle_visit_ends_and_a_fresh_one_can_be_asked_for(collection, visitor):
    collection(40)
    visit = actions.open_visit(visitor=visitor, mood="happy")
    actions.turn_page(visit=visit, number=1)
    assert actions.open_visit(visitor=visitor, mood="happy") == visit
    assert actions.open_visit(visitor=visitor, mood="happy", fresh=True) != visit
    seen = set(Visit.objects.values_list("pk", flat=True))
    Visit.objects.update(last_at=timezone.now() - timedelta(minutes=31))
    assert actions.open_visit(visitor=visitor, mood="happy").pk not in seen


def test_what_a_visitor_hid_never_comes_back(collection, visitor):
    photos = collection(60)
    actions.rate(visitor=visitor, photo=photos[0], hidden=True)
    visit = actions.open_visit(visitor=visitor, mood="happy", fresh=True)
    assert all(photos[0].pk not in page for page in pages(visit, 2))


def test_one_rating_a_visitor_and_photograph_with_its_history(collection, visitor):
    photo = collection(3)[0]
    actions.rate(visitor=visitor, photo=photo, value=2, mood="happy", place=0)
    actions.rate(visitor=visitor, photo=photo, value=5)
    actions.rate(visitor=visitor, photo=photo, felt="solitude")
    rating = Rating.objects.get()
    assert (rating.value, rating.felt, rating.mood, rating.place) == (5, "solitude", "happy", 0)
    assert list(RatingEvent.objects.order_by("pk").values_list("value", "felt")) == [(2, ""), (5, ""), (5, "solitude")]


def test_taking_a_rating_back_unlearns_it_exactly(collection, visitor):
    photos = collection(3)
    actions.rate(visitor=visitor, photo=photos[0], value=4)
    before = learnt(visitor)
    actions.rate(visitor=visitor, photo=photos[1], value=1, felt="sad")
    assert not np.allclose(learnt(visitor).beauty.mean, before.beauty.mean)
    actions.unrate(visitor=visitor, photo=photos[1])
    after = learnt(visitor)
    assert np.allclose(after.beauty.mean, before.beauty.mean, atol=1e-10)
    assert np.allclose(after.felt.mean, 0, atol=1e-10)


def test_a_changed_rating_teaches_only_its_last_value(collection, visitor):
    photos = collection(3)
    for value in (1, 3, 5):
        actions.rate(visitor=visitor, photo=photos[0], value=value)
    changed = learnt(visitor).beauty.mean
    actions.forget(visitor=visitor)
    actions.rate(visitor=visitor, photo=photos[0], value=5)
    assert np.allclose(learnt(visitor).beauty.mean, changed, atol=1e-10)


def test_forgetting_leaves_nothing(collection, visitor):
    photo = collection(3)[0]
    actions.rate(visitor=visitor, photo=photo, value=4)
    actions.turn_page(visit=actions.open_visit(visitor=visitor, mood="happy"), number=1)
    actions.forget(visitor=visitor)
    for rows in (Rating, RatingEvent, Taste, Visit):
        assert not rows.objects.exists()


def test_a_look_without_a_cookie_gets_the_same_generic_pages(collection):
    photos = collection(70)
    first = actions.generic_page(mood="happy", number=1)
    assert first == actions.generic_page(mood="happy", number=1)
    assert first.ids[0] == photos[0].pk
    assert not set(first.ids) & set(actions.generic_page(mood="happy", number=2).ids)
    with pytest.raises(actions.NoSuchPage):
        actions.generic_page(mood="happy", number=4)


def test_a_mood_with_too_few_shows_a_handful_of_the_nearest_marked_as_loose(collection, visitor):
    collection(4, mood="anger", seed=1)
    collection(50, mood="happy", seed=2)
    page = actions.generic_page(mood="anger", number=1)
    assert (len(page.ids), page.loose) == (10, 6)
    visit = actions.open_visit(visitor=visitor, mood="anger", fresh=True)
    own = actions.turn_page(visit=visit, number=1)
    assert (len(own.ids), own.loose, own.has_next) == (10, 6, False)


def test_sensitive_photographs_are_not_shown_unasked(collection):
    collection(5, sensitive=True, seed=1)
    calm = collection(5, seed=2)
    assert sorted(actions.generic_page(mood="happy", number=1).ids) == [p.pk for p in calm]


def test_words_of_the_source_change_no_page(collection):
    photos = collection(60)
    before = [actions.generic_page(mood="happy", number=n).ids for n in (1, 2)]
    for i, photo in enumerate(photos):
        photo.mood_tag, photo.tags = ("sad", "fear", "anger")[i % 3], ["grief"]
        photo.save()
    shortlist.write()
    assert [actions.generic_page(mood="happy", number=n).ids for n in (1, 2)] == before


def photo_of(photo_id):
    from gallery.models import Photo

    return Photo.objects.get(pk=photo_id)


def copy_of(visit):
    visit = Visit.objects.get(pk=visit.pk)
    visit.pk = None
    visit.save(force_insert=True)
    return visit


def learnt(visitor):
    network = interface.active()
    return learning.taste_of(visitor.pk, network.id, interface.prior(network.id))
