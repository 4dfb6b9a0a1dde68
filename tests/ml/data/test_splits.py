from pathlib import Path

import numpy as np
import pytest

from ml.data.photographs import Labels, Photographs
from ml.data.splits import split
from ml.data.tables import DataError


def made(count: int, groups: np.ndarray, **fields) -> Photographs:
    return Photographs("made up", [Path(f"{n}.jpg") for n in range(count)], groups.astype(str), **fields)


def shares(parts: np.ndarray) -> list[float]:
    return [float(np.mean(parts == part)) for part in ("train", "validation", "test")]


def test_no_group_is_in_two_parts():
    groups = np.random.default_rng(0).integers(0, 60, 600)
    parts = split(made(600, groups), seed=3)
    assert all(len(set(parts[groups == group])) == 1 for group in set(groups))
    assert shares(parts) == pytest.approx([0.7, 0.1, 0.2], abs=0.03)


def test_the_seed_decides():
    photographs = made(200, np.arange(200))
    assert (split(photographs, 1) == split(photographs, 1)).all()
    assert (split(photographs, 1) != split(photographs, 2)).any()


def test_each_class_is_shared_out_alike():
    index = np.repeat([0, 1, 2, -1], [1000, 100, 40, 60])
    photographs = made(1200, np.arange(1200), labels={"mood": Labels(("a", "b", "c"), index)})
    parts = split(photographs, seed=0, task="mood")
    for place in (0, 1, 2, -1):
        assert shares(parts[index == place]) == pytest.approx([0.7, 0.1, 0.2], abs=0.03)


def test_scores_are_shared_out_by_halves():
    score = np.linspace(0, 1, 100)
    parts = split(made(100, np.arange(100), score=score), seed=0)
    assert np.mean(score[parts == "test"] > 0.5) == pytest.approx(0.5, abs=0.1)


def test_other_shares_may_be_asked_for():
    assert shares(split(made(100, np.arange(100)), seed=0, shares=(0.5, 0.2, 0.3))) == [0.5, 0.2, 0.3]


def test_official_lists_are_kept_and_strangers_left_out():
    lists = np.array(["train", "validation", "test", ""])
    assert (split(made(4, np.arange(4), parts=lists), seed=0) == lists).all()


def test_validation_is_carved_out_of_the_training_photographs_by_group():
    groups = np.arange(400) // 4
    lists = np.where(np.arange(400) < 320, "train", "test")
    parts = split(made(400, groups, parts=lists), seed=0)
    assert (parts[320:] == "test").all()
    assert np.mean(parts[:320] == "validation") == pytest.approx(1 / 8, abs=0.02)
    assert all(len(set(parts[groups == group])) == 1 for group in set(groups))


def test_none_is_carved_where_none_is_asked_for():
    parts = split(made(4, np.arange(4), parts=np.array(["train", "train", "test", "test"])), 0, shares=(0.8, 0, 0.2))
    assert parts.tolist() == ["train", "train", "test", "test"]


def test_it_refuses_to_go_without_test_photographs():
    with pytest.raises(DataError, match="made up has no photographs for test"):
        split(made(3, np.arange(3), parts=np.array(["train"] * 3)), seed=0)
    with pytest.raises(DataError, match="no photographs for test"):
        split(made(3, np.zeros(3)), seed=0)
