"""Pairs of photographs of which one is to be ranked above the other, as Kong et al. (2016, section 4.3) draw them.

Across raters: two photographs whose mean ratings differ clearly. Within a rater: two photographs that one person rated
differently, in that person's order, whatever the others say; people use the scale differently, so that a 4 of one may
be less than a 3 of another. Ties make no pair. Only photographs among `rows` are drawn, so no pair leaves its part.
"""

from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ml.data.photographs import Ratings

Partner = tuple[int, bool]  # the other photograph's row, and whether it is the higher one


class Pairs(Protocol):
    """A way of drawing pairs."""

    def partner(self, row: int, chance: Generator) -> Partner | None:
        """A photograph to be ranked against that of `row`; None if there is none."""


class AcrossRaters:
    """Pairs whose mean ratings lie at least `apart` from each other. score (n,), rows (m,) of it."""

    def __init__(self, score: NDArray[np.float64], rows: NDArray[np.int64], apart: float) -> None:
        rated = rows[np.isfinite(score[rows])]
        self._rows = rated[np.argsort(score[rated], kind="stable")]
        self._sorted, self._score, self._apart = score[self._rows], score, apart

    def partner(self, row: int, chance: Generator) -> Partner | None:
        """Any of those that are far enough below or above, each as likely."""
        score = self._score[row]
        if not np.isfinite(score):
            return None
        # a whisker nearer counts too: 0.75 - 0.25 may be less than 0.5 in floating point
        below = np.searchsorted(self._sorted, score - self._apart + 1e-9, side="right")
        above = np.searchsorted(self._sorted, score + self._apart - 1e-9, side="left")
        place = _outside(int(below), int(above), 0, len(self._sorted), chance)
        return None if place is None else (int(self._rows[place]), bool(place >= above))


class WithinRater:
    """Pairs that one person rated differently."""

    def __init__(self, ratings: Ratings, rows: NDArray[np.int64]) -> None:
        kept = np.isin(ratings.photo, rows)
        who = np.unique(ratings.person[kept], return_inverse=True)[1]
        order = np.lexsort((ratings.score[kept], who))  # by person, then by that person's own scores
        self._photo, self._score = ratings.photo[kept][order], ratings.score[kept][order]
        self._who, bounds = who[order], np.arange(who.max(initial=-1) + 2)
        self._start = np.searchsorted(self._who, bounds)
        self._by_photo = np.argsort(self._photo, kind="stable")
        self._photo_sorted = self._photo[self._by_photo]

    def partner(self, row: int, chance: Generator) -> Partner | None:
        """One of the photograph's raters, and another photograph of theirs, each as likely."""
        first, last = np.searchsorted(self._photo_sorted, [row, row + 1])
        if first == last:
            return None
        mine = self._by_photo[chance.integers(first, last)]
        start, end = self._start[self._who[mine]], self._start[self._who[mine] + 1]
        of_person, score = self._score[start:end], self._score[mine]
        below = start + np.searchsorted(of_person, score, side="left")
        above = start + np.searchsorted(of_person, score, side="right")
        place = _outside(int(below), int(above), int(start), int(end), chance)
        if place is None or self._photo[place] == row:  # somebody may have rated the same photograph twice
            return None
        return int(self._photo[place]), place >= above


def _outside(below: int, above: int, start: int, end: int, chance: Generator) -> int | None:
    """A place in start..below or above..end, each as likely; None if there is none."""
    room = (below - start) + (end - above)
    if room < 1:
        return None
    place = start + int(chance.integers(room))
    return place if place < below else place + above - below
