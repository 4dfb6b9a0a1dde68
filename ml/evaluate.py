"""Figures by folds: heads and projection are fitted anew for each fold, on other groups (subjects) than it judges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from ml import metrics
from ml.fitting import NONE, Examples, fit_heads, fit_reader, fit_score_head
from ml.heads import Floats
from ml.moods import MOODS
from ml.prior import Prior
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
    """Predictions of every example by a model fitted on the other folds. sizes None: features are rows already.

    extra: examples that every fold trains on. told: called with each fold's number when it is done.
    """
    scores, moods = np.zeros((len(examples), 3)), np.zeros((len(examples), len(MOODS)))
    member = fold_of(examples, folds)
    for fold in range(folds):
        test = np.flatnonzero(member == fold)
        known = examples.take(np.flatnonzero(member != fold))
        known = known.join(extra) if extra is not None else known
        if sizes:
            reader, rows = fit_reader(known, recipe, sizes)
            unseen = reader(examples.features[test])
        else:
            rows, unseen = known.features, examples.features[test]
        if len(np.unique(known.moods[known.moods != NONE])) > 1:
            scores[test], moods[test] = fit_heads(rows, known, recipe)(unseen)
        else:  # labels without moods: the scores alone can be learned
            scores[test] = np.clip(fit_score_head(rows, known, recipe)(unseen), 1, 7)
            moods[test] = 1 / len(MOODS)
        told(fold + 1)
    return Predictions(scores, moods)


def fold_of(examples: Examples, folds: int, seed: int = 0) -> NDArray[np.int64]:
    """The fold (n,) of each example: groups are kept together, and each data set is divided by itself."""
    member = np.zeros(len(examples), np.int64)
    for name in np.unique(examples.sets):
        places = np.flatnonzero(examples.sets == name)
        count = min(folds, len(np.unique(examples.groups[places])))
        if count > 1:
            folder = GroupKFold(count, shuffle=True, random_state=seed)
            for fold, (_, test) in enumerate(folder.split(places, groups=examples.groups[places])):
                member[places[test]] = fold
    return member


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


BINS = 10  # of a reliability table


def calibration(moods: NDArray[np.int64], probabilities: Floats) -> dict[str, Any]:
    """How far the likeliest mood's probability can be taken at its word: ECE, and a reliability table.

    ece: mean over photographs of |share right - mean probability| of their tenth (Guo et al. 2017, arXiv 1706.04599).
    table: [from, to, photographs, mean probability, share right] of each tenth that holds some.
    """
    known = moods != NONE
    truth, said = moods[known], probabilities[known]
    sure, right = said.max(1), said.argmax(1) == truth
    tenth = np.minimum((sure * BINS).astype(int), BINS - 1)
    table = []
    for place in np.unique(tenth):
        own = tenth == place
        row = [place / BINS, (place + 1) / BINS, int(own.sum()), float(sure[own].mean()), float(right[own].mean())]
        table.append([value if isinstance(value, int) else round(float(value), 4) for value in row])
    ece = sum(row[2] * abs(row[4] - row[3]) for row in table) / max(len(truth), 1)
    return {"n": len(truth), "ece": round(ece, 4), "table": table}


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
    return np.array([floor_of(examples.moods[known] == mood, said.moods[known, mood]) for mood in range(len(MOODS))])


def floor_of(relevant: NDArray[np.bool_], probability: Floats) -> float:
    """The lowest of these probabilities (n,) above which enough photographs are relevant (n,); see floors."""
    order = np.argsort(-probability, kind="stable")
    least = min(LEAST_SHOWN, max(1, int(relevant.sum())))
    if len(order) < least:
        return 1 / len(MOODS)
    precision = np.cumsum(relevant[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision[least - 1 :] >= SHOWN_PRECISION) + least - 1
    last = enough[-1] if len(enough) else least - 1 + int(precision[least - 1 :].argmax())
    return float(np.clip(probability[order[last]], 1 / len(MOODS), 0.6))


FIRST = 12  # photographs of a mood page that a visitor sees at once
# What a visitor without a past is shown: FIT x logit of the mood's probability + aesthetic z; see gallery/rank.
FIT = 1.0


def page_order(probability: Floats, aesthetic: Floats, floor: float, center: float, scale: float) -> NDArray[np.intp]:
    """Order of photographs on one mood's page for somebody unknown: those above the floor first, by fit and beauty.

    Those below the floor follow by fit alone (the page marks them as a loose fit).
    """
    fit = _logit(probability)
    rank = FIT * fit + (aesthetic - center) / scale
    above = probability >= floor
    return np.lexsort((-np.where(above, rank, fit), ~above))


def _logit(probability: Floats) -> Floats:
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def precision_at_first(truth: NDArray[np.int64], moods: Floats, aesthetic: Floats, prior: Prior) -> dict[str, float]:
    """Share of each mood's photographs among the first FIRST of its page; only moods that occur in truth (n,)."""
    found = {}
    for place, mood in enumerate(MOODS):
        if np.any(truth == place):
            order = page_order(moods[:, place], aesthetic, prior.floor[place], prior.center[0], prior.scale[0])
            found[mood] = round(float(np.mean(truth[order[:FIRST]] == place)), 4)
    return found
