"""Metrics against numbers worked out by hand."""

import numpy as np
import pytest

from ml import metrics


def test_pearson_meets_a_hand_computed_number():
    # deviations (-1.5, -.5, .5, 1.5) and (-1, -2, 2, 1): product sum 1.5 + 1 + 1 + 1.5 = 5; roots of 5 and 10
    assert metrics.pearson([1, 2, 3, 4], [2, 1, 5, 4]) == pytest.approx(5 / np.sqrt(5 * 10))


def test_spearman_gives_ties_their_average_rank():
    # ranks (1, 2.5, 2.5, 4) and (1, 2, 3, 4): product sum of deviations 4.5, squares 4.5 and 5
    assert metrics.spearman([1, 2, 2, 9], [10, 20, 30, 40]) == pytest.approx(4.5 / np.sqrt(4.5 * 5))


def test_a_constant_has_no_correlation():
    assert np.isnan(metrics.pearson([1, 1, 1], [1, 2, 3]))
    assert np.isnan(metrics.spearman([1], [2]))


def test_auc_counts_pairs_in_order_and_half_of_the_ties():
    # pairs (high, low): (.8, .3) yes, (.8, .5) yes, (.5, .3) yes, (.5, .5) half
    assert metrics.auc([0, 1, 0, 1], [0.3, 0.8, 0.5, 0.5]) == pytest.approx(3.5 / 4)


def test_auc_needs_exactly_two_values():
    assert np.isnan(metrics.auc([1, 2, 3], [1, 2, 3]))


def test_accuracy_and_balanced_accuracy_differ_where_classes_are_uneven():
    truth, guess = [0, 0, 0, 1], [0, 0, 0, 0]
    assert metrics.accuracy(truth, guess) == 0.75
    assert metrics.balanced_accuracy(truth, guess) == 0.5
    assert metrics.majority_share(truth) == 0.75


def test_balanced_accuracy_ignores_classes_that_only_were_guessed():
    assert metrics.balanced_accuracy([0, 1], [0, 2]) == 0.5


def test_the_confusion_matrix_has_truth_in_rows():
    assert metrics.confusion_matrix([0, 0, 1], [0, 1, 1], [0, 1, 2]).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
