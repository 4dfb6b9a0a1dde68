"""Which photographs and answers an admin's selection lets teach a network."""

from datetime import UTC, date, datetime

import pytest

from accounts.models import Visitor
from gallery.models import Photo, Rating
from gallery.rank import rows
from ml.rows import Selection


@pytest.fixture
def answered(db, new_photo):
    """0 rated; 1 felt sad; 2 happy by its source's words alone; 3 rated, CC0, added in 2025."""
    photos = Photo.objects.bulk_create([new_photo(n, mood_tag="happy" if n == 2 else "") for n in range(4)])
    Photo.objects.filter(pk=photos[3].pk).update(licence="cc0", added_at=datetime(2025, 5, 6, 23, 59, tzinfo=UTC))
    for _ in range(2):
        visitor = Visitor.objects.create()
        Rating.objects.create(visitor=visitor, photo=photos[0], value=4)
        Rating.objects.create(visitor=visitor, photo=photos[1], felt="sad")
        Rating.objects.create(visitor=visitor, photo=photos[3], value=2, felt="fear")
    return [photo.sha256 for photo in photos]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), {0, 1, 3}),
        (Selection(felt=False), {0, 3}),
        (Selection(ratings=False), {1, 3}),
        (Selection(ratings=False, felt=False), set()),
        (Selection(ratings=False, felt=False, tags=True), {2}),
        (Selection(tags=True), {0, 1, 2, 3}),
        (Selection(licences=("cc0", "pdm")), {3}),
        (Selection(until=date(2025, 5, 6)), {3}),
        (Selection(since=date(2025, 5, 7)), {0, 1}),
        (Selection(moods=("sad", "happy"), tags=True), {1, 2}),
        (Selection(moods=("anger",)), set()),
    ],
)
def test_a_selection_leaves_in_what_it_names(answered, selection, chosen):
    assert {answered.index(row.key) for row in rows.training_rows(selection)} == chosen


def test_what_is_not_learnt_from_is_not_in_the_rows(answered):
    (felt_only,) = [row for row in rows.training_rows(Selection(ratings=False)) if row.key == answered[3]]
    assert (felt_only.aesthetic, felt_only.count, felt_only.mood) == (None, 0, "fear")
    (rated_only,) = [row for row in rows.training_rows(Selection(felt=False)) if row.key == answered[3]]
    assert rated_only.mood is None and rated_only.aesthetic is not None


def test_answers_are_counted_since_a_moment(answered):
    assert rows.answers_since(None) == 6
    assert rows.answers_since(datetime(2100, 1, 1, tzinfo=UTC)) == 0
