"""How far the photographs of a mood lie apart: on the affect plane, and in the network's own space.

Embeddings are streamed once: sums give the mean distance of all pairs exactly, and some photographs of each mood meet
all others to find their nearest neighbour, so that memory stays small however large the collection.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.dataset.concepts import photographs
from gallery.dataset.facts import CHUNK, UNKNOWN, Facts
from gallery.dataset.statistics import mean_cosine_distance, wilson
from gallery.models import Score
from ml.interface import MOODS

ASKED = 200  # photographs of each mood whose nearest neighbour is looked for: an interval of 7 points at most
QUANTILES = (5, 25, 50, 75, 95)
DIMENSIONS = 64


def affect(facts: Facts, inside: NDArray[np.bool_]) -> dict[str, Any] | None:
    """Valence and arousal: mean, standard deviation, quantiles, and how they go together; None without scores."""
    scored = inside & np.isfinite(facts.valence)
    n = int(scored.sum())
    if n < 2:
        return None
    valence, arousal = facts.valence[scored].astype(float), facts.arousal[scored].astype(float)
    spread = np.cov(valence, arousal)
    return {"n": n, "valence": _axis(valence), "arousal": _axis(arousal), "covariance": float(spread[0, 1])}


def _axis(values: NDArray[np.floating]) -> dict[str, Any]:
    quantiles = dict(zip(map(str, QUANTILES), np.percentile(values, QUANTILES).tolist(), strict=True))
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1)), "quantiles": quantiles}


@dataclass
class _Nearest:
    """Photographs that ask for their nearest neighbour, and the best found so far."""

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]  # (q, 64) unit
    best: NDArray[np.float32]  # cosine
    found: NDArray[np.int64]  # row, or -1

    def meet(self, rows: NDArray[np.int64], vectors: NDArray[np.float32], facts: Facts) -> None:
        """Compare with some photographs; its own near-duplicates and its creator's others are no neighbours."""
        cosines = self.vectors @ vectors.T  # (q, rows)
        creators = facts.creator[self.rows][:, None]
        kin = (creators == facts.creator[rows]) & (creators != UNKNOWN)
        kin |= facts.cluster[self.rows][:, None] == facts.cluster[rows]
        cosines[kin] = -np.inf
        places = cosines.argmax(1)
        nearest = cosines[np.arange(len(self.rows)), places]
        better = nearest > self.best
        self.best[better], self.found[better] = nearest[better], rows[places[better]]


def spread(facts: Facts, network_id: int) -> list[dict[str, Any]]:
    """For each mood the mean distance (1 - cosine) of its pairs, and how often the nearest neighbour is of it too."""
    nearest = _askers(facts, network_id)
    totals, sizes = np.zeros((len(MOODS), DIMENSIONS)), np.zeros(len(MOODS), np.int64)
    for rows, vectors in _vectors(facts, network_id):
        moods = facts.mood[rows]
        np.add.at(totals, moods, vectors.astype(float))
        sizes += np.bincount(moods, minlength=len(MOODS))
        nearest.meet(rows, vectors, facts)
    return [
        {
            "n": int(sizes[place]),
            "distance": mean_cosine_distance(totals[place], int(sizes[place])),
            **_neighbours(facts, nearest, place, sizes),
        }
        for place in range(len(MOODS))
    ]


def _neighbours(facts: Facts, nearest: _Nearest, place: int, sizes: NDArray[np.int64]) -> dict[str, Any]:
    mine = (facts.mood[nearest.rows] == place) & (nearest.found != UNKNOWN)
    same = facts.mood[nearest.found[mine]] == place
    return {
        "neighbours": vars(wilson(int(same.sum()), int(mine.sum()))),
        "by_chance": float(sizes[place] / sizes.sum()) if sizes.sum() else None,
    }


def _askers(facts: Facts, network_id: int) -> _Nearest:
    """At most ASKED photographs of each mood, evenly spaced by id."""
    chosen = []
    for place in range(len(MOODS)):
        rows = np.flatnonzero((facts.mood == place) & (facts.network != UNKNOWN))
        chosen.append(rows[np.linspace(0, len(rows) - 1, min(ASKED, len(rows))).astype(int)])
    wanted = np.concatenate(chosen)
    scores = Score.objects.filter(network_id=network_id, photo_id__in=facts.ids[wanted].tolist())
    found = list(scores.values_list("photo_id", "embedding"))
    rows = np.searchsorted(facts.ids, np.array([pk for pk, _ in found], np.int64))
    vectors = _unit([embedding for _, embedding in found])
    return _Nearest(rows, vectors, np.full(len(rows), -np.inf, np.float32), np.full(len(rows), UNKNOWN, np.int64))


def _vectors(facts: Facts, network_id: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Rows and unit vectors of all scored photographs, in pieces."""
    scores = Score.objects.filter(network_id=network_id, photo__in=photographs()).order_by("photo_id")
    found = scores.values_list("photo_id", "embedding").iterator(chunk_size=CHUNK)
    piece: list[tuple] = []
    for row in found:
        piece.append(row)
        if len(piece) == CHUNK:
            yield from _piece(facts, piece)
            piece = []
    if piece:
        yield from _piece(facts, piece)


def _piece(facts: Facts, piece: list[tuple]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    ids = np.array([pk for pk, _ in piece], np.int64)
    there = np.isin(ids, facts.ids)  # a photograph that came meanwhile has no row
    rows = np.searchsorted(facts.ids, ids[there])
    yield rows, _unit([embedding for _, embedding in piece])[there]


def _unit(embeddings: list) -> NDArray[np.float32]:
    vectors = np.array([np.asarray(e, np.float32) for e in embeddings], np.float32).reshape(-1, DIMENSIONS)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
