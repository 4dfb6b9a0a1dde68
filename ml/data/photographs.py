"""What every reader of a data set returns: photographs in rows, with what is known of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.data.tables import DataError

TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")
ATTRIBUTES = (
    "BalancingElements", "ColorHarmony", "Content", "DoF", "Light", "MotionBlur", "Object", "Repetition",
    "RuleOfThirds", "Symmetry", "VividColor",
)  # fmt: skip
UNKNOWN = -1


@dataclass(frozen=True)
class Labels:
    """One class a photograph: an index in `classes`, UNKNOWN where it has none."""

    classes: tuple[str, ...]
    index: NDArray[np.int64]  # (n,)
    several: NDArray[np.bool_] | None = None  # (n, classes) where a photograph may have more than one (AVA's styles)


@dataclass(frozen=True)
class Ratings:
    """Individual ratings, a row each: who, which photograph (row of Photographs), and the score in 0-1."""

    person: NDArray[np.str_]
    photo: NDArray[np.int64]
    score: NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """When a photograph counts as of high quality. threshold None: the median of the training photographs."""

    threshold: float | None = 0.5  # of the score in 0-1
    at_least: bool = False  # high if score >= threshold, else if score > threshold

    def high(self, score: NDArray[np.float64], training: NDArray[np.bool_]) -> NDArray[np.int64]:
        """1 for high, 0 for low, UNKNOWN where there is no score. training (n,): rows that decide the median."""
        known = np.isfinite(score)
        limit = np.median(score[known & training]) if self.threshold is None else self.threshold
        high = score >= limit if self.at_least else score > limit
        return np.where(known, high, UNKNOWN).astype(np.int64)


@dataclass(frozen=True)
class Photographs:
    """A data set. Arrays have one row a photograph; a field is None where the set does not know such a thing."""

    name: str
    paths: list[Path]
    groups: NDArray[np.str_]  # never split between parts: subject, owner or, where nothing is known, the file
    parts: NDArray[np.str_] | None = (
        None  # TRAIN, VALIDATION or TEST by the official lists, "" for none; None: no lists
    )
    score: NDArray[np.float64] | None = None  # mean rating scaled to 0-1, NaN where unknown
    distribution: NDArray[np.float64] | None = None  # (n, 10) probabilities of the ten bins, NaN rows where unknown
    attributes: NDArray[np.float64] | None = None  # (n, 11) means in -1..1, as ATTRIBUTES; NaN where unknown
    labels: Mapping[str, Labels] = field(default_factory=dict)  # by task: "emotion", "style", "category", ...
    ratings: Ratings | None = None
    rule: Rule = Rule()
    missing: int = 0  # photographs that the lists name and the folder lacks

    def __len__(self) -> int:
        return len(self.paths)

    def __post_init__(self) -> None:
        if not self.paths:
            raise DataError(f"{self.name}: none of the photographs that its lists name is there.")
        for name in ("groups", "parts", "score", "distribution", "attributes"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self.paths):
                raise ValueError(f"{name} has {len(value)} rows for {len(self.paths)} photographs")

    def take(self, places: NDArray[np.int64]) -> "Photographs":
        """Some of the rows, in the order given."""
        changes: dict[str, object] = {
            each.name: getattr(self, each.name)[places]
            for each in fields(self)
            if isinstance(getattr(self, each.name), np.ndarray)
        }
        changes["paths"] = [self.paths[place] for place in places]
        changes["labels"] = {
            task: Labels(known.classes, known.index[places], None if known.several is None else known.several[places])
            for task, known in self.labels.items()
        }
        if self.ratings is not None:
            changes["ratings"] = _taken(self.ratings, places, len(self))
        return replace(self, **changes)  # type: ignore[arg-type]


def _taken(ratings: Ratings, places: NDArray[np.int64], count: int) -> Ratings:
    """The ratings of the photographs taken, with their new rows."""
    row = np.full(count, UNKNOWN)
    row[places] = np.arange(len(places))
    kept = row[ratings.photo] != UNKNOWN
    return Ratings(ratings.person[kept], row[ratings.photo[kept]], ratings.score[kept])
