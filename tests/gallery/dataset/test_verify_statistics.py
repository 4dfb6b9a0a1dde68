"""The statistics against values worked out by hand, and what must hold whatever the counts."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.dataset import statistics

COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=12).map(lambda counts: np.array(counts))
SOME = COUNTS.filter(lambda counts: counts.sum() > 0)
TABLES = st.lists(st.integers(0, 30), min_size=9, max_size=9).map(lambda cells: np.array(cells).reshape(3, 3))


def test_entropy_by_hand():
    assert statistics.entropy(np.array([4, 4, 4, 4])) == pytest.approx(math.log(4))
    assert statistics.entropy(np.array([2, 1, 1])) == pytest.approx(1.5 * math.log(2))
    assert statistics.effective_number(np.array([2, 1, 1])) == pytest.approx(2**1.5)
    assert statistics.effective_number(np.array([7, 0])) == 1
    assert statistics.effective_number(np.array([0, 0])) == 0


@given(SOME)
def test_the_effective_number_is_one_to_the_number_of_classes(counts):
    found = statistics.effective_number(counts)
    assert 1 - 1e-9 <= found <= (counts > 0).sum() + 1e-9


def test_rarefaction_by_hand():
    # 3 a, 2 b, 1 c; of the 15 pairs 3, 6 and 10 lack a, b and c.
    assert statistics.rarefied(np.array([3, 2, 1]), 2) == pytest.approx(3 - 19 / 15)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4).map(np.array).filter(lambda c: c.sum() > 0), st.data())
def test_rarefaction_is_the_mean_over_all_draws(counts, data):
    things = [place for place, count in enumerate(counts) for _ in range(count)]
    m = data.draw(st.integers(0, len(things)))
    draws = [len(set(draw)) for draw in combinations(things, m)]
    assert statistics.rarefied(counts, m) == pytest.approx(np.mean(draws))


@given(SOME)
def test_rarefaction_rises_from_one_to_all_classes(counts):
    curve = [statistics.rarefied(counts, m) for m in range(1, int(counts.sum()) + 1)]
    assert curve[0] == pytest.approx(1)
    assert curve[-1] == pytest.approx((counts > 0).sum())
    assert (np.diff(curve) >= -1e-9).all()


def test_rarefaction_stays_exact_for_a_large_collection():
    counts = np.full(1000, 300)  # nearly as if drawn with replacement: 1000 (1 - .999^32100)
    assert statistics.rarefied(counts, 500) == pytest.approx(1000 * (1 - 0.999**500), rel=2e-3)
    assert statistics.rarefied(counts, 300_000) == 1000


@pytest.mark.parametrize("m", [-1, 7])
def test_more_than_there_are_cannot_be_drawn(m):
    with pytest.raises(ValueError, match="cannot be drawn from 6"):
        statistics.rarefied(np.array([3, 2, 1]), m)


def test_wilson_by_hand():
    # 8 of 10 with z = 1.96: (.8 + .192073) / 1.384146 -+ 1.96 sqrt(.016 + .009604) / 1.384146
    found = statistics.wilson(8, 10)
    assert (found.value, found.low, found.high) == pytest.approx((0.8, 0.490162, 0.943318), abs=1e-5)
    assert statistics.wilson(0, 0) == statistics.Estimate(0, 0, 1, 0)
    assert statistics.wilson(0, 5).low == 0
    assert statistics.wilson(5, 5).high == 1


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_holds_its_share_and_mirrors(hits, misses):
    found, other = statistics.wilson(hits, hits + misses), statistics.wilson(misses, hits + misses)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - other.high, 1 - other.low))


def test_no_share_is_refused():
    with pytest.raises(ValueError, match="no share"):
        statistics.wilson(3, 2)


def test_kappa_by_hand():
    # observed .7, by chance .5 x .6 + .5 x .4 = .5; standard error sqrt(.7 x .3 / 50) / .5 = .129615
    found = statistics.kappa(np.array([[20, 5], [10, 15]]))
    assert found.value == pytest.approx(0.4)
    assert found.n == 50
    assert (found.low, found.high) == pytest.approx((0.4 - 1.959964 * 0.129615, 0.4 + 1.959964 * 0.129615), abs=1e-5)


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[9, 0], [0, 0]]])
def test_kappa_says_nothing_where_chance_leaves_no_room(table):
    assert statistics.kappa(np.array(table)) is None


@given(TABLES)
def test_kappa_is_symmetric_and_one_only_in_full_agreement(table):
    found, turned = statistics.kappa(table), statistics.kappa(table.T)
    if found is None:
        assert turned is None
        return
    assert found.value == pytest.approx(turned.value)
    assert -1 <= found.low <= found.high <= 1
    assert (found.value == pytest.approx(1)) == (np.trace(table) == table.sum())


@given(TABLES, st.integers(0, 2))
def test_a_class_against_the_rest_keeps_all_counts(table, place):
    two = statistics.against_the_rest(table, place)
    assert two.sum() == table.sum()
    assert (two >= 0).all()
    assert two[0].sum() == table[place].sum()
    assert two[:, 0].sum() == table[:, place].sum()


def test_gini_by_hand():
    assert statistics.gini(np.array([5, 5, 5])) == pytest.approx(0)
    assert statistics.gini(np.array([0, 0, 0, 4])) == pytest.approx(0.75)
    assert statistics.gini(np.array([1, 2, 3])) == pytest.approx(2 / 9)
    assert statistics.gini(np.array([])) == 0


@given(SOME)
def test_gini_is_half_the_relative_mean_difference(counts):
    n = len(counts)
    differences = np.abs(counts[:, None] - counts).sum() / (2 * n * counts.sum())
    assert statistics.gini(counts) == pytest.approx(differences, abs=1e-9)


def test_distinctive_finds_what_one_side_has_more_of():
    z = statistics.distinctive(np.array([50, 10, 0, 0]), np.array([50, 500, 40, 0]))
    assert z[0] > 5 > 0 > z[1]
    assert z[2] < 0
    assert z[3] == 0


def test_distinctive_is_modest_where_little_is_known():
    z = statistics.distinctive(np.array([1, 0]), np.array([0, 1]))
    assert np.abs(z).max() < 1.96


@given(st.integers(1, 8), st.data())
def test_distinctive_turns_its_sign_with_the_sides(size, data):
    here, there = (np.array(data.draw(st.lists(st.integers(0, 30), min_size=size, max_size=size))) for _ in range(2))
    assert statistics.distinctive(here, there) == pytest.approx(-statistics.distinctive(there, here))


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_mean_distance_is_that_of_all_pairs(n, seed):
    vectors = np.random.default_rng(seed).standard_normal((n, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [1 - a @ b for a, b in combinations(vectors, 2)]
    assert statistics.mean_cosine_distance(vectors.sum(0), n) == pytest.approx(np.mean(pairs))


def test_one_photograph_has_no_distance():
    assert statistics.mean_cosine_distance(np.ones(3), 1) is None


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_counts_by_class_agree_with_a_plain_count(classes):
    counts = np.bincount(classes, minlength=4)
    assert {place: int(n) for place, n in enumerate(counts) if n} == dict(Counter(classes))
