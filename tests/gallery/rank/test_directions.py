"""Where somebody stands along what people differ in, on arrays made here."""

from types import SimpleNamespace

import numpy as np
import pytest

from gallery.rank import directions, taste


@pytest.fixture
def covariance():
    """People differ most along the third number of the embedding, then along the first."""
    return np.diag([2.0, 0.1, 5.0, 0.1, 9.0, 0.1, 0.1, 0.1])


def arrays(count=200, seed=0):
    rng = np.random.default_rng(seed)
    return SimpleNamespace(
        ids=np.arange(count),
        embedding=rng.standard_normal((count, 4)).astype(np.float32) + 3,
        aesthetic=rng.standard_normal(count).astype(np.float32),
        valence=rng.standard_normal(count).astype(np.float32),
        arousal=rng.standard_normal(count).astype(np.float32),
        creator=(np.arange(count) // 2).astype(np.int32),
        cluster=np.arange(count),
    )


def test_the_strongest_directions_come_first_and_the_intercept_is_none(covariance):
    found = directions.strongest(covariance, 4, 2)
    assert found == pytest.approx(np.eye(8)[[2, 0]], abs=1e-9)


def test_a_stranger_stands_in_the_middle_and_nothing_is_known(covariance):
    prior = taste.start(covariance)
    standing = directions.standing(np.eye(8)[2], covariance, prior.mean, prior.precision)
    assert (standing.at, standing.spread, standing.surely) == pytest.approx((0, 1, 0.5))
    assert directions.known(directions.sample(arrays()), covariance, prior.precision) == pytest.approx(0, abs=1e-9)


def test_answers_show_where_somebody_stands_ever_more_surely(covariance):
    posterior, rng, known = taste.start(covariance), np.random.default_rng(1), [0.0]
    x = directions.sample(arrays())
    true = np.array([0, 0, 2.0, 0, 0, 0, 0, 0])
    for row in x[:60]:
        posterior = taste.observe(posterior, row, float(row @ true + rng.normal()), 1.0)
        known.append(directions.known(x, covariance, posterior.precision))
    standing = directions.standing(np.eye(8)[2], covariance, posterior.mean, posterior.precision)
    assert standing.at == pytest.approx(2 / np.sqrt(5), abs=0.3)
    assert standing.surely > 0.99
    assert (np.diff(known) >= -1e-9).all() and known[-1] > 0.8


def test_what_moves_all_photographs_alike_counts_for_nothing(covariance):
    prior, x = taste.start(covariance), directions.sample(arrays())
    learnt = taste.observe(prior, np.eye(8)[4], 1.0, 1e-3)
    assert directions.known(x, covariance, learnt.precision) == pytest.approx(0, abs=1e-6)
    assert directions.shifts(arrays(), np.eye(8)[4]) == pytest.approx(np.zeros(200))


def test_extremes_hold_no_photograph_cluster_or_creator_twice_and_nothing_that_is_not_free():
    made = arrays(40)
    made.cluster[5] = made.cluster[39]
    values, free = np.arange(40.0), np.arange(40) != 38
    high, low = directions.extremes(made, values, free, 6, taken=[37])
    assert list(high) == [39, 36, 35, 33, 31, 29]
    assert not set(high) & set(low) and 38 not in high and 37 not in high and 5 not in low
    for side in (high, low):
        assert len({made.creator[row] for row in side}) == len(side) == 6


def test_too_few_photographs_give_fewer():
    made = arrays(3)
    high, low = directions.extremes(made, np.arange(3.0), np.ones(3, bool), 6)
    assert len(high) + len(low) <= 3 and not set(high) & set(low)
