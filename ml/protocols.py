"""The field's figures of a network on photographs that it has not seen, each with its bootstrap interval.

Binary accuracy never stands alone: the share of the largest class of the same test set stands beside it, and the
balanced accuracy. Spearman (SRCC) with average ranks for ties, Pearson (PLCC) without a fitted curve.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score

from ml import metrics

RESAMPLES = 1000  # of the bootstrap
LEVEL = 0.95
Floats = NDArray[np.floating]
Figure = Callable[[Any, Any], float]

BINS = 1 + np.arange(10)


def of_scores(truth: Floats, said: Floats, seed: int | None = 0) -> dict[str, Any]:
    """n, Spearman, Pearson, Kendall, MSE of scores (n,), with intervals of the first two."""
    known = np.isfinite(truth)
    truth, said = truth[known], said[known]
    return {
        "n": len(truth),
        "spearman": _rounded(metrics.spearman(truth, said)),
        "spearman_interval": interval(metrics.spearman, truth, said, seed),
        "pearson": _rounded(metrics.pearson(truth, said)),
        "pearson_interval": interval(metrics.pearson, truth, said, seed),
        "kendall": _rounded(kendall(truth, said)),
        "mse": _rounded(float(np.mean((truth - said) ** 2))) if len(truth) else None,
    }


def of_distributions(truth: Floats, said: Floats, seed: int | None = 0) -> dict[str, Any]:
    """Of distributions (n, 10): the EMD (r = 1), and the figures of their means, scaled to 0-1."""
    known = np.isfinite(truth).all(1)
    truth, said = truth[known], said[known]
    apart = np.abs(truth.cumsum(1) - said.cumsum(1)).mean(1)
    return {**of_scores(mean_of(truth), mean_of(said), seed), "emd": _rounded(float(apart.mean()))}


def mean_of(distribution: Floats) -> Floats:
    """Mean of the bins 1-10 of distributions (n, 10), scaled to 0-1."""
    return ((distribution @ BINS) - 1) / 9


def of_classes(
    truth: NDArray[np.int64], probabilities: Floats, classes: tuple[str, ...], seed: int | None = 0
) -> dict[str, Any]:
    """n, accuracy with interval, majority share, balanced accuracy, recall of each class, confusion (truth in rows)."""
    known = truth >= 0
    truth, said = truth[known], probabilities[known].argmax(1)
    recall = {name: _recall(truth, said, place) for place, name in enumerate(classes)}
    found = {
        "n": len(truth),
        "accuracy": _rounded(metrics.accuracy(truth, said)),
        "accuracy_interval": interval(metrics.accuracy, truth, said, seed),
        "majority": _rounded(metrics.majority_share(truth)),
        "balanced_accuracy": _rounded(metrics.balanced_accuracy(truth, said)),
        "recall": recall,
        "confusion": metrics.confusion_matrix(truth, said, labels=range(len(classes))).tolist(),
    }
    if len(classes) == 2:
        found["auc"] = _rounded(metrics.auc(truth, probabilities[known][:, 1]))
    return found


def of_several(truth: NDArray[np.bool_], probabilities: Floats, classes: tuple[str, ...]) -> dict[str, Any]:
    """Average precision of each class and their mean, where a photograph may be of several (AVA's styles)."""
    found = {
        name: _rounded(float(average_precision_score(truth[:, place], probabilities[:, place])))
        for place, name in enumerate(classes)
        if truth[:, place].any()
    }
    kept = [value for value in found.values() if value is not None]
    return {"n": len(truth), "ap": found, "map": _rounded(float(np.mean(kept))) if kept else None}


def kendall(truth: Floats, said: Floats) -> float:
    """Kendall's tau-b (KRCC); NaN where one side is constant."""
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(said) == 0:
        return float("nan")
    return float(stats.kendalltau(truth, said).statistic)


def interval(
    figure: Figure, truth: NDArray[Any], said: NDArray[Any], seed: int | None = 0
) -> tuple[float, float] | None:
    """The figure's 95 % bootstrap percentile interval over photographs; None where it is not defined (or seed None)."""
    if len(truth) < 2 or seed is None:
        return None
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, len(truth), len(truth)) for _ in range(RESAMPLES))
    found = [value for places in drawn if np.isfinite(value := figure(truth[places], said[places]))]
    if not found:
        return None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return round(float(low), 4), round(float(high), 4)


def no_better_than_chance(figures: Mapping[str, Any]) -> bool:
    """Whether the majority share, or for a correlation 0, lies within the figure's interval (or above it)."""
    if "accuracy" in figures:
        bounds, chance = figures["accuracy_interval"], figures["majority"]
    else:
        bounds, chance = figures.get("spearman_interval"), 0.0
    return bounds is None or bounds[0] <= chance


def key_of(figures: Mapping[str, Any]) -> float:
    """By which an epoch is chosen on validation: balanced accuracy (it does not reward the majority) or Spearman."""
    for name in ("balanced_accuracy", "map", "spearman"):
        if name in figures:
            return float(figures[name]) if figures[name] is not None else -1.0
    raise ValueError("figures without a key")


def _recall(truth: NDArray[np.int64], said: NDArray[np.int64], place: int) -> float | None:
    own = truth == place
    return _rounded(float(np.mean(said[own] == place))) if own.any() else None


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
