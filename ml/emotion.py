"""Six mood probabilities from a photograph's row (see ml.fitting).

    logits = k(row * stretch, support * stretch) @ alpha + row @ linear + bias      -> softmax

- the first term: kernel ridge regression of the weak labels, one-hot, over the labelled photographs. Labels come from
  sets of very different make (captions of people and dogs at play; themes of objects and scenes) that disagree on what
  a mood is; a kernel lets each photograph listen to those like it, which one linear layer for all could not (Flickr8k
  words .62 -> .75). Each set is balanced by mood in itself, and photographs of no mood are told to look like all six
  equally, which keeps the probabilities of indifferent photographs low;
- the second: the text cues, what sentences of each mood say of the place where a description of the photograph would
  lie (ml.words). No mood label is learnt in them, so they carry over to photographs of other places.

Within the row, class cues (n, 6) are the logarithm of what the backbones' own ImageNet classifiers give to the classes
that suggest each mood (ml/moods.py, CLASSES). Nothing is learnt in them either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ml.heads import kernel, left_out
from ml.moods import CLASSES, MOODS

Floats = NDArray[np.floating]
NONE = -1  # no mood

TEMPERATURE = 1.5  # of the class probabilities: lets the second and third class have a say
LEAST = 0.003  # added to a mood's share of the classes before the logarithm: three times a class by chance
SHARES = (1.0, 0.25, 0.0, 0.25)  # of the row's blocks in squared distances; see ml.heads.stretched
WIDTH = 2.0  # the kernel falls to exp(-WIDTH) at the median distance of projected features
PENALTY = 2.0  # of the kernel ridge, on a photograph of weight 1
TEXT = 0.15  # of the text cues beside the votes
BACKGROUND = 0.3  # weight of a set's photographs of no mood, relative to those of a mood
FEWEST = 5  # a mood with fewer photographs in a set is balanced as if it had these
SHARPEST = 6  # binary logarithm of the largest factor on the logits


@dataclass(frozen=True)
class Emotion:
    """The head's weights; the factor that makes logits of votes is in them."""

    stretch: Floats  # (w,)
    support: Floats  # (m, w)
    alpha: Floats  # (m, 6)
    linear: Floats  # (w, 6)
    bias: Floats  # (6,)

    def __call__(self, rows: Floats) -> NDArray[np.float64]:
        """Probabilities (n, 6) in MOODS order; each row sums to 1."""
        return softmax(self.logits(rows), axis=1)

    def logits(self, rows: Floats) -> NDArray[np.float64]:
        """Logits (n, 6)."""
        rows = np.asarray(rows, np.float64)
        near = kernel(rows * self.stretch, self.support * self.stretch, WIDTH)
        return near @ self.alpha + rows @ self.linear + self.bias


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


def fit(rows: Floats, stretch: Floats, linear: Floats, moods: NDArray, sets: NDArray, groups: NDArray) -> Emotion:
    """Fit the head, in closed form but for one factor.

    rows (n, w); stretch (w,) of their columns; linear (w, 6): what columns say of moods by themselves, in votes;
    moods (n,): index in MOODS or -1; sets (n,): data set of each; groups (n,): never split where the factor is chosen.
    Needs photographs of at least two moods; ValueError otherwise.
    """
    rows, moods = np.asarray(rows, np.float64), np.asarray(moods)
    if len(np.unique(moods[moods != NONE])) < 2:
        raise ValueError("The emotion head needs photographs of at least two moods.")
    targets, weights = _aims(moods, np.asarray(sets))
    counts = weights > 0
    rows, moods = rows[counts], moods[counts]
    near = rows * stretch
    alpha, unseen = left_out(
        kernel(near, near, WIDTH),
        targets[counts] - 1 / len(MOODS),
        PENALTY / weights[counts],
        np.asarray(groups)[counts],
    )
    labelled = moods != NONE
    votes = unseen + (rows - rows.mean(0)) @ linear
    sharp = _sharpness(votes[labelled], moods[labelled])
    return Emotion(stretch, rows, alpha * sharp, linear * sharp, -(rows.mean(0) @ linear) * sharp)


def _aims(moods: NDArray, sets: NDArray) -> tuple[Floats, Floats]:
    """Targets (n, 6), one-hot or flat where there is no mood, and weights (n,) that balance moods in each set.

    Photographs of a mood weigh 1 on average in each set; those of a set without moods weigh nothing.
    """
    targets = np.where((moods == NONE)[:, None], 1 / len(MOODS), np.eye(len(MOODS))[moods])
    weights = np.zeros(len(moods))
    for name in np.unique(sets):
        inside = sets == name
        labelled, rest = inside & (moods != NONE), inside & (moods == NONE)
        if labelled.any():
            counts = np.bincount(moods[labelled], minlength=len(MOODS))
            balanced = 1 / np.maximum(counts[moods[labelled]], FEWEST)
            weights[labelled] = balanced / balanced.mean()
            if rest.any():
                weights[rest] = BACKGROUND * labelled.sum() / rest.sum()
    return targets, weights


def _sharpness(votes: Floats, truth: NDArray) -> float:
    """The factor of the least cross-entropy (temperature scaling: Guo et al. 2017, arXiv 1706.04599)."""

    def loss(exponent: float) -> float:
        return -float(log_softmax(votes * 2**exponent, axis=1)[np.arange(len(truth)), truth].mean())

    return float(2 ** minimize_scalar(loss, bounds=(-2, SHARPEST), method="bounded").x)
