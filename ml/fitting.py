"""A starter model in memory: fitted on examples, predicting scores and moods. Numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.heads import EMBEDDING, Floats, Projection, ScoreHead, fit_projection, fit_scores
from ml.moods import MOODS
from ml.recipes import Starter

NONE = -1  # no mood


@dataclass(frozen=True)
class Examples:
    """Photographs to learn from, in rows: what was extracted from them and what is known of them."""

    features: Floats  # (n, d) of the backbones, or (n, p) already projected
    targets: Floats  # (n, 3) valence, arousal, aesthetic on 1-7; NaN where unknown
    moods: NDArray[np.int64]  # (n,) index in MOODS, NONE where unknown
    groups: NDArray[np.str_]  # (n,) never split between folds
    sets: NDArray[np.str_]  # (n,) which data set
    noise: Floats  # (n,) variance of the targets' error, relative to published norms (1)

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
class EmotionHead:
    """Multinomial logistic regression on rows: logits = rows @ weight + bias."""

    weight: Floats  # (p, 6)
    bias: Floats  # (6,)

    def __call__(self, rows: Floats) -> NDArray[np.float64]:
        """Probabilities (n, 6)."""
        logits = rows @ self.weight + self.bias
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)


@dataclass(frozen=True)
class Heads:
    """Scores and moods from rows."""

    score: ScoreHead
    emotion: EmotionHead

    def __call__(self, rows: Floats) -> tuple[Floats, Floats]:
        """Scores (n, 3) within 1-7, moods (n, 6)."""
        return np.clip(self.score(rows), 1, 7), self.emotion(rows)


def project(examples: Examples, recipe: Starter, sizes: Sequence[int]) -> Projection:
    """The projection of these photographs' features; sizes: columns of each group of each backbone."""
    weights = list(recipe.weights) * len(recipe.backbones)
    return fit_projection(examples.features, sizes, weights, recipe.components)


def fit_heads(rows: Floats, examples: Examples, recipe: Starter) -> Heads:
    """Fit both heads on rows (n, p) of the examples. Rows are rounded to float16 first, as the file keeps them."""
    rows = rows.astype(np.float16).astype(np.float32)
    rated = np.flatnonzero(np.isfinite(examples.targets).any(1))
    some = examples.take(rated)
    score = fit_scores(rows[rated], some.targets, some.groups, recipe.width, some.noise)
    return Heads(score, fit_emotion(rows, examples))


def fit_emotion(rows: Floats, examples: Examples) -> EmotionHead:
    """Fit the emotion head on the rows that have a mood."""
    known = examples.moods != NONE
    weight, bias = np.zeros((rows.shape[1], len(MOODS))), np.full(len(MOODS), -20.0)
    if len(set(examples.moods[known])) < 2:
        return EmotionHead(weight, np.zeros(len(MOODS)))
    spread = rows[known].std()
    model = LogisticRegression(C=0.3, class_weight="balanced", max_iter=2000).fit(
        rows[known] / spread, examples.moods[known]
    )
    coefficients, intercept = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coefficients, intercept = np.vstack([-coefficients, coefficients]) / 2, np.r_[-intercept, intercept] / 2
    weight[:, model.classes_] = coefficients.T / spread
    bias[model.classes_] = intercept
    return EmotionHead(weight, bias)


def whitening(rows: Floats) -> NDArray[np.float32]:
    """What scales the first components to variance 1 on these rows: the embedding."""
    return (1 / rows[:, :EMBEDDING].std(0, dtype=np.float64)).astype(np.float32)


def arrays_of(projection: Projection, heads: Heads, scale: Floats) -> dict[str, NDArray[Any]]:
    """The arrays of a network file, without prior and rows."""
    support = heads.score.support.astype(np.float16)
    return {
        "project.center": projection.center.astype(np.float16),
        "project.scale": projection.scale.astype(np.float16),
        "project.weight": projection.weight,
        "project.step": projection.step.astype(np.float32),
        "score.support": support,
        "score.gamma": np.array([heads.score.gamma], np.float32),
        "score.alpha": heads.score.alpha.astype(np.float32),
        "score.bias": heads.score.bias.astype(np.float32),
        "emotion.weight": heads.emotion.weight.astype(np.float32),
        "emotion.bias": heads.emotion.bias.astype(np.float32),
        "embedding.scale": np.asarray(scale, np.float32),
    }
