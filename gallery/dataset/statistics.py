"""Statistics by which the data set is judged: pure functions of counts and vectors, each with its source."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Z = 1.959963984540054  # of the standard normal distribution: 95 % lie within
Counts = NDArray[np.integer]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Estimate:
    """A share or a coefficient with its 95 % interval, from n observations."""

    value: float
    low: float
    high: float
    n: int


def entropy(counts: Counts) -> float:
    """Shannon's entropy in nats, by the shares as they are (Shannon 1948); 0 without observations."""
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return max(0.0, float(-(shares * np.log(shares)).sum()))


def effective_number(counts: Counts) -> float:
    """How many equally frequent classes would give this entropy: its exponential (Hill 1973, order 1)."""
    return float(np.exp(entropy(counts))) if counts.sum() else 0.0


def rarefied(counts: Counts, m: int) -> float:
    """Classes expected among m observations drawn without replacement: sum of 1 - C(N - N_i, m) / C(N, m).

    Hurlbert (1971), Ecology 52(4), p. 577-586. Raises ValueError where m is negative or more than there are.
    """
    total = int(counts.sum())
    if not 0 <= m <= total:
        raise ValueError(f"{m} cannot be drawn from {total}.")
    present = counts[counts > 0].astype(np.float64)
    misses = np.zeros(len(present))
    can_miss = total - present >= m  # where it cannot, the class is always among them
    left = total - present[can_miss]
    misses[can_miss] = np.exp(_log_choose(left, m) - _log_choose(np.float64(total), m))
    return float((1 - misses).sum())


def _log_choose(n: Floats | np.float64, m: int) -> Floats:
    return gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)


def wilson(hits: int, n: int) -> Estimate:
    """A share with its score interval (Wilson 1927, JASA 22, p. 209-212). With n = 0 nothing is known: 0 to 1."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share.")
    if n == 0:
        return Estimate(0.0, 0.0, 1.0, 0)
    share, extra = hits / n, Z * Z / n
    middle = (share + extra / 2) / (1 + extra)
    reach = Z * np.sqrt(share * (1 - share) / n + extra / (4 * n)) / (1 + extra)
    low = 0.0 if hits == 0 else max(0.0, float(middle - reach))
    return Estimate(share, low, 1.0 if hits == n else min(1.0, float(middle + reach)), n)


def kappa(table: Counts) -> Estimate | None:
    """Agreement beyond chance of two judges, from their table of counts (k, k); None where chance leaves no room.

    Cohen (1960), Educational and Psychological Measurement 20(1), p. 37-46, with his approximate standard error.
    """
    n = int(table.sum())
    if n == 0:
        return None
    observed = float(np.trace(table)) / n
    by_chance = float((table.sum(0) / n) @ (table.sum(1) / n))
    if by_chance > 1 - 1e-12:
        return None
    value = (observed - by_chance) / (1 - by_chance)
    reach = Z * float(np.sqrt(observed * (1 - observed) / n)) / (1 - by_chance)
    return Estimate(value, max(-1.0, value - reach), min(1.0, value + reach), n)


def against_the_rest(table: Counts, place: int) -> Counts:
    """The two-by-two table of one class against all others, out of a table (k, k)."""
    both = table[place, place]
    first, second = table[place].sum() - both, table[:, place].sum() - both
    return np.array([[both, first], [second, table.sum() - both - first - second]])


def gini(counts: Counts) -> float:
    """How unevenly things are shared: 0 where all have alike, towards 1 where one has all (Gini 1912)."""
    ordered, n = np.sort(counts), len(counts)
    if n == 0 or ordered.sum() == 0:
        return 0.0
    ranks = np.arange(1, n + 1)
    return max(0.0, float((2 * ranks - n - 1) @ ordered / (n * ordered.sum())))


def distinctive(counts: Counts, others: Counts) -> Floats:
    """z-score of each class's log-odds here against the others, drawn towards what both together hold.

    Log-odds ratio with an informative Dirichlet prior: Monroe, Colaresi, Quinn (2008), Fightin' Words, Political
    Analysis 16(4), p. 372-403. The prior is both counts, scaled to as many observations as there are classes seen;
    a class seen nowhere has 0.
    """
    together = (counts + others).astype(np.float64)
    here, there, total = counts.sum(), others.sum(), together.sum()
    z = np.zeros(len(counts))
    seen = together > 0
    if not here or not there or seen.sum() < 2:
        return z
    weight = float(seen.sum())
    prior = together[seen] / total * weight
    inside, outside = counts[seen] + prior, others[seen] + prior
    delta = np.log(inside / (here + weight - inside)) - np.log(outside / (there + weight - outside))
    z[seen] = delta / np.sqrt(1 / inside + 1 / outside)
    return z


def mean_cosine_distance(total: Floats, n: int) -> float | None:
    """Mean of 1 - cosine over all pairs of n unit vectors, from their sum (d,); None for fewer than two.

    The sum's squared length is n plus the cosines of all ordered pairs, so no pair need be looked at.
    """
    return None if n < 2 else float(1 - (total @ total - n) / (n * (n - 1)))
