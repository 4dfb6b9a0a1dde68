"""Pairs to rank: across raters by means, within a rater by that person's own order; never out of the rows given."""

import numpy as np
import pytest

from ml.data.photographs import Ratings
from ml.nets.pairs import AcrossRaters, WithinRater

SCORE = np.array([0.1, 0.3, 0.6, 0.85, np.nan, 0.95])
ALL = np.arange(6)


def ratings(*rows: tuple[str, int, float]) -> Ratings:
    people, photos, scores = zip(*rows, strict=True)
    return Ratings(np.array(people), np.array(photos), np.array(scores))


def drawn(pairs: AcrossRaters | WithinRater, row: int, times: int = 200) -> set[tuple[int, bool] | None]:
    chance = np.random.default_rng(0)
    return {pairs.partner(row, chance) for _ in range(times)}


def test_across_raters_all_partners_are_far_enough_apart() -> None:
    pairs = AcrossRaters(SCORE, ALL, 0.5)
    assert drawn(pairs, 0) == {(2, True), (3, True), (5, True)}  # .6 is .5 from .1, in spite of rounding
    assert drawn(pairs, 3) == {(0, False), (1, False)}
    assert drawn(pairs, 4) == {None}


def test_across_raters_a_photograph_in_the_middle_may_have_no_partner() -> None:
    assert drawn(AcrossRaters(np.array([0.3, 0.5, 0.7]), np.arange(3), 0.5), 1) == {None}


def test_no_pair_leaves_the_rows() -> None:
    assert drawn(AcrossRaters(SCORE, np.array([0, 3]), 0.5), 0) == {(3, True)}
    judged = ratings(("a", 0, 0.2), ("a", 1, 0.8), ("a", 2, 0.9))
    assert drawn(WithinRater(judged, np.array([0, 2])), 0) == {(2, True)}


def test_within_a_rater_the_order_is_that_persons_own() -> None:
    # a finds 0 better than 1, whatever the means say; b the other way round, and has no opinion of 2
    judged = ratings(("a", 1, 0.25), ("b", 0, 0.0), ("a", 0, 0.75), ("b", 1, 1.0), ("a", 2, 0.75))
    pairs = WithinRater(judged, ALL)
    assert drawn(pairs, 0) == {(1, False), (1, True)}
    assert drawn(pairs, 2) == {(1, False)}


def test_within_a_rater_ties_and_strangers_make_no_pair() -> None:
    judged = ratings(("a", 0, 0.5), ("a", 1, 0.5), ("b", 2, 0.1), ("b", 3, 0.9))
    pairs = WithinRater(judged, ALL)
    assert drawn(pairs, 0) == {None} and drawn(pairs, 5) == {None}
    assert drawn(pairs, 2) == {(3, True)}


def test_within_a_rater_no_photograph_is_its_own_partner() -> None:
    judged = ratings(("a", 0, 0.1), ("a", 0, 0.9))
    assert drawn(WithinRater(judged, ALL), 0) == {None}


@pytest.mark.parametrize("seed", range(5))
def test_within_a_rater_agrees_with_a_plain_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    judged = Ratings(rng.choice(list("abcd"), 60), rng.integers(0, 12, 60), rng.integers(0, 4, 60) / 4)
    rows = np.arange(0, 12, 2)
    pairs = WithinRater(judged, rows)
    table = list(zip(judged.person, judged.photo, judged.score, strict=True))
    for row in rows.tolist():
        right = {
            (int(b), bool(t > s))
            for who, a, s in table if a == row
            for other, b, t in table if other == who and b != a and b in rows and t != s
        }  # fmt: skip
        assert drawn(pairs, row, 3000) - {None} == right
