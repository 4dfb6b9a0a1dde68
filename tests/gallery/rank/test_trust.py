"""Who counts how much: habits to weights, ratings to a robust mean, sentences of alarm."""

import numpy as np
import pytest

from gallery.management.commands import evaluate_trust
from gallery.rank.trust import BURST, FULL, STRANGER, Habits, agreed, alarms, robust_mean, suspicion

HONEST = Habits(ratings=30, variance=1.2, answers=30)
SAME = Habits(ratings=1000, variance=0.0, answers=1000)
BOT = Habits(ratings=100, variance=2.0, hasty=99, answers=100)


def test_among_honest_visitors_the_mean_is_the_mean():
    values = [4, 5, 3, 4, 4]
    mean, count = robust_mean(values, [HONEST] * 5)
    assert mean == pytest.approx(np.mean(values)) and count == 5


def test_a_first_answer_counts_in_full():
    assert robust_mean([2], [Habits(1, 0.0, answers=1)]) == (2.0, 1.0)
    assert robust_mean([2], [STRANGER]) == (2.0, 1.0)


def test_the_voice_of_the_busiest_stops_growing():
    voices = [n * Habits(n, 1.5, answers=n).rating_weight for n in (10, FULL, 10 * FULL, 1000 * FULL)]
    assert voices == pytest.approx([10, FULL, FULL, FULL])


def test_always_the_same_value_says_nothing():
    assert SAME.rating_weight < 0.01
    assert Habits(3, 0.0, answers=3).rating_weight == 1, "a few alike are no habit"
    mean, count = robust_mean([4, 5, 4, 1], [HONEST, HONEST, HONEST, SAME])
    assert mean == pytest.approx(13 / 3, abs=0.01) and count == pytest.approx(3, abs=0.01)


def test_a_photograph_rated_by_such_visitors_alone_has_no_rating():
    mean, count = robust_mean([1, 1], [SAME, BOT])
    assert np.isnan(mean) and count == 0


def test_a_burst_does_not_count_and_a_quick_hand_does():
    assert BOT.rating_weight < 0.02
    assert Habits(100, 2.0, hasty=BURST - 1, answers=100).rating_weight == 1


def test_a_lone_extreme_reaches_only_so_far():
    mean, _ = robust_mean([5, 5, 5, 5, 1], [HONEST] * 5)
    assert mean == pytest.approx((4 * 5 + 2.5) / 5)


def test_the_mood_of_most_weight_is_agreed_on():
    assert agreed([("sad", 1.0), ("sad", 1.0), ("fear", 1.0)], 0.5) == "sad"
    assert agreed([("sad", 1.0), ("fear", 1.0)], 0.5) is None
    assert agreed([("sad", 1.0), ("happy", 0.1), ("happy", 0.1)], 0.5) == "sad"
    assert agreed([("happy", 0.05)], 0.5) is None and agreed([], 0.5) is None


def test_who_always_feels_the_same_hardly_counts():
    assert Habits(0, 0.0, felt=500, felt_variety=0.0, answers=500).felt_weight < 0.02
    assert Habits(0, 0.0, felt=40, felt_variety=0.7, answers=40).felt_weight == 1


def test_an_alarm_names_who_gave_too_many_of_the_answers():
    names = {f"{n:08x}-0000": Habits(10, 1.0, answers=10) for n in range(30)}
    assert alarms(names) == []
    found = alarms({**names, "deadbeef-1234": Habits(300, 1.0, answers=300)})
    assert found == ["One visitor gave 50% of all 600 answers: deadbeef."]
    five = {f"{n}f00ba12-9": Habits(90, 1.0, answers=90) for n in range(5)}
    assert "Five visitors gave 60% of all 750 answers: 0f00ba12, 1f00ba12" in alarms({**names, **five})[0]


def test_an_alarm_names_whose_answers_look_made_up():
    names = {f"{n:08x}": Habits(50, 1.0, answers=50) for n in range(30)}
    found = alarms({**names, "aaaaaaaaaa": Habits(90, 0.0, answers=90), "bbbbbbbbbb": BOT})
    assert len(found) == 2
    assert any("nearly all are the same: aaaaaaaa." in text for text in found)
    assert any("within a second of the one before: bbbbbbbb." in text for text in found)
    assert suspicion(HONEST) == ""


def test_few_answers_raise_no_alarm():
    assert alarms({"a": Habits(9, 0.0, answers=9)}) == []


@pytest.mark.realdata
def test_weights_cost_honest_people_little_and_save_much_from_others(realdata):
    table = evaluate_trust._read(realdata / "oasis" / "ratings.csv")
    found = evaluate_trust.trials(table, seed=0, worlds=2)
    assert found["all honest"]["weighted"] < found["all honest"]["plain"] + 0.01
    assert found["one says 1 to all"]["weighted"] < found["all honest"]["plain"] + 0.01
    assert found["five drag a tenth down"]["weighted"] < 0.65 * found["five drag a tenth down"]["plain"]
