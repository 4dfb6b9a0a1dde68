"""Six mood probabilities from frozen features, class cues and the place on the affect plane.

Three things speak for a mood, and one linear layer weighs them (so that it exports as plain tensors):
- rows (n, p): standardised features of the backbones, or their principal components (not whitened);
- cues (n, 6): the logarithm of what the backbones' own ImageNet classifiers give to the classes that suggest each
  mood (ml/moods.py, CLASSES). Nothing is learnt in them, so they carry over to photographs of other places;
- affect (n, 2): predicted valence and arousal, as far as the moods' places on the plane differ.

    logits = rows @ emotion.rows + cues @ emotion.cues + affect @ emotion.affect + emotion.bias      -> softmax

Weak labels come from sets of very different make (captions of people and dogs at play; themes of objects and scenes).
So each set is balanced by mood in itself, sets weigh by the root of their size, and photographs of no mood are told to
look like all six equally, which keeps the probabilities of indifferent photographs low.

In training::

    table = emotion.class_table()                             # (1000, 6), constant: kept in the network's file
    cues = emotion.class_cues([logits_of_lite0, logits_of_lite2], table)
    head = emotion.fit(rows, cues, targets, moods, sets, groups)
    probabilities = head(rows, cues, affect)                  # affect: the network's own valence and arousal
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import StratifiedGroupKFold

from ml.moods import CLASSES, MOODS

Floats = NDArray[np.floating]
NONE = -1  # no mood

TEMPERATURE = 1.5  # of the class probabilities: lets the second and third class have a say
LEAST = 0.003  # added to a mood's share of the classes before the logarithm: three times a class by chance
CUE_GAIN = 0.14  # standard deviation of a cue where the rows' total variance is 1
PENALTY = 8e-4  # on squared weights, of an average loss
BACKGROUND = 0.3  # weight of a set's photographs of no mood, relative to those of a mood
FEWEST = 5  # a mood with fewer photographs in a set is balanced as if it had these
AFFECT = 0.2  # strength of the place on the affect plane; 1 would be its full likelihood


@dataclass(frozen=True)
class Emotion:
    """The layer's weights."""

    rows: Floats  # (p, 6)
    cues: Floats  # (6, 6)
    affect: Floats  # (2, 6)
    bias: Floats  # (6,)

    def __call__(self, rows: Floats, cues: Floats, affect: Floats) -> NDArray[np.float64]:
        """Probabilities (n, 6) in MOODS order; each row sums to 1. affect: valence and arousal, 1-7."""
        return softmax(self.logits(rows, cues, affect), axis=1)

    def logits(self, rows: Floats, cues: Floats, affect: Floats) -> NDArray[np.float64]:
        """Logits (n, 6)."""
        said = np.asarray(rows, np.float64) @ self.rows + cues @ self.cues
        return said + np.asarray(affect, np.float64) @ self.affect + self.bias


@dataclass(frozen=True)
class _Known:
    """What the layer learns from: inputs scaled to compare, targets (n, 6), weights (n,) that sum to 1."""

    inputs: Floats
    targets: Floats
    weights: Floats
    moods: NDArray[np.int64]
    groups: NDArray


def class_table() -> NDArray[np.float32]:
    """(1000, 6): 1 where an ImageNet class suggests a mood."""
    table = np.zeros((1000, len(MOODS)), np.float32)
    for column, mood in enumerate(MOODS):
        table[list(CLASSES[mood]), column] = 1
    return table


def class_cues(logits: Sequence[Floats], table: Floats) -> NDArray[np.float64]:
    """Cues (n, 6) from the class logits (n, 1000) of each backbone: log(mean softmax(logits / T) @ table + LEAST)."""
    shares = np.mean([softmax(np.asarray(one, np.float64) / TEMPERATURE, axis=1) for one in logits], axis=0)
    return np.log(shares @ table + LEAST)


def fit(rows: Floats, cues: Floats, targets: Floats, moods: NDArray, sets: NDArray, groups: NDArray) -> Emotion:
    """Fit the layer; no randomness beyond the inner folds' fixed seed.

    rows (n, p); cues (n, 6); targets (n, 2 or more): valence and arousal on 1-7, NaN where unknown;
    moods (n,): index in MOODS or -1; sets (n,): data set of each; groups (n,): never split between inner folds.
    Needs photographs of at least two moods; ValueError otherwise.
    """
    rows, cues, moods = np.asarray(rows, np.float64), np.asarray(cues, np.float64), np.asarray(moods)
    if len(np.unique(moods[moods != NONE])) < 2:
        raise ValueError("The emotion layer needs photographs of at least two moods.")
    center, scale = _standard(rows, cues)
    known = _Known(
        (np.hstack([rows, cues]) - center) * scale, *_aims(moods, np.asarray(sets)), moods, np.asarray(groups)
    )
    affect, affect_bias = _affect_weights(rows, np.asarray(targets, np.float64), known)
    sharpness = _calibrated(known)
    weight, bias = _logistic(known, np.ones(len(moods), bool), PENALTY)
    weight, bias = weight * sharpness * scale[:, None], bias * sharpness
    split = rows.shape[1]
    return Emotion(weight[:split], weight[split:], affect, bias - center @ weight + affect_bias)


def _standard(rows: Floats, cues: Floats) -> tuple[Floats, Floats]:
    """Means and factors of the columns [rows, cues]: one factor for rows (total variance 1), CUE_GAIN for each cue."""
    row_scale = 1 / np.sqrt(rows.var(0).sum() + 1e-12)
    scale = np.r_[np.full(rows.shape[1], row_scale), CUE_GAIN / (cues.std(0) + 1e-6)]
    return np.r_[rows.mean(0), cues.mean(0)], scale


