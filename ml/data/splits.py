"""Which photographs train, validate and test: by the official lists where there are some, else by groups and a seed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.data.photographs import PARTS, TEST, TRAIN, VALIDATION, Photographs
from ml.data.tables import DataError

SHARES = (0.7, 0.1, 0.2)  # of train, validation, test


def split(
    photographs: Photographs, seed: int = 0, shares: tuple[float, float, float] = SHARES, task: str = ""
) -> NDArray[np.str_]:
    """The part of each photograph, (n,); "" for those that official lists name nowhere.

    Lists without validation: some of the training photographs become it, with the ratio of the first two shares.
    No group of a split by seed is in two parts; each part gets its share of each class of `task` (or of the better and
    the worse half by score), as far as groups allow. Raises DataError if a part that is needed would be empty.
    """
    if photographs.parts is None:
        parts = _drawn(photographs, np.arange(len(photographs)), seed, shares, PARTS, task)
    else:
        parts = photographs.parts.astype(np.str_)
        if not (parts == VALIDATION).any() and shares[1]:
            training = np.flatnonzero(parts == TRAIN)
            parts = parts.astype("<U10")
            parts[training] = _drawn(photographs, training, seed, shares[:2], PARTS[:2], task)
    for part in (TRAIN, TEST):
        if not (parts == part).any():
            raise DataError(f"{photographs.name} has no photographs for {part}: too few, or not there.")
    return parts


def _drawn(
    photographs: Photographs,
    rows: NDArray[np.int64],
    seed: int,
    shares: Sequence[float],
    names: Sequence[str],
    task: str,
) -> NDArray[np.str_]:
    """Parts of the rows: groups, one class after the other and shuffled in each, are dealt out by what parts lack."""
    _, group = np.unique(photographs.groups[rows], return_inverse=True)
    sizes = np.bincount(group)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(_main_class(group, _classes(photographs, task)[rows])[order], kind="stable")]
    part = np.empty(len(sizes), np.int64)
    part[order] = _dealt(sizes[order].tolist(), shares)
    return np.array(names)[part[group]]


def _dealt(sizes: list[int], shares: Sequence[float]) -> list[int]:
    """A part for each: the one that lacks most of its share of what was dealt so far, so every stretch is fair."""
    have, seen, dealt = [0.0] * len(shares), 0.0, []
    wanted = [share / sum(shares) for share in shares]
    for size in sizes:
        seen += size
        part = max(range(len(shares)), key=lambda place: wanted[place] * seen - have[place])
        have[part] += size
        dealt.append(part)
    return dealt


def _classes(photographs: Photographs, task: str) -> NDArray[np.int64]:
    """What parts get equal shares of: classes of the task, else the half by score, else any classes there are."""
    if task in photographs.labels:
        return photographs.labels[task].index
    if photographs.score is not None and np.isfinite(photographs.score).any():
        high = photographs.score > np.nanmedian(photographs.score)
        return np.where(np.isfinite(photographs.score), high, -1).astype(np.int64)
    return next((labels.index for labels in photographs.labels.values()), np.zeros(len(photographs), np.int64))


def _main_class(group: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most frequent class of each group."""
    table = np.zeros((group.max() + 1, classes.max() + 2), np.int64)
    np.add.at(table, (group, classes + 1), 1)
    return table.argmax(1)
