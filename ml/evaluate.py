"""Figures by folds: heads and projection are fitted anew for each fold, on other groups (subjects) than it judges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from ml import metrics
from ml.fitting import NONE, Examples, fit_heads, project
from ml.heads import Floats
from ml.moods import MOODS
from ml.recipes import Starter

SCALES = ("valence", "arousal", "aesthetic")
SHOWN_PRECISION = 0.6  # of the photographs above a mood's floor, by folds
LEAST_SHOWN = 12  # photographs by which a floor is judged


@dataclass(frozen=True)
class Predictions:
    """What models said of photographs that they had not seen."""

    scores: Floats  # (n, 3)
    moods: Floats  # (n, 6)


def by_folds(
    examples: Examples,
    recipe: Starter,
    sizes: Sequence[int] | None,
    folds: int = 5,
    told: Callable[[int], None] = lambda fold: None,
    extra: Examples | None = None,
) -> Predictions:
    """Predictions of every example by a model fitted on the other folds. sizes None: features are projected already.

    extra: examples that every fold trains on. told: called with each fold's number when it is done.
    """
    scores, moods = np.zeros((len(examples), 3)), np.zeros((len(examples), len(MOODS)))
    folder = GroupKFold(folds, shuffle=True, random_state=0)
    for fold, (train, test) in enumerate(folder.split(examples.features, groups=examples.groups), 1):
        known = examples.take(train)
        known = known.join(extra) if extra is not None else known
        projection = project(known, recipe, sizes) if sizes else np.asarray
        heads = fit_heads(projection(known.features), known, recipe)
        scores[test], moods[test] = heads(projection(examples.features[test]))
        told(fold)
    return Predictions(scores, moods)


def score_figures(targets: Floats, scores: Floats) -> dict[str, dict[str, Any]]:
    """n, Pearson, Spearman (and AUC where the label has two values) of each scale that has labels."""
    figures = {}
    for column, scale in enumerate(SCALES):
        has = np.isfinite(targets[:, column])
        if has.any():
            figures[scale] = correlations(targets[has, column], scores[has, column])
    return figures


def correlations(truth: Floats, predicted: Floats) -> dict[str, Any]:
    """n, Pearson, Spearman, AUC of one scale; None where a figure is not defined."""
    found = {name: getattr(metrics, name)(truth, predicted) for name in ("pearson", "spearman", "auc")}
    return {"n": len(truth), **{name: round(value, 4) if np.isfinite(value) else None for name, value in found.items()}}


def mood_figures(moods: NDArray[np.int64], probabilities: Floats) -> dict[str, Any]:
    """n, accuracy, balanced accuracy, majority share and confusion matrix over the photographs that have a mood."""
    known = moods != NONE
    truth, guess = moods[known], probabilities[known].argmax(1)
    return {
        "n": int(known.sum()),
        "accuracy": round(metrics.accuracy(truth, guess), 4),
        "balanced_accuracy": round(metrics.balanced_accuracy(truth, guess), 4),
        "majority": round(metrics.majority_share(truth), 4),
        "confusion": metrics.confusion_matrix(truth, guess, range(len(MOODS))).tolist(),
    }


def figures(examples: Examples, said: Predictions) -> dict[str, Any]:
    """The figures of a card: scores over all that have them, moods for each data set apart."""
    found: dict[str, Any] = score_figures(examples.targets, said.scores)
    for name in sorted(set(examples.sets[examples.moods != NONE])):
        inside = examples.sets == name
        found[f"emotion_{name}"] = mood_figures(examples.moods[inside], said.moods[inside])
    return found


def floors(examples: Examples, said: Predictions) -> NDArray[np.float64]:
    """The lowest probability of each mood above which photographs of the folds are of that mood often enough.

    Where no probability reaches the precision wanted, the one of the best precision.
    """
    known = examples.moods != NONE
    return np.array([_floor(examples.moods[known] == mood, said.moods[known, mood]) for mood in range(len(MOODS))])


def _floor(relevant: NDArray[np.bool_], probability: Floats) -> float:
    order = np.argsort(-probability, kind="stable")
    least = min(LEAST_SHOWN, max(1, int(relevant.sum())))
    if len(order) < least:
        return 1 / len(MOODS)
    precision = np.cumsum(relevant[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision[least - 1 :] >= SHOWN_PRECISION) + least - 1
    last = enough[-1] if len(enough) else least - 1 + int(precision[least - 1 :].argmax())
    return float(np.clip(probability[order[last]], 1 / len(MOODS), 0.6))
