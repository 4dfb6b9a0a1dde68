"""How varied each mood is: distinct and frequent classes (the report's Tables 2 and 3), pairs of them, trends."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gallery.dataset.facts import UNKNOWN, Facts
from gallery.dataset.statistics import distinctive, effective_number, entropy, rarefied, wilson
from ml.interface import MOODS

FREQUENT = 5  # classes that Table 3 lists
SHOWS = 0.05  # probability from which a class further down the five counts as seen beside the first
TOGETHER = 3  # photographs from which a pair is told
CURVE = 24  # points of a rarefaction curve
A_YEAR = 20  # photographs from which a year's classes are told
BY_CHANCE = 0.025  # of finding any class distinctive where none is: among a thousand, z must be over 4 (Bonferroni)


def counts(classes: NDArray, total: int) -> NDArray[np.int64]:
    """Photographs by their likeliest class; -1 (not looked at) is left out."""
    return np.bincount(classes[classes >= 0], minlength=total)


def by_mood(classes: NDArray, facts: Facts, total: int) -> NDArray[np.int64]:
    """(6, total) counts of likeliest classes."""
    return np.stack([counts(classes[facts.mood == place], total) for place in range(len(MOODS))])


def variety(table: NDArray[np.int64], place: int, names: Sequence[str]) -> dict[str, Any]:
    """Table 2 and 3 of one mood, out of the table (6, classes) of all; compared at the smallest mood's number."""
    mine, others = table[place], table.sum(0) - table[place]
    n, equal = int(mine.sum()), smallest(table)
    return {
        "n": n,
        "distinct": int((mine > 0).sum()),
        "entropy": entropy(mine),
        "effective": effective_number(mine),
        "at_equal_n": rarefied(mine, equal) if n else None,
        "curve": [[m, rarefied(mine, m)] for m in _steps(n)],
        "frequent": frequent(mine, names),
        "distinctive": distinct(mine, others, names),
    }


def smallest(table: NDArray[np.int64]) -> int:
    """Photographs of the smallest mood that has any: at this number classes are compared."""
    sizes = table.sum(1)
    return int(sizes[sizes > 0].min(initial=np.iinfo(np.int64).max)) if sizes.any() else 0


def _steps(n: int) -> list[int]:
    """Numbers of photographs from 1 to n, evenly spaced by their square root: the curve bends at its beginning."""
    return sorted({round(step * step) for step in np.linspace(1, np.sqrt(n), CURVE)}) if n else []


def frequent(mine: NDArray[np.int64], names: Sequence[str], most: int = FREQUENT) -> list[dict[str, Any]]:
    """The classes that come first for most photographs; ties in the order of the classes."""
    order = [int(i) for i in np.argsort(-mine, kind="stable")[:most] if mine[i]]
    return [{"name": names[i], "n": int(mine[i]), "share": float(mine[i] / mine.sum())} for i in order]


def distinct(
    mine: NDArray[np.int64], others: NDArray[np.int64], names: Sequence[str], most: int = FREQUENT
) -> list[dict[str, Any]]:
    """The classes that these photographs have more of than the others, beyond what chance does among all classes."""
    z = distinctive(mine, others)
    least = -ndtri(BY_CHANCE / max(1, int(np.count_nonzero(mine + others))))
    order = [int(i) for i in np.argsort(-z, kind="stable")[:most] if z[i] >= least]
    return [{"name": names[i], "n": int(mine[i]), "z": float(z[i])} for i in order]


def indoor(scenes: NDArray, flags: Sequence[bool]) -> dict[str, Any]:
    """The share taken indoors, as the likeliest scenes vote on it (Places365's own rule)."""
    looked = scenes[scenes[:, 0] >= 0]
    votes = np.ma.masked_array(np.array(flags, float)[looked], looked < 0).mean(1) > 0.5
    return vars(wilson(int(votes.sum()), len(looked)))


def with_scenes(facts: Facts, inside: NDArray[np.bool_], objects: Sequence[str], scenes: Sequence[str]) -> list[dict]:
    """Which objects stand in which scenes: the likeliest of each, with how many times more often than by chance."""
    first, second = facts.objects[inside, 0], facts.scenes[inside, 0]
    both = (first >= 0) & (second >= 0)
    pairs = Counter(zip(first[both].tolist(), second[both].tolist(), strict=True))
    alone = Counter(first[both].tolist()), Counter(second[both].tolist())
    return _told(pairs, alone, int(both.sum()), objects, scenes)


def with_objects(facts: Facts, inside: NDArray[np.bool_], objects: Sequence[str]) -> list[dict]:
    """Which two objects are seen in one photograph: its likeliest class and others of the five."""
    rows, shares = facts.objects[inside], facts.object_shares[inside]
    pairs: Counter[tuple[int, int]] = Counter()
    alone: Counter[int] = Counter()
    seen = shares >= SHOWS
    seen[:, 0] = True
    for classes in np.where(seen, rows, UNKNOWN).tolist():
        there = sorted({one for one in classes if one != UNKNOWN})
        alone.update(there)
        pairs.update((a, b) for i, a in enumerate(there) for b in there[i + 1 :])
    return _told(pairs, (alone, alone), int((rows[:, 0] >= 0).sum()), objects, objects)


def _told(
    pairs: Counter[tuple[int, int]],
    alone: tuple[Counter[int], Counter[int]],
    n: int,
    first: Sequence[str],
    second: Sequence[str],
) -> list[dict[str, Any]]:
    """Pairs that stand together more often than if they stood independently, by how much and how many there are.

    lift: how many times more often. In the order of n log(lift), a pair's part in the likelihood ratio of dependence.
    """
    told: list[dict[str, Any]] = [
        {"first": first[a], "second": second[b], "n": count, "lift": count * n / (alone[0][a] * alone[1][b])}
        for (a, b), count in sorted(pairs.items())
        if count >= TOGETHER
    ]
    associated = [pair for pair in told if pair["lift"] > 1]
    return sorted(associated, key=lambda pair: -pair["n"] * math.log(pair["lift"]))[:FREQUENT]


def years(facts: Facts, inside: NDArray[np.bool_], names: Sequence[str]) -> list[dict[str, Any]]:
    """Photographs by year of upload, and what a year with enough of them shows most."""
    told = []
    for year in np.unique(facts.year[inside & (facts.year > 0)]):
        here = inside & (facts.year == year)
        n, seen = int(here.sum()), counts(facts.objects[here, 0], len(names))
        told.append({"year": int(year), "n": n, "frequent": frequent(seen, names, 3) if n >= A_YEAR else []})
    return told


def trend(facts: Facts, inside: NDArray[np.bool_], names: Sequence[str]) -> dict[str, Any] | None:
    """Classes that became more frequent or rarer: the later half of the years against the earlier half.

    None where there are no two years, or too few photographs on one side.
    """
    dated = inside & (facts.year > 0) & (facts.objects[:, 0] >= 0)
    if not dated.any():
        return None
    middle = np.median(facts.year[dated])
    early, late = dated & (facts.year < middle), dated & (facts.year >= middle)
    if min(early.sum(), late.sum()) < A_YEAR:
        return None
    before, after = (counts(facts.objects[part, 0], len(names)) for part in (early, late))
    return {
        "since": int(facts.year[late].min()),
        "before": int(early.sum()),
        "after": int(late.sum()),
        "rising": distinct(after, before, names),
        "falling": distinct(before, after, names),
    }
