"""Training rows of the collection: visitors who brigade move them little, near-duplicates stay on one side."""

from datetime import timedelta

import pytest
from django.db.models import DateTimeField, ExpressionWrapper, F, Value
from django.utils import timezone

from accounts.models import Visitor
from gallery.models import Photo, Rating, Score
from gallery.rank import habits, rows
from ml import interface

pytestmark = pytest.mark.django_db
HONEST = 12


@pytest.fixture
def people(db):
    """people(n): visitors, by an id that sorts as they came."""
    return lambda count: Visitor.objects.bulk_create([Visitor() for _ in range(count)])


@pytest.fixture
def photos(new_photo):
    return lambda count, **facts: Photo.objects.bulk_create([new_photo(n, **facts) for n in range(count)])


def rate(visitor, photos, values, *, felt="", seconds=20):
    """The visitor's answers, so many seconds apart."""
    said = zip(photos, values, strict=True)
    Rating.objects.bulk_create([Rating(visitor=visitor, photo=p, value=v, felt=felt) for p, v in said])
    start = timezone.now() - timedelta(days=1)
    at = ExpressionWrapper(Value(start) + F("photo_id") * Value(timedelta(seconds=seconds)), DateTimeField())
    Rating.objects.filter(visitor=visitor).update(rated_at=at)


def honest(people, photos):
    """Twelve people who differ in what they like: means from 2 to 4."""
    for n, visitor in enumerate(people(HONEST)):
        rate(visitor, photos, [1 + (place + n) % 3 + (place % 5 > 2) for place in range(len(photos))])


def found():
    return {row.key: row for row in rows.training_rows()}


def test_without_suspects_a_photograph_is_worth_its_mean(people, photos):
    made = photos(30)
    honest(people, made)
    for row in found().values():
        values = Rating.objects.filter(photo__sha256=row.key).values_list("value", flat=True)
        assert row.aesthetic == pytest.approx(1 + 1.5 * (sum(values) / len(values) - 1), abs=0.02)
        assert row.count == pytest.approx(HONEST, abs=0.1)


@pytest.mark.parametrize("seconds", [20, 0.2], ids=["patiently", "in a burst"])
def test_a_thousand_ratings_of_1_by_one_visitor_move_no_photograph(people, photos, seconds):
    made = photos(1000)
    honest(people, made[:100])
    before = found()
    rate(people(1)[0], made, [1] * 1000, seconds=seconds)
    after = found()
    assert set(after) == set(before), "what that visitor alone rated has no rating"
    moved = [abs(after[key].aesthetic - before[key].aesthetic) for key in before]
    assert len(moved) == 100 and max(moved) < 0.01  # of 1-7; a plain mean moves up to .35


def test_a_burst_of_mixed_ratings_moves_no_photograph(people, photos):
    made = photos(60)
    honest(people, made)
    before = found()
    rate(people(1)[0], made, [1 + place % 5 for place in range(60)], seconds=0.1)
    assert max(abs(found()[key].aesthetic - before[key].aesthetic) for key in before) < 0.01


def test_one_busy_visitor_cannot_make_moods(people, photos):
    made = photos(400)
    spammer, other = people(2)
    rate(spammer, made, [None] * 400, felt="happy")
    assert not found(), "one who feels happy at everything says nothing"
    rate(other, made[:3], [None] * 3, felt="sad")
    assert {row.mood for row in found().values()} == {"sad"}


def test_rows_take_as_many_queries_for_many_photographs_as_for_few(people, photos, django_assert_max_num_queries):
    honest(people, photos(200))
    with django_assert_max_num_queries(8):
        assert len(found()) == 200


def test_near_duplicates_name_each_others_groups(people, photos, new_photo):
    copy, original, single = Photo.objects.bulk_create(
        [
            new_photo(1, creator="Ann Other", cluster=1),
            new_photo(2, creator="  ANN   other ", cluster=1),
            new_photo(3, creator="", cluster=None),
        ]
    )
    others = Photo.objects.bulk_create([new_photo(10 + n) for n in range(10)])
    rate(people(1)[0], [copy, original, single, *others], [3] * 13)
    assert found()[copy.sha256].group == found()[original.sha256].group == "ann other"
    assert found()[copy.sha256].kin == ("ann other",)
    assert found()[single.sha256].group == single.sha256 and found()[single.sha256].kin == ()


def test_a_creator_of_most_photographs_is_divided(people, photos):
    rate(people(1)[0], photos(8, creator="The only one"), [1, 2, 3, 4, 5, 1, 2, 3])
    assert {row.group for row in found().values()} == set(found())


def test_what_teaches_and_what_judges_share_no_creator(people, photos):
    honest(people, photos(150))
    teach, judge = (interface.training_rows(part=part) for part in ("train", "test"))
    assert len(teach) + len(judge) == 150 and len(judge) > 15
    assert not {row.group for row in teach} & {row.group for row in judge}


def test_alarms_are_told_and_logged(people, photos, caplog):
    made = photos(200)
    honest(people, made[:10])
    loud = people(1)[0]
    rate(loud, made, [1] * 200)
    list(rows.training_rows())
    assert str(loud.pk)[:8] in caplog.text and "nearly all are the same" in caplog.text
    assert str(loud.pk) not in caplog.text
    told = interface.alarms()
    assert any(text.startswith("One visitor gave 62%") for text in told) and habits.alarms() == told


def test_scores_and_pictures_are_found_by_hash(pictures):
    made = pictures(2)
    network = interface.active()
    facts = {"valence": 4, "arousal": 4, "embedding": [0.0] * 64}
    Score.objects.create(photo=made[0], network_id=network.id, moods=[0.5] + [0.1] * 5, aesthetic=5.5, **facts)
    keys = [photo.sha256 for photo in made]
    said = rows.said_by(network.id, keys)
    assert set(said) == {keys[0]} and said[keys[0]].aesthetic == 5.5 and said[keys[0]].moods[0] == 0.5
    shown = rows.thumbnails([*keys, "gone"])
    assert set(shown) == set(keys) and shown[keys[0]][0].endswith(".webp")
