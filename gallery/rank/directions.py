"""What people differ in most, and where one of them stands. Pure numpy, nothing of ours.

The directions are the eigenvectors of the population prior's covariance over the embedding: the principal components of
people's tastes, strongest first. A posterior N(m, P^-1) of a person's weights stands at v . m along a direction v, with
the standard deviation sqrt(v' P^-1 v); both are told in units of how widely people are spread along it, sqrt(v' S v).
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

from gallery.rank.ranking import Arrays

Floats = NDArray[np.floating]
SAMPLE = 1000  # photographs by which it is judged how much is known


@dataclass(frozen=True)
class Standing:
    """Where somebody stands along a direction, in SDs of the population: 0 is the average."""

    at: float
    spread: float  # standard deviation of what is known; 1 where nothing is

    @property
    def surely(self) -> float:
        """The probability (.5 to 1) that they are on the side of the average where `at` says."""
        return 0.5 * (1 + erf(abs(self.at) / (self.spread * sqrt(2) + 1e-12)))


def strongest(covariance: Floats, size: int, count: int) -> Floats:
    """The `count` (count, d) strongest directions over the first `size` of d dimensions, each of length 1.

    The sign, which an eigenvector leaves open, is such that its largest part is positive.
    """
    vectors = np.linalg.eigh(covariance[:size, :size])[1][:, ::-1][:, :count].T
    vectors *= np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(1)])[:, None]
    return np.hstack([vectors, np.zeros((len(vectors), len(covariance) - size))])


def standing(direction: Floats, covariance: Floats, mean: Floats, precision: Floats) -> Standing:
    """Where a posterior with this mean (d,) and precision (d, d) stands along a direction (d,)."""
    width = sqrt(float(direction @ covariance @ direction))
    spread = sqrt(float(direction @ np.linalg.solve(precision, direction)))
    return Standing(float(direction @ mean) / width, spread / width)


def known(x: Floats, covariance: Floats, precision: Floats) -> float:
    """The share (0 to 1) of the doubt about what somebody likes that their answers took away.

    One less the variance that is left, by the prior's, of x . w over photographs x (n, d).
    """
    left = np.einsum("nd,dn->n", x, np.linalg.solve(precision, x.T)).mean()
    return float(np.clip(1 - left / np.einsum("nd,de,ne->n", x, covariance, x).mean(), 0, 1))


def sample(arrays: Arrays, count: int = SAMPLE) -> Floats:
    """x (n, d) of photographs spread evenly over the collection, less their mean: what moves all alike orders none."""
    rows = np.linspace(0, len(arrays.ids) - 1, min(count, len(arrays.ids))).astype(int)
    z = np.stack([arrays.aesthetic[rows], arrays.valence[rows], arrays.arousal[rows]], 1)
    x = np.hstack([arrays.embedding[rows], np.ones((len(rows), 1)), z]).astype(np.float64)
    return x - x.mean(0)


def shifts(arrays: Arrays, weights: Floats) -> Floats:
    """x . w (n,) without the intercept, less its mean: by how much each rises for somebody against the average."""
    size, w = arrays.embedding.shape[1], weights.astype(np.float32)
    shift = arrays.embedding @ w[:size]
    for place, z in enumerate((arrays.aesthetic, arrays.valence, arrays.arousal), size + 1):
        shift += w[place] * z
    return shift - shift.mean() if len(shift) else shift


def extremes(
    arrays: Arrays, values: Floats, free: NDArray[np.bool_], count: int, taken: Collection[int] = ()
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of the free photographs with the highest and with the lowest values, the most extreme first.

    None is in both, of a cluster that was had, or of a creator that was had on the same side; none of the rows `taken`.
    """
    rows = np.flatnonzero(free)
    rows = rows[np.argsort(values[rows], kind="stable")]
    clusters = {int(arrays.cluster[row]) for row in taken}
    high = _first(arrays, rows[len(rows) // 2 :][::-1], count, clusters)
    return high, _first(arrays, rows[: len(rows) // 2], count, clusters)


def _first(arrays: Arrays, rows: NDArray[np.intp], count: int, clusters: set[int]) -> NDArray[np.intp]:
    found: list[int] = []
    creators: set[int] = set()
    for row in rows:
        creator, cluster = int(arrays.creator[row]), int(arrays.cluster[row])
        if len(found) == count:
            break
        if cluster not in clusters and (creator < 0 or creator not in creators):
            found.append(int(row))
            clusters.add(cluster)
            creators.add(creator)
    return np.array(found, np.intp)
