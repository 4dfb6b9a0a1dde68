"""The acceptance gate: is a candidate better than the active network, on photographs that taught neither? Numpy only.

The criterion is the mean, over what can be judged, of two gains: of Spearman's rho between the aesthetic score and the
mean rating, and of the moods' log loss as a share of what is lost by always saying how frequent each mood is. A
candidate is accepted where the one-sided 95 % bootstrap bound of that mean lies above MARGIN, and neither gain surely
below 0. The bootstrap draws whole groups (creators), as photographs of one creator are alike (Efron 1979, Annals of
Statistics 7, 1-26; for clusters Field, Welsh 2007, JRSS B 69, 369-390), and draws the same for both networks.

Why so: ml/gate_trials.py, which has the figures.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ml import metrics
from ml.evaluate import calibration, correlations, mood_figures
from ml.moods import MOODS
from ml.parts import is_test, part_of

__all__ = ["Finding", "Outputs", "Truth", "Verdict", "compare", "figures_of", "is_test", "part_of"]

NONE = -1  # of moods: nobody said
MARGIN = 0.01  # of the gain; see gate_trials
RESAMPLES, SHOWN_RESAMPLES = 1000, 300  # for the verdict; for each figure's own interval
SURE = 0.95  # of the one-sided bound; intervals shown are two-sided at the same level
LEAST, LEAST_GROUPS = 30, 10  # photographs, and groups, by which a part can be judged
SOLE_RATING = 4.0  # variance of one rating over that of a good mean: a photograph counts as 1 / (1 + 4 / count)
MOST_SHOWN = 24  # photographs on which they disagree
NAMES = {"aesthetic": "beauty", "moods": "moods"}
LOWEST = 1e-6  # of a probability in a logarithm
Floats = NDArray[np.floating]


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TOO_FEW = "too few to judge"


@dataclass(frozen=True)
class Truth:
    """What people said of n photographs."""

    keys: list[str]  # stable names
    groups: NDArray[np.str_]  # (n,)
    aesthetic: Floats  # (n,) mean rating on 1-7, NaN where nobody rated
    counts: Floats  # (n,) effective number of ratings
    moods: NDArray[np.int64]  # (n,) index in MOODS or NONE

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Outputs:
    """What a network says of the same photographs."""

    aesthetic: Floats  # (n,)
    moods: Floats  # (n, 6) probabilities


@dataclass(frozen=True)
class Finding:
    """The verdict in one sentence, the figures behind it (plain values, fit for JSON), where they disagree most."""

    verdict: Verdict
    sentence: str
    figures: dict[str, Any]
    disagreements: list[dict[str, Any]]

    @property
    def accepted(self) -> bool:
        return self.verdict is Verdict.ACCEPTED


def compare(truth: Truth, candidate: Outputs, active: Outputs, seed: int = 0) -> Finding:
    """Judge the candidate against the active network. seed: of the bootstrap."""
    draws = _gains(truth, candidate, active, seed)
    gains = {name: _interval(found) for name, found in draws.items()}
    whole = _interval(np.mean(list(draws.values()), axis=0)) if draws else None
    verdict = _verdict(whole, gains)
    figures = {
        "candidate": figures_of(truth, candidate, seed),
        "active": figures_of(truth, active, seed),
        "gains": gains,
        "gain": whole,
        "margin": MARGIN,
        "resamples": RESAMPLES,
        "seed": seed,
        "groups": len(np.unique(truth.groups)),
        "verdict": str(verdict),
    }
    return Finding(verdict, _sentence(verdict, whole, gains, truth), figures, _disagreements(truth, candidate, active))


def _judged(truth: Truth) -> dict[str, NDArray[np.intp]]:
    """The photographs by which each part is judged; parts with too few are left out."""
    rated, felt = np.flatnonzero(np.isfinite(truth.aesthetic)), np.flatnonzero(truth.moods != NONE)
    parts = {}
    if _enough(truth, rated) and np.ptp(truth.aesthetic[rated]) > 0:
        parts["aesthetic"] = rated
    if _enough(truth, felt) and len(np.unique(truth.moods[felt])) > 1:
        parts["moods"] = felt
    return parts


def _enough(truth: Truth, places: NDArray[np.intp]) -> bool:
    return len(places) >= LEAST and len(np.unique(truth.groups[places])) >= LEAST_GROUPS


def _gains(truth: Truth, candidate: Outputs, active: Outputs, seed: int) -> dict[str, Floats]:
    """By part, the gain on all photographs, then on each resample of the groups: (1 + RESAMPLES,).

    The resamples are the same for both networks and both parts.
    """
    parts = _judged(truth)
    if not parts:
        return {}
    gains: dict[str, Gain] = {}
    if "aesthetic" in parts:
        gains["aesthetic"] = _aesthetic_gain(truth, candidate, active)
    if "moods" in parts:
        gains["moods"] = _mood_gain(truth, candidate, active, parts["moods"])
    judged = np.unique(np.concatenate(list(parts.values())))
    inside = {name: np.isin(np.arange(len(truth)), places) for name, places in parts.items()}
    found: dict[str, list[float]] = {name: [] for name in parts}
    for some in chain([np.arange(len(judged))], _resamples(truth.groups[judged], seed)):
        places = judged[some]
        for name, gain in gains.items():
            found[name].append(gain(places[inside[name][places]]))
    return {name: np.array(values) for name, values in found.items()}


def _resamples(groups: NDArray[np.str_], seed: int) -> Iterator[NDArray[np.intp]]:
    """RESAMPLES lists of places, each of as many groups as there are, drawn with replacement."""
    _, which = np.unique(groups, return_inverse=True)
    order = np.argsort(which, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(which))[:-1])
    rng = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield np.concatenate([members[one] for one in rng.integers(0, len(members), len(members))])


Gain = Callable[[NDArray[np.intp]], float]


def _aesthetic_gain(truth: Truth, candidate: Outputs, active: Outputs) -> Gain:
    weights = 1 / (1 + SOLE_RATING / np.maximum(truth.counts, 1e-9))

    def gain(places: NDArray[np.intp]) -> float:
        if not len(places):  # a resample without rated photographs
            return 0.0
        aim, weight = rankdata(truth.aesthetic[places]), weights[places]
        mine, theirs = (_weighted(aim, rankdata(one.aesthetic[places]), weight) for one in (candidate, active))
        return mine - theirs

    return gain


def _weighted(a: Floats, b: Floats, weight: Floats) -> float:
    """Weighted Pearson correlation; of ranks it is a weighted Spearman. 0 where one side does not vary."""
    a, b = a - np.average(a, weights=weight), b - np.average(b, weights=weight)
    spread = np.sqrt((weight @ a**2) * (weight @ b**2))
    return float((weight * a) @ b / spread) if spread > 0 else 0.0


def _mood_gain(truth: Truth, candidate: Outputs, active: Outputs, felt: NDArray[np.intp]) -> Gain:
    saved = _loss(truth, active) - _loss(truth, candidate)
    blind = _blind_loss(truth.moods[felt])
    return lambda places: float(saved[places].mean() / blind) if len(places) else 0.0


def _loss(truth: Truth, said: Outputs) -> Floats:
    """-log of the probability given to the mood that was felt (n,); of the first mood where none was."""
    chosen = said.moods[np.arange(len(truth)), np.maximum(truth.moods, 0)]
    return -np.log(np.maximum(chosen, LOWEST))


def _blind_loss(moods: NDArray[np.int64]) -> float:
    """The log loss of always saying how frequent each mood is: their entropy in nats."""
    shares = np.unique(moods, return_counts=True)[1] / len(moods)
    return float(-(shares * np.log(shares)).sum())


def _interval(found: Floats) -> dict[str, float]:
    """The first of these with the two-sided percentile interval of the rest; `least`: their one-sided bound."""
    value, drawn = found[0], found[1:]
    low, least, high = np.quantile(drawn, [(1 - SURE) / 2, 1 - SURE, (1 + SURE) / 2])
    return {name: round(float(v), 4) for name, v in (("value", value), ("low", low), ("high", high), ("least", least))}


def _verdict(whole: dict[str, float] | None, gains: dict[str, dict[str, float]]) -> Verdict:
    if whole is None:
        return Verdict.TOO_FEW
    worse = any(gain["high"] < 0 for gain in gains.values())
    return Verdict.ACCEPTED if whole["least"] > MARGIN and not worse else Verdict.REJECTED


def _sentence(
    verdict: Verdict, whole: dict[str, float] | None, gains: dict[str, dict[str, float]], truth: Truth
) -> str:
    """The verdict for a page."""
    if whole is None:
        rated, felt = int(np.isfinite(truth.aesthetic).sum()), int((truth.moods != NONE).sum())
        return (
            f"Too few to judge: of the photographs that only judge, {rated} are rated and {felt} have a felt mood; "
            f"{LEAST} by {LEAST_GROUPS} creators are needed of one kind."
        )
    said = f"it gains {whole['value']:+.3f} (95 % surely above {whole['least']:+.3f}) over the active network"
    if verdict is Verdict.ACCEPTED:
        return f"Accepted: {said}, more than the margin of {MARGIN} on {_photographs(truth)}."
    worse = [NAMES[part] for part, gain in gains.items() if gain["high"] < 0]
    if worse:
        return f"Rejected: it is worse at {' and '.join(worse)} on {_photographs(truth)}."
    return f"Rejected: {said}, which does not clear the margin of {MARGIN} on {_photographs(truth)}."


def _photographs(truth: Truth) -> str:
    return f"{len(truth)} photographs by {len(np.unique(truth.groups))} creators"


def figures_of(truth: Truth, said: Outputs, seed: int = 0) -> dict[str, Any]:
    """One network's figures: aesthetic (n, rho with its interval, MSE ...), moods (accuracies, log loss, ECE ...)."""
    found: dict[str, Any] = {}
    rated, felt = np.isfinite(truth.aesthetic), truth.moods != NONE
    if rated.any():
        aim, score = truth.aesthetic[rated], said.aesthetic[rated]
        found["aesthetic"] = {
            **correlations(aim, score),
            "mse": round(float(np.mean((aim - score) ** 2)), 4),
            "spearman_interval": _resampled(lambda p: metrics.spearman(aim[p], score[p]), truth.groups[rated], seed),
        }
    if felt.any():
        mood, told, groups = truth.moods[felt], said.moods[felt], truth.groups[felt]
        guess = told.argmax(1)
        loss = _loss(truth, said)[felt]
        found["moods"] = {
            **mood_figures(mood, told),
            "log_loss": round(float(loss.mean()), 4),
            "accuracy_interval": _resampled(lambda p: metrics.accuracy(mood[p], guess[p]), groups, seed),
            "balanced_accuracy_interval": _resampled(
                lambda p: metrics.balanced_accuracy(mood[p], guess[p]), groups, seed
            ),
            "log_loss_interval": _resampled(lambda p: float(loss[p].mean()), groups, seed),
            "calibration": calibration(mood, told),
        }
    return found


