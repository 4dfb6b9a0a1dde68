"""How far the labels can be trusted: the source's words, the network and what visitors felt, each against each other.

The network never sees words, and visitors see neither. What all three say alike is a label; what they do not is noise,
in the words, in the network, or because people differ.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.dataset.facts import UNKNOWN, Facts
from gallery.dataset.statistics import Counts, against_the_rest, kappa, wilson
from ml.interface import MOODS

FEWEST_VISITORS = 5  # below it, what visitors felt would tell of persons: it is left out
PAIRS = {"words_network": ("mood", "network"), "words_felt": ("mood", "felt"), "network_felt": ("network", "felt")}


def agreement(facts: Facts) -> dict[str, Any]:
    """For each pair of judges their table of counts, share of agreement, and kappa; None where visitors are too few."""
    return {name: None if hidden(facts, pair) else _pair(table(facts, *pair)) for name, pair in PAIRS.items()}


def hidden(facts: Facts, pair: tuple[str, str]) -> bool:
    return "felt" in pair and facts.feelers < FEWEST_VISITORS


def table(facts: Facts, first: str, second: str) -> NDArray[np.int64]:
    """(6, 6) photographs by what the first judge says (down) and the second (across)."""
    one, other = getattr(facts, first), getattr(facts, second)
    both = (one != UNKNOWN) & (other != UNKNOWN)
    size = len(MOODS)
    return np.bincount(one[both].astype(int) * size + other[both], minlength=size * size).reshape(size, size)


def _pair(counts: NDArray[np.int64]) -> dict[str, Any] | None:
    """Overall, and for each mood: how many of what the first calls so the second does as well, and kappa against the
    rest."""
    n = int(counts.sum())
    if not n:
        return None
    return {
        "table": counts.tolist(),
        "agree": vars(wilson(int(np.trace(counts)), n)),
        "kappa": _kappa(counts),
        "moods": [_mood(counts, place) for place in range(len(MOODS))],
    }


def _mood(counts: NDArray[np.int64], place: int) -> dict[str, Any]:
    return {
        "agree": vars(wilson(int(counts[place, place]), int(counts[place].sum()))),
        "kappa": _kappa(against_the_rest(counts, place)),
    }


def _kappa(counts: Counts) -> dict[str, Any] | None:
    found = kappa(counts)
    return None if found is None else vars(found)
