"""A data set made ready for one task of one network: its targets, its parts, and batches of what the network sees."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from ml.data import loading
from ml.data.loading import Batch, Batches, Key, Viewed
from ml.data.photographs import TEST, TRAIN, VALIDATION, Photographs, Rule
from ml.data.splits import SHARES
from ml.data.tables import DataError
from ml.views import Input

__all__ = ["Batch", "Feed", "Rows", "parts_of"]


@dataclass(frozen=True)
class Rows:
    """The parts of a data set, as rows that say something on the task."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass
class Feed:
    """Photographs, and what one network sees and learns of them. high (n,): see Rule.high."""

    photographs: Photographs
    task: str
    high: NDArray[np.int64]
    views: Sequence[Input]
    seed: int = 0
    workers: int | None = None
    _loaders: dict[bool, tuple[DataLoader, Batches]] = field(default_factory=dict)

    def training(self, keys: Sequence[Sequence[Key]], epoch: int) -> Iterable[Batch]:
        """Batches of random views, by batches of rows; `epoch` decides the views."""
        return self._batches(keys, epoch, training=True)

    def evaluation(self, rows: NDArray[np.int64], batch: int) -> Iterable[Batch]:
        """Batches of the views whose answers are averaged, in the order of rows."""
        return self._batches(loading.in_order(rows, batch), 0, training=False)

    @cached_property
    def known(self) -> dict[str, Tensor]:
        """What is known of each photograph, see ml.data.loading.known_of."""
        return loading.known_of(self.photographs, self.task, self.high)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the task's classes."""
        return loading.classes_of(self.photographs, self.task)

    @property
    def score(self) -> NDArray[np.float64]:
        """Mean ratings (n,) in 0-1, NaN where unknown."""
        return self.known["score"].double().numpy()

    @property
    def label(self) -> NDArray[np.int64]:
        """Classes (n,), -1 where unknown."""
        return self.known["label"].numpy()

    def _batches(self, keys: Sequence[Sequence[Key]], epoch: int, *, training: bool) -> Iterable[Batch]:
        if training not in self._loaders:
            viewed = Viewed(self.photographs, self.views, self.known, training=training, seed=self.seed)
            batches = Batches()
            self._loaders[training] = loading.loader(viewed, batches, self.workers), batches
        loader, batches = self._loaders[training]
        batches.keys, batches.epoch = keys, epoch
        return cast(Iterable[Batch], loader)


def parts_of(
    photographs: Photographs,
    task: str,
    *,
    seed: int = 0,
    delta: float = 0.0,
    rule: Rule | None = None,
    shares: tuple[float, float, float] = SHARES,
) -> tuple[Rows, NDArray[np.int64]]:
    """Rows of the parts that say something on the task, and high (n,). Raises DataError where a part would be empty.

    delta: on the set's ten-bin scale; training photographs whose mean lies closer to the rule's threshold are left out
    (Murray, Marchesotti, Perronnin 2012), never those of validation and test.
    """
    parts = loading.split(photographs, seed, shares, task)
    training = parts == TRAIN
    chosen = rule or photographs.rule
    score = np.full(len(photographs), np.nan) if photographs.score is None else photographs.score
    high = chosen.high(score, training)
    taught = loading.taught(loading.known_of(photographs, task, high), task)
    if delta:
        taught = taught & ~(training & (np.abs(score - _limit(chosen, score, training)) < delta / 9 - 1e-9))
    rows = Rows(*(np.flatnonzero(taught & (parts == part)) for part in (TRAIN, VALIDATION, TEST)))
    for part in (TRAIN, VALIDATION, TEST):
        if not (taught & (parts == part)).any():
            raise DataError(f"{photographs.name} has no photographs for {part} that say something on {task!r}.")
    return rows, high


def _limit(rule: Rule, score: NDArray[np.float64], training: NDArray[np.bool_]) -> float:
    if rule.threshold is not None:
        return rule.threshold
    return float(np.nanmedian(score[training]))