def _resampled(figure: Callable[[NDArray[np.intp]], float], groups: NDArray[np.str_], seed: int) -> list[float | None]:
    """The two-sided percentile interval of one figure; None at both ends where no resample defines it."""
    drawn = np.array([figure(places) for places in islice(_resamples(groups, seed), SHOWN_RESAMPLES)])
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return [None, None]
    return [round(float(v), 4) for v in np.quantile(drawn, [(1 - SURE) / 2, (1 + SURE) / 2])]


def _disagreements(truth: Truth, candidate: Outputs, active: Outputs) -> list[dict[str, Any]]:
    """The photographs on which they differ most, in beauty (in SDs of the active) and moods (total variation) together.

    Both are made comparable by their mean over the photographs.
    """
    if not len(truth):
        return []
    beauty = np.abs(candidate.aesthetic - active.aesthetic)
    moods = np.abs(candidate.moods - active.moods).sum(1) / 2
    apart = beauty / max(beauty.mean(), LOWEST) + moods / max(moods.mean(), LOWEST)
    shown = [place for place in np.argsort(-apart, kind="stable")[:MOST_SHOWN] if apart[place] > 0]
    return [_disagreement(truth, candidate, active, place) for place in shown]


def _disagreement(truth: Truth, candidate: Outputs, active: Outputs, place: int) -> dict[str, Any]:
    def told(said: Outputs) -> dict[str, Any]:
        mood = int(said.moods[place].argmax())
        share = round(float(said.moods[place, mood]), 3)
        return {"aesthetic": round(float(said.aesthetic[place]), 2), "mood": MOODS[mood], "probability": share}

    rating, mood = truth.aesthetic[place], int(truth.moods[place])
    return {
        "key": truth.keys[place],
        "candidate": told(candidate),
        "active": told(active),
        "people": {
            "aesthetic": round(float(rating), 2) if np.isfinite(rating) else None,
            "mood": MOODS[mood] if mood != NONE else None,
        },
    }
