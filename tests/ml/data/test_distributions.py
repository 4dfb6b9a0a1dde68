import numpy as np
import pytest

from ml.data import distributions


def test_counts_of_ten_are_shares_and_nobodys_are_unknown():
    found = distributions.of_counts(np.array([[1.0] * 10, [0.0] * 10]))
    assert found[0] == pytest.approx(0.1)
    assert np.isnan(found[1]).all()


def test_counts_on_a_shorter_scale_keep_their_mean():
    counts = np.array([[1.0, 0, 0, 3, 0, 0, 0], [0, 0, 0, 0, 0, 0, 2]])
    assert distributions.mean_of(distributions.of_counts(counts)) == pytest.approx([0.375, 1])


def test_single_ratings_keep_their_mean():
    found = distributions.of_ratings(np.array([0, 0, 2]), np.array([0.25, 0.75, 1.0]), 3)
    assert distributions.mean_of(found)[[0, 2]] == pytest.approx([0.5, 1])
    assert found.sum(1)[[0, 2]] == pytest.approx(1)
    assert np.isnan(found[1]).all()


def test_a_normal_is_widest_where_its_spread_is():
    found = distributions.of_normal(np.array([0.5, 0.5, 0.5]), np.array([0.05, 0.3, 0.0]))
    assert found.sum(1) == pytest.approx(1)
    assert distributions.mean_of(found) == pytest.approx(0.5)
    assert found[0].max() > found[1].max()
    assert np.isfinite(found[2]).all()
