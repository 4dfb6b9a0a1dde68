"""The starter's small heads, in numpy: projection of features, kernel ridge for the three scores, predictions.

All fits are closed-form or convex and use no randomness.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.model_selection import GroupKFold

Floats = NDArray[np.floating]
MIDDLE = 4.0  # of the scale from 1 to 7
PENALTIES = np.logspace(-2, 1.5, 15)  # of kernel ridge; the kernel's diagonal is about 1
EMBEDDING = 64


@dataclass(frozen=True)
class Projection:
    """Features (n, d) to `rows` (n, p): standardised by group, then principal components, in descending variance.

    weight is int8 with one step a component: rounding is part of the projection, the heads are fitted after it.
    """

    center: Floats  # (d,)
    scale: Floats  # (d,)
    weight: NDArray[np.int8]  # (d, p)
    step: Floats  # (p,)

    def __call__(self, features: Floats) -> NDArray[np.float32]:
        """Rows (n, p) of features (n, d)."""
        z = ((features - self.center) * self.scale).astype(np.float32)
        return np.asarray((z @ self.weight.astype(np.float32)) * self.step, np.float32)


def fit_projection(features: Floats, sizes: Sequence[int], weights: Sequence[float], components: int) -> Projection:
    """Principal components of features (n, d) whose groups, of `sizes` columns, share the variance as `weights` say."""
    center = features.mean(0, dtype=np.float64)
    share = np.repeat([np.sqrt(w / s) for w, s in zip(weights, sizes, strict=True)], sizes)
    scale = (share / (features.std(0, dtype=np.float64) + 1e-3)).astype(np.float16)
    center = center.astype(np.float16)
    x = (features - center) * scale.astype(np.float32)
    vectors = _components(np.asarray(x, np.float64), min(components, len(x) - 1))
    step = np.abs(vectors).max(0) / 127
    return Projection(
        center.astype(np.float32),
        scale.astype(np.float32),
        np.round(vectors / step).astype(np.int8),
        step.astype(np.float32),
    )


def _components(x: Floats, count: int) -> Floats:
    """The first principal axes (d, count) of x (n, d) by the Gram matrix (n is the smaller side here)."""
    x = x - x.mean(0)
    values, left = eigh(x @ x.T, subset_by_index=(len(x) - count, len(x) - 1))
    axes = x.T @ (left[:, ::-1] / np.sqrt(values[::-1]))
    return axes * np.where(axes[np.abs(axes).argmax(0), np.arange(count)] < 0, -1, 1)  # one sign for every solver


@dataclass(frozen=True)
class ScoreHead:
    """Kernel ridge regression of valence, arousal, aesthetic: k(rows * stretch, support * stretch) @ alpha + bias."""

    stretch: Floats  # (p,) weight of each component in distances

    support: Floats  # (m, p)
    alpha: Floats  # (m, 3)
    bias: Floats  # (3,)
    gamma: float  # k(a, b) = exp(-gamma |a - b|^2)

    def __call__(self, rows: Floats) -> NDArray[np.float32]:
        """Scores (n, 3), unclipped."""
        near = kernel(rows * self.stretch, self.support * self.stretch, self.gamma)
        return np.asarray(near @ self.alpha + self.bias, np.float32)


def kernel(a: Floats, b: Floats, gamma: float) -> Floats:
    """Gaussian kernel (n, m) of rows a (n, p) and b (m, p)."""
    distance = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.exp(-gamma * np.maximum(distance, 0))


@dataclass(frozen=True)
class Shape:
    """How distances between rows are measured: what the kernel of scores is made of."""

    components: int  # only the first ones count
    power: float  # components count as their standard deviation to this power, beside their own scale
    width: float  # the kernel falls to 1/e at the median squared distance of photographs divided by this


def fit_scores(rows: Floats, targets: Floats, groups: NDArray, shape: Shape, noise: Floats | None = None) -> ScoreHead:
    """Kernel ridge with a penalty a target, chosen by folds over groups.

    targets (n, 3), NaN where a photograph has none.
    noise (n,): variance of each photograph's targets' error relative to that of the norms (1).
    """
    rows = rows.astype(np.float64)
    spread = rows.std(0)
    stretch = ((spread / spread[0]) ** shape.power * (np.arange(len(spread)) < shape.components)).astype(np.float32)
    near = rows * stretch
    square = (near**2).sum(1)[:, None] + (near**2).sum(1) - 2 * near @ near.T
    gamma = shape.width / float(np.median(square[np.triu_indices(len(rows), 1)]))
    k = np.exp(-gamma * np.maximum(square, 0))
    root = np.sqrt(np.ones(len(rows)) if noise is None else noise)
    alpha, bias = np.zeros(targets.shape), np.zeros(targets.shape[1])
    for column in range(targets.shape[1]):
        has = np.flatnonzero(np.isfinite(targets[:, column]))
        if not len(has):  # a scale without labels says the middle of it
            bias[column] = MIDDLE
            continue
        inputs = k[np.ix_(has, has)], targets[has, column], groups[has], root[has]
        alpha[has, column], bias[column] = _fit_one(*inputs)
    return ScoreHead(stretch, rows, alpha, bias, gamma)


def _fit_one(k: Floats, y: Floats, groups: NDArray, root: Floats) -> tuple[Floats, float]:
    """Dual weights and bias for one target; rows are divided by the root of their noise before plain kernel ridge."""
    errors = np.zeros(len(PENALTIES))
    for train, test in GroupKFold(min(5, len(set(groups)))).split(k, groups=groups):
        alphas, bias = _solve(k[np.ix_(train, train)], y[train], root[train], PENALTIES)
        guess = k[np.ix_(test, train)] @ alphas + bias
        errors += (((guess - y[test][:, None]) / root[test][:, None]) ** 2).sum(0)
    alphas, bias = _solve(k, y, root, PENALTIES[[errors.argmin()]])
    return alphas[:, 0], bias


def _solve(k: Floats, y: Floats, root: Floats, penalties: Floats) -> tuple[Floats, float]:
    """Dual weights (n, penalties) and the bias, by one eigendecomposition for all penalties."""
    bias = float(np.average(y, weights=root**-2))
    values, vectors = eigh(k / np.outer(root, root))
    inner = vectors.T @ ((y - bias) / root)
    return (vectors @ (inner[:, None] / (values[:, None] + penalties))) / root[:, None], bias
