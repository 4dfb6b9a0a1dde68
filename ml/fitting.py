"""A starter model in memory: fitted on examples, predicting scores and moods. Numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import emotion
from ml.emotion import NONE, Emotion
from ml.heads import EMBEDDING, Floats, Projection, ScoreHead, Shape, fit_projection, fit_scores
from ml.recipes import Starter
from ml.threads import ONE_THREAD

EMOTION_ARRAYS = ("rows", "cues", "affect", "bias")
__all__ = [
    "NONE",
    "Examples",
    "Heads",
    "arrays_of",
    "fit_heads",
    "fit_score_head",
    "head_arrays",
    "project",
    "whitening",
]


@dataclass(frozen=True)
class Examples:
    """Photographs to learn from, in rows: what was extracted from them and what is known of them."""

    features: Floats  # (n, d) of the backbones, or (n, p) already projected
    targets: Floats  # (n, 3) valence, arousal, aesthetic on 1-7; NaN where unknown
    moods: NDArray[np.int64]  # (n,) index in MOODS, NONE where unknown
    groups: NDArray[np.str_]  # (n,) never split between folds
    sets: NDArray[np.str_]  # (n,) which data set
    noise: Floats  # (n,) variance of the targets' error, relative to published norms (1)
    cues: Floats  # (n, 6) of the backbones' own classes, see emotion.class_cues

    def __len__(self) -> int:
        return len(self.features)

    def take(self, places: NDArray) -> "Examples":
        """Some of the rows."""
        return Examples(*(getattr(self, name)[places] for name in self.__dataclass_fields__))

    def join(self, other: "Examples") -> "Examples":
        """These rows, then the other's."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__)
        return Examples(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True)
class Heads:
    """Scores and moods from rows and cues."""

    score: ScoreHead
    emotion: Emotion

    def __call__(self, rows: Floats, cues: Floats) -> tuple[Floats, Floats]:
        """Scores (n, 3) within 1-7, moods (n, 6)."""
        scores = np.clip(self.score(rows), 1, 7)
        return scores, self.emotion(rows, cues, scores[:, :2])


@ONE_THREAD
def project(examples: Examples, recipe: Starter, sizes: Sequence[int]) -> Projection:
    """The projection of these photographs' features; sizes: columns of each group of each backbone."""
    rated = np.isfinite(examples.targets).any(1)  # weak labels' photographs are of fewer kinds: with them r fell by .02
    weights = list(recipe.weights) * len(recipe.backbones)
    return fit_projection(examples.features[rated], sizes, weights, recipe.components)


@ONE_THREAD
def fit_score_head(rows: Floats, examples: Examples, recipe: Starter) -> ScoreHead:
    """Fit the scores on the rows (n, p) of those examples that have some. Rows are rounded as in a file."""
    rated = np.flatnonzero(np.isfinite(examples.targets).any(1))
    some = examples.take(rated)
    shape = Shape(recipe.score_components, recipe.power, recipe.width)
    return fit_scores(_rounded(rows[rated]), some.targets, some.groups, shape, some.noise)


@ONE_THREAD
def fit_heads(rows: Floats, examples: Examples, recipe: Starter) -> Heads:
    """Fit both heads on rows (n, p) and cues of the examples."""
    score = fit_score_head(rows, examples, recipe)
    facts = (examples.targets, examples.moods, examples.sets, examples.groups)
    return Heads(score, emotion.fit(_rounded(rows), _rounded(examples.cues), *facts))


def _rounded(array: Floats) -> NDArray[np.float32]:
    return array.astype(np.float16).astype(np.float32)


def whitening(rows: Floats) -> NDArray[np.float32]:
    """What scales the first components to variance 1 on these rows: the embedding."""
    return (1 / rows[:, :EMBEDDING].std(0, dtype=np.float64)).astype(np.float32)


def head_arrays(heads: Heads) -> dict[str, NDArray[Any]]:
    """The heads as arrays of a network file."""
    return {
        "score.stretch": heads.score.stretch.astype(np.float32),
        "score.support": heads.score.support.astype(np.float16),
        "score.gamma": np.array([heads.score.gamma], np.float32),
        "score.alpha": heads.score.alpha.astype(np.float32),
        "score.bias": heads.score.bias.astype(np.float32),
        **{f"emotion.{name}": getattr(heads.emotion, name).astype(np.float32) for name in EMOTION_ARRAYS},
    }


def arrays_of(projection: Projection, heads: Heads, scale: Floats) -> dict[str, NDArray[Any]]:
    """The arrays of a network file, without prior and rows. scale: see whitening."""
    return {
        "project.center": projection.center.astype(np.float16),
        "project.scale": projection.scale.astype(np.float16),
        "project.weight": projection.weight,
        "project.step": projection.step.astype(np.float32),
        "embedding.scale": np.asarray(scale, np.float32),
        "emotion.table": emotion.class_table().astype(np.int8),
        **head_arrays(heads),
    }