def _aims(moods: NDArray, sets: NDArray) -> tuple[Floats, Floats]:
    """Targets (n, 6), one-hot or flat where there is no mood, and weights (n,) that balance moods in each set."""
    targets = np.where((moods == NONE)[:, None], 1 / len(MOODS), np.eye(len(MOODS))[moods])
    weights = np.zeros(len(moods))
    for name in np.unique(sets):
        inside = sets == name
        labelled, rest = inside & (moods != NONE), inside & (moods == NONE)
        if labelled.any():
            counts = np.bincount(moods[labelled], minlength=len(MOODS))
            balanced = 1 / np.maximum(counts[moods[labelled]], FEWEST)
            weights[labelled] = np.sqrt(labelled.sum()) * balanced / balanced.sum()
            if rest.any():
                weights[rest] = np.sqrt(labelled.sum()) * BACKGROUND / rest.sum()
    return targets, weights / weights.sum()


def _logistic(known: _Known, used: NDArray[np.bool_], penalty: float) -> tuple[Floats, Floats]:
    """Multinomial logistic regression: weight (columns, 6), bias (6,), by L-BFGS on the weighted cross-entropy."""
    x, targets, weights = known.inputs[used], known.targets[used], known.weights[used] / known.weights[used].sum()
    shape = x.shape[1], len(MOODS)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weight, bias = flat[: -shape[1]].reshape(shape), flat[-shape[1] :]
        said = log_softmax(x @ weight + bias, axis=1)
        error = (np.exp(said) - targets) * weights[:, None]
        value = penalty / 2 * (weight**2).sum() - (weights[:, None] * targets * said).sum()
        return value, np.r_[(x.T @ error + penalty * weight).ravel(), error.sum(0)]

    start = np.zeros((shape[0] + 1) * shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 400}).x
    return found[: -shape[1]].reshape(shape), found[-shape[1] :]


def _calibrated(known: _Known) -> float:
    """The factor on the logits that inner folds' photographs of a mood ask for."""
    labelled = known.moods != NONE
    logits = np.zeros((len(known.moods), len(MOODS)))
    for train, test in _inner_folds(known):
        weight, bias = _logistic(known, train, PENALTY)
        logits[test] = known.inputs[test] @ weight + bias
    return _sharpness(logits[labelled], known.moods[labelled], known.weights[labelled])


def _sharpness(logits: Floats, truth: NDArray, weights: Floats) -> float:
    """The factor, .25 to 4, of the least cross-entropy (temperature scaling: Guo et al. 2017, arXiv 1706.04599)."""

    def loss(exponent: float) -> float:
        said = log_softmax(logits * 2**exponent, axis=1)[np.arange(len(truth)), truth]
        return -float(np.average(said, weights=weights))

    return float(2 ** minimize_scalar(loss, bounds=(-2, 2), method="bounded").x)


def _inner_folds(known: _Known) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Masks of training and test photographs, groups kept together; as many folds as they allow, at most 5."""
    most = np.unique(known.moods, return_counts=True)[1].max()
    count = int(min(5, len(np.unique(known.groups)), most))
    if count < 2:
        everything = np.ones(len(known.moods), bool)
        yield everything, everything
        return
    folder = StratifiedGroupKFold(count, shuffle=True, random_state=0)
    for _, test in folder.split(known.inputs, known.moods, known.groups):
        mask = np.zeros(len(known.moods), bool)
        mask[test] = True
        yield ~mask, mask


def _affect_weights(rows: Floats, targets: Floats, known: _Known) -> tuple[Floats, Floats]:
    """Weights (2, 6) and bias (6,): AFFECT times the linear discriminant of the moods' places on the affect plane.

    The places are means over labelled photographs of valence and arousal as predicted by inner folds, since predicted
    values shrink towards the middle. A mood without such photographs takes the middle. One covariance for all, hence
    linear: log N(a; c, S) = a S^-1 c - c S^-1 c / 2 + what all moods share.
    """
    rated = np.isfinite(targets[:, 0]) & np.isfinite(targets[:, 1])
    seen = rated & (known.moods != NONE)
    if seen.sum() < 10 * len(MOODS):
        return np.zeros((2, len(MOODS))), np.zeros(len(MOODS))
    said = _predicted_affect(rows, targets[:, :2], rated, known)
    middle = said[seen].mean(0)
    places = np.array([_mean_or(said[seen & (known.moods == mood)], middle) for mood in range(len(MOODS))])
    inverse = np.linalg.inv(np.cov((said[seen] - places[known.moods[seen]]).T))
    pull = AFFECT * inverse @ (places - middle).T  # (2, 6)
    return pull, -0.5 * ((places - middle) * pull.T).sum(1) - middle @ pull


def _mean_or(values: Floats, otherwise: Floats) -> Floats:
    return values.mean(0) if len(values) else otherwise


def _predicted_affect(rows: Floats, targets: Floats, rated: NDArray[np.bool_], known: _Known) -> Floats:
    """Valence and arousal (n, 2) of rated photographs by ridge regressions of the other folds."""
    said = np.full(targets.shape, np.nan)
    strengths = rows[rated].var(0).sum() * np.logspace(-1, 3, 9)
    for train, test in _inner_folds(known):
        model = RidgeCV(strengths).fit(rows[train & rated], targets[train & rated])
        said[test & rated] = model.predict(rows[test & rated])
    return said
