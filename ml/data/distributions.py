"""Distributions over ten bins, as AVA's ratings of 1 to 10: bin k of 0..9 stands for the score k / 9."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]
BINS = 10
VALUES: Floats = np.linspace(0, 1, BINS)  # the score that each bin stands for
NARROWEST = 0.5 / BINS  # standard deviation: a narrower normal would fall between two bins


def of_counts(counts: Floats) -> Floats:
    """Counts of ratings (n, k) on a scale of k steps as probabilities (n, 10); NaN rows where nobody rated."""
    steps = counts.shape[1]
    if steps != BINS:
        counts = counts @ of_ratings(np.arange(steps), np.linspace(0, 1, steps), steps)
    total = counts.sum(1, keepdims=True)
    return np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)


def of_ratings(photo: NDArray[np.int64], score: Floats, count: int) -> Floats:
    """(count, 10) from single ratings: row of the photograph and score in 0-1; NaN rows where there are none.

    A score between two bins is shared out linearly, so that the distribution has the mean of the ratings.
    """
    place = np.clip(score, 0, 1) * (BINS - 1)
    low = np.minimum(place.astype(np.int64), BINS - 2)
    table = np.zeros((count, BINS))
    np.add.at(table, (photo, low), low + 1 - place)
    np.add.at(table, (photo, low + 1), place - low)
    return of_counts(table)


def of_normal(mean: Floats, sd: Floats) -> Floats:
    """(n, 10) of normal distributions with these means and standard deviations, cut off at both ends.

    The cut moves the mean of those near an end inwards.
    """
    edges = np.concatenate([[-np.inf], (VALUES[1:] + VALUES[:-1]) / 2, [np.inf]])
    edges[[0, -1]] = VALUES[0] - 0.5 / (BINS - 1), VALUES[-1] + 0.5 / (BINS - 1)
    table = np.diff(norm.cdf(edges, mean[:, None], np.maximum(sd, NARROWEST)[:, None]), axis=1)
    return of_counts(table)


def mean_of(distribution: Floats) -> Floats:
    """The mean score, 0-1, of each row of (n, 10)."""
    return distribution @ VALUES
