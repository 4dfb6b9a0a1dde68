"""Closed forms: what they give is what fitting anew would give."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.evaluate import calibration
from ml.heads import fit_projection, fit_scores, fit_teacher, kernel, left_out, stretched


def planted(n: int = 60, columns: int = 5) -> NDArray:
    return np.random.default_rng(0).normal(size=(n, columns))


def test_what_is_said_of_a_group_is_what_a_fit_without_it_says():
    x, targets, penalty = planted(), planted(columns=2), np.random.default_rng(1).uniform(0.2, 2, 60)
    groups = np.array(["a", "b", "c", "d", "e", "f"] * 10)
    k = kernel(x, x, 0.3)
    alpha, said = left_out(k, targets, penalty, groups)
    assert np.allclose((k + np.diag(penalty)) @ alpha, targets)
    for group in "af":
        own, rest = groups == group, groups != group
        without = np.linalg.solve(k[np.ix_(rest, rest)] + np.diag(penalty[rest]), targets[rest])
        assert np.allclose(said[own], k[np.ix_(own, rest)] @ without)


def test_a_teacher_learns_places_and_says_less_of_what_it_has_not_seen():
    x, table = planted(200, 8), np.random.default_rng(2).normal(size=(4, 7))
    places = np.tanh(x @ np.random.default_rng(3).normal(size=(8, 4)) * 0.3)
    teacher, unseen = fit_teacher(x, places, np.ones(200), np.arange(200), table)
    said = teacher(x)
    assert said.shape == unseen.shape == (200, 7 + 4)
    assert np.allclose(said[:, :7], said[:, 7:] @ table, atol=1e-4)
    seen, left = (float(((told[:, 7:] - places) ** 2).mean()) for told in (said, unseen))
    assert seen < left < places.var()


def test_components_of_others_follow_those_of_the_rated_and_are_zero_where_photographs_are_too_few():
    rated, others = planted(40, 30), np.random.default_rng(5).normal(size=(6, 30))
    projection = fit_projection(rated, [30], [1.0], 20, others, 10)
    rows = projection(rated)
    assert rows.shape == (40, 30)
    assert (rows[:, :25].std(0) > 0).all()
    assert not rows[:, 25:].any()
    assert np.array_equal(rows[:, :20], fit_projection(rated, [30], [1.0], 20)(rated))


def test_a_block_adds_its_share_to_the_median_squared_distance():
    rows = planted(80, 9) * np.r_[np.full(4, 10.0), np.full(5, 0.1)]
    near = rows * stretched(rows, (4, 5), (1.0, 0.25))
    for part, share in ((near[:, :4], 1.0), (near[:, 4:], 0.25)):
        square = ((part[:, None] - part) ** 2).sum(2)[np.triu_indices(80, 1)]
        assert np.median(square) == pytest.approx(share, rel=1e-4)
    assert not stretched(rows, (4, 5), (1.0, 0.0))[4:].any()


def test_scores_follow_a_smooth_function_and_a_scale_without_labels_says_the_middle():
    x = planted(150, 3)
    targets = np.stack([4 + np.sin(x[:, 0]), 4 + x[:, 1] / 3, np.full(150, np.nan)], 1)
    head = fit_scores(x, targets, np.arange(150) // 2, stretched(x, (3,), (1.0,)), 1.5)
    new = np.random.default_rng(9).normal(size=(100, 3))
    said = head(new)
    assert np.corrcoef(said[:, 0], np.sin(new[:, 0]))[0, 1] > 0.9
    assert (said[:, 2] == 4).all()


def test_calibration_is_how_far_certainty_is_from_being_right():
    probabilities = np.tile([0.75, 0.05, 0.05, 0.05, 0.05, 0.05], (100, 1))
    moods = np.where(np.arange(100) < 75, 0, 1)
    assert calibration(moods, probabilities) == {"n": 100, "ece": 0.0, "table": [[0.7, 0.8, 100, 0.75, 0.75]]}
    moods[:] = 1
    assert calibration(np.r_[moods, -1], np.vstack([probabilities, probabilities[:1]]))["ece"] == 0.75
