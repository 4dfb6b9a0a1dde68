"""Figures by the field's protocols, held against values worked out by hand."""

from xml.etree import ElementTree as xml

import numpy as np
import pytest

from ml import curves, protocols


def test_classes_stand_beside_the_majority_share():
    truth = np.array([0, 0, 0, 1, -1])
    said = np.eye(2)[[0, 0, 1, 1, 0]]
    found = protocols.of_classes(truth, said, ("low", "high"))
    assert found["n"] == 4, "what has no label is not judged"
    assert found["accuracy"] == 0.75 and found["majority"] == 0.75
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2, abs=1e-4)
    assert found["recall"] == {"low": 0.6667, "high": 1.0}
    assert found["confusion"] == [[2, 1], [0, 1]]
    assert found["auc"] == pytest.approx(5 / 6, abs=1e-4)


def test_scores_by_four_figures():
    truth, said = np.array([0.1, 0.2, 0.3, 0.4, np.nan]), np.array([0.2, 0.1, 0.3, 0.4, 0.9])
    found = protocols.of_scores(truth, said)
    assert found["n"] == 4
    assert found["spearman"] == pytest.approx(0.8) and found["pearson"] == pytest.approx(0.8)
    assert found["kendall"] == pytest.approx(4 / 6, abs=1e-4)
    assert found["mse"] == pytest.approx(0.02 / 4)


def test_a_constant_answer_has_no_correlation():
    found = protocols.of_scores(np.array([0.1, 0.5, 0.9]), np.full(3, 0.5))
    assert found["spearman"] is None and found["kendall"] is None and found["spearman_interval"] is None
    assert protocols.no_better_than_chance(found)


def test_distributions_by_the_earth_movers_distance():
    truth, said = np.eye(10)[[0, 4]], np.eye(10)[[9, 4]]
    found = protocols.of_distributions(truth, said)
    assert found["emd"] == pytest.approx((0.9 + 0) / 2), "from the first bin to the last: nine of ten cumulative sums"
    assert protocols.mean_of(np.eye(10)[[0, 9]]).tolist() == [0, 1]


def test_several_classes_by_average_precision():
    truth = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0]], bool)
    said = np.array([[0.9, 0.1, 0], [0.8, 0.9, 0], [0.7, 0.2, 0]])
    found = protocols.of_several(truth, said, ("a", "b", "c"))
    assert found["ap"] == {"a": pytest.approx((1 + 2 / 3) / 2, abs=1e-4), "b": 1.0}, (
        "a class that never occurs has none"
    )
    assert found["map"] == pytest.approx((found["ap"]["a"] + 1) / 2, abs=1e-4)


def test_the_interval_is_that_of_a_proportion_and_of_the_seed():
    rng = np.random.default_rng(1)
    truth = np.ones(400, int)
    said = np.where(rng.uniform(size=400) < 0.7, 1, 0)
    low, high = protocols.interval(lambda a, b: float(np.mean(a == b)), truth, said, seed=0)
    share = np.mean(said)
    half = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert (low, high) == (pytest.approx(share - half, abs=0.012), pytest.approx(share + half, abs=0.012))
    assert protocols.interval(lambda a, b: float(np.mean(a == b)), truth, said, seed=0) == (low, high)


@pytest.mark.parametrize(("low", "chance"), [(0.5, True), (0.52, False)])
def test_better_than_chance_is_above_the_majority_by_the_whole_interval(low, chance):
    figures = {"accuracy": 0.6, "accuracy_interval": (low, 0.7), "majority": 0.515}
    assert protocols.no_better_than_chance(figures) is chance


def test_epochs_are_chosen_by_what_does_not_reward_the_majority():
    assert protocols.key_of({"accuracy": 0.9, "balanced_accuracy": 0.5}) == 0.5
    assert protocols.key_of({"spearman": None}) == -1
    with pytest.raises(ValueError):
        protocols.key_of({"n": 3})


def test_curves_leave_a_gap_where_a_value_is_missing_and_mark_the_chosen_epoch():
    history = [
        {"loss": 1.0, "validation": 0.5},
        {"loss": float("nan"), "validation": 0.6},
        {"loss": 0.5},
        {"loss": 0.4},
    ]
    root = xml.fromstring(curves.draw(history, chosen=1))
    paths = [each.get("d") for each in root if each.tag.endswith("path")]
    assert [path.count("M") for path in paths] == [2, 1]
    assert [path.count("L") for path in paths] == [1, 1]
    assert len([each for each in root if each.get("class") == "chosen"]) == 2
    assert all(each.get("style") is None for each in root.iter()), "the site's policy allows no style attributes"
