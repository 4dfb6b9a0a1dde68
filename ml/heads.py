"""The starter's small heads, in numpy: projection of features, kernel ridge for the three scores and for words.

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


def fit_projection(
    features: Floats,
    sizes: Sequence[int],
    weights: Sequence[float],
    components: int,
    others: Floats | None = None,
    more: int = 0,
) -> Projection:
    """Principal components of features (n, d) whose groups, of `sizes` columns, share the variance as `weights` say.

    others (m, d), more: as many components again, of other photographs in the same scale. Where photographs are too
    few for a component, its column is zero.
    """
    center = features.mean(0, dtype=np.float64)
    share = np.repeat([np.sqrt(w / s) for w, s in zip(weights, sizes, strict=True)], sizes)
    scale = (share / (features.std(0, dtype=np.float64) + 1e-3)).astype(np.float16)
    center = center.astype(np.float16)
    vectors = [_axes((features - center) * scale.astype(np.float32), components)]
    if more:
        unlike = features[:0] if others is None else others
        vectors.append(_axes((unlike - center) * scale.astype(np.float32), more))
    both = np.hstack(vectors)
    step = np.maximum(np.abs(both).max(0) / 127, 1e-9)
    return Projection(
        center.astype(np.float32),
        scale.astype(np.float32),
        np.round(both / step).astype(np.int8),
        step.astype(np.float32),
    )


def _axes(x: Floats, count: int) -> Floats:
    """The first principal axes (d, count) of x (n, d); zeros where n allows fewer."""
    found = _components(np.asarray(x, np.float64), min(count, len(x) - 1)) if len(x) > 1 else np.zeros((x.shape[1], 0))
    return np.pad(found, ((0, 0), (0, count - found.shape[1])))


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


def stretched(rows: Floats, blocks: Sequence[int], shares: Sequence[float]) -> NDArray[np.float32]:
    """Factors (w,) of the columns of rows (n, w), by which each block of columns adds its share to squared distances.

    A block's share is its median squared distance between two photographs; a share of 0 leaves the block out.
    """
    factors = []
    for part, share in zip(np.split(rows, np.cumsum(blocks)[:-1], axis=1), shares, strict=True):
        middle = float(np.median(_squares(part)[np.triu_indices(len(part), 1)])) if share and part.shape[1] else 0
        factors.append(np.full(part.shape[1], np.sqrt(share / middle) if middle > 0 else 0))
    return np.concatenate(factors).astype(np.float32)


def _squares(rows: Floats) -> Floats:
    square = (rows**2).sum(1)
    return np.maximum(square[:, None] + square - 2 * rows @ rows.T, 0)


def fit_scores(
    rows: Floats, targets: Floats, groups: NDArray, stretch: Floats, width: float, noise: Floats | None = None
) -> ScoreHead:
    """Kernel ridge with a penalty a target, chosen by folds over groups.

    targets (n, 3), NaN where a photograph has none; stretch (w,) of the rows' columns, see stretched.
    width: the kernel falls to exp(-width) at a squared distance of 1.
    noise (n,): variance of each photograph's targets' error relative to that of the norms (1).
    """
    rows = rows.astype(np.float64)
    k = np.exp(-width * _squares(rows * stretch))
    root = np.sqrt(np.ones(len(rows)) if noise is None else noise)
    alpha, bias = np.zeros(targets.shape), np.zeros(targets.shape[1])
    for column in range(targets.shape[1]):
        has = np.flatnonzero(np.isfinite(targets[:, column]))
        if not len(has):  # a scale without labels says the middle of it
            bias[column] = MIDDLE
            continue
        inputs = k[np.ix_(has, has)], targets[has, column], groups[has], root[has]
        alpha[has, column], bias[column] = _fit_one(*inputs)
    return ScoreHead(stretch, rows, alpha, bias, width)


@dataclass(frozen=True)
class Teacher:
    """From projected rows to where a description of the photograph would lie, by kernel ridge; see ml.words."""

    support: Floats  # (m, p) in float16's steps
    alpha: Floats  # (m, t)
    scale: float  # of the rows in distances
    table: Floats  # (t, 7) what a place says of the moods and of pleasantness

    def __call__(self, projected: Floats) -> NDArray[np.float32]:
        """(n, 7 + t): cues, then the place."""
        return self.told(kernel(projected * self.scale, self.support * self.scale, TEACHING) @ self.alpha)

    def told(self, places: Floats) -> NDArray[np.float32]:
        """Cues before the places (n, t)."""
        return np.hstack([places @ self.table, places]).astype(np.float32)


TEACHING = 1.0  # the teacher's kernel falls to 1/e at half the mean squared distance of two photographs
TAUGHT_PENALTY = 0.5


def fit_teacher(
    projected: Floats, places: Floats, weights: Floats, groups: NDArray, table: Floats
) -> tuple[Teacher, NDArray[np.float32]]:
    """The teacher, and what it says (n, 7 + t) of each of its photographs when taught by the other groups alone.

    projected (n, p); places (n, t) of what was written; weights (n,) of the photographs.
    """
    support = np.asarray(projected, np.float64)
    scale = float(1 / np.sqrt((support**2).sum(1).mean() + 1e-12))
    k = kernel(support * scale, support * scale, TEACHING)
    alpha, unseen = left_out(k, places, TAUGHT_PENALTY / weights, groups)
    teacher = Teacher(support, alpha.astype(np.float16).astype(np.float64), scale, table)
    return teacher, teacher.told(unseen)


def left_out(k: Floats, targets: Floats, penalty: Floats, groups: NDArray) -> tuple[Floats, Floats]:
    """Kernel ridge: dual weights (n, t), and what is said of each group by all the others (n, t), without refitting.

    k (n, n); penalty (n,) added to the diagonal. With A = k + penalty, the error on group b of a fit without b is
    inverse(inverse(A)[b, b]) alpha[b] (Rifkin, Lippert 2007, Notes on regularized least squares, for groups of one).
    """
    inverse = np.linalg.inv(k + np.diag(penalty))
    alpha = inverse @ targets
    said = np.empty_like(alpha)
    order = np.argsort(groups, kind="stable")
    starts = np.unique(groups[order], return_index=True)[1][1:]
    for own in np.split(order, starts):
        said[own] = targets[own] - np.linalg.solve(inverse[np.ix_(own, own)], alpha[own])
    return alpha, said


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
