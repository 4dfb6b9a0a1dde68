"""Parts and targets of a data set for one task."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.data.photographs import Labels, Photographs, Rule
from ml.data.tables import DataError
from ml.experiment import Protocol
from ml.feed import parts_of


def made(count: int = 40) -> Photographs:
    """Ten subjects with four photographs each, scores from 0 to 1."""
    groups = np.array([f"subject {number // 4}" for number in range(count)])
    classes = Labels(("a", "b"), np.arange(count) % 2)
    score = np.random.default_rng(0).permutation(np.linspace(0, 1, count))
    paths = [Path(f"{n}.jpg") for n in range(count)]
    return Photographs("made", paths, groups, score=score, labels={"emotion": classes})


def test_no_subject_is_in_two_parts():
    photographs = made()
    rows, _ = parts_of(photographs, "binary")
    parts = [set(photographs.groups[part]) for part in (rows.train, rows.validation, rows.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 10


def test_the_median_that_parts_high_from_low_is_of_training_photographs_alone():
    photographs = replace(made(), rule=Rule(threshold=None))
    rows, high = parts_of(photographs, "binary")
    assert high[rows.train].mean() == pytest.approx(0.5, abs=0.02)
    limit = np.median(photographs.score[rows.train])
    assert np.array_equal(high == 1, photographs.score > limit)


def test_rules_of_the_protocol():
    photographs = replace(made(), score=np.tile([0.25, 0.5, 0.5, 0.75], 10))
    counts = [Protocol(rule=rule).parts(photographs, "binary", 0)[1].sum() for rule in ("", "above", "at least")]
    assert counts == [10, 10, 30]


def test_the_protocols_shares_are_kept():
    rows, _ = Protocol(shares=(0.5, 0.1, 0.4)).parts(made(400), "binary", 0)
    assert len(rows.test) == pytest.approx(160, abs=8) and len(rows.validation) == pytest.approx(40, abs=8)


def test_what_says_nothing_on_the_task_is_in_no_part():
    photographs = made()
    index = photographs.labels["emotion"].index.copy()
    index[:20] = -1
    rows, _ = parts_of(replace(photographs, labels={"emotion": Labels(("a", "b"), index)}), "emotion")
    assert min(rows.train.min(), rows.validation.min(), rows.test.min()) >= 20


def test_a_part_without_photographs_is_refused_in_one_sentence():
    photographs = replace(
        made(), parts=np.array(["train"] * 20 + ["test"] * 20), score=np.r_[np.linspace(0, 1, 20), [np.nan] * 20]
    )
    with pytest.raises(DataError, match="no photographs for test that say something on 'binary'"):
        parts_of(photographs, "binary")
