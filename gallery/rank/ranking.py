"""The order of photographs for a mood: fit + beauty, then a greedy pass for variety. Pure numpy, nothing of ours.

    score = FIT (logit p_m + x . f_m) + z + x . w,     x = [embedding, 1, aesthetic z, valence z, arousal z]

with w what this visitor finds beautiful and f_m what they feel, both zero for the generic order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FIT = 1.0  # one logit of fit weighs as much as one SD of beauty
A_CREATOR = 2  # photographs of one creator on a page
LIKENESS = 0.5  # SDs taken off at cosine similarity 1 to the nearest photograph that the page already holds
SPARE = 3  # candidates that the greedy pass looks at for each place it fills
FEW = 12  # fewer than this above the floor are too few: the nearest are added
LOOSE = 6  # at most so many of them


class Arrays(Protocol):
    """What ranking needs of the shortlist: row i of each is photograph ids[i]; ids ascend."""

    @property
    def ids(self) -> NDArray[np.int64]: ...
    @property
    def embedding(self) -> NDArray[np.float32]: ...
    @property
    def logit(self) -> NDArray[np.float32]: ...
    @property
    def probability(self) -> NDArray[np.float32]: ...
    @property
    def aesthetic(self) -> NDArray[np.float32]: ...
    @property
    def valence(self) -> NDArray[np.float32]: ...
    @property
    def arousal(self) -> NDArray[np.float32]: ...
    @property
    def percentile(self) -> NDArray[np.float32]: ...
    @property
    def creator(self) -> NDArray[np.int32]: ...
    @property
    def cluster(self) -> NDArray[np.int64]: ...
    @property
    def added(self) -> NDArray[np.float64]: ...
    @property
    def sensitive(self) -> NDArray[np.bool_]: ...


@dataclass(frozen=True)
class Order:
    """Photograph ids in order; the last `loose` of them lie below the mood's floor of fit."""

    ids: NDArray[np.int64]
    loose: int


@dataclass(frozen=True)
class Reasons:
    """What each part added to a photograph's rank, in SDs of beauty, and its places among those that fit (from 1)."""

    fit: float  # what the network says of the mood
    felt: float  # shifted by what this visitor felt
    beauty: float  # the generic aesthetic score
    taste: float  # shifted by what this visitor rated
    percentile: float  # of the generic beauty among those that fit the mood, 0-100
    place: int  # for this visitor
    generic_place: int  # for everybody
    among: int


def order(
    arrays: Arrays,
    mood: int,
    floor: float,
    *,
    beauty: NDArray[Any] | None = None,
    felt: NDArray[Any] | None = None,
    exclude: Collection[int] = (),
    count: int = 200,
    page: int = 30,
    sort: str = "for_you",
    seed: int = 0,
) -> Order:
    """The next `count` photographs of a mood, none of `exclude` nor a duplicate of one, varied within pages of `page`.

    floor: probability below which a photograph does not fit; beauty, felt: weights (68,) of this visitor.
    sort: for_you, beautiful (generic beauty), newest, surprise (drawn by the seed).
    """
    fits = (arrays.probability[:, mood] >= floor) & ~arrays.sensitive
    free = _free(arrays, exclude)
    score = _score(arrays, mood, beauty, felt, sort, seed)
    likeness = LIKENESS if sort == "for_you" else 0.0
    rows = _varied(arrays, score, np.flatnonzero(fits & free), count, page, likeness)
    loose = _nearest_below(arrays, mood, fits, free)[: count - len(rows)]
    return Order(arrays.ids[np.concatenate([rows, loose])], len(loose))


def below_floor(arrays: Arrays, mood: int, floor: float, ids: Sequence[int]) -> list[bool]:
    """Which of the photographs do not reach the mood's floor of fit (unknown ids do not)."""
    rows = rows_of(arrays, ids)
    return [bool(row < 0 or arrays.probability[row, mood] < floor) for row in rows]


def rows_of(arrays: Arrays, ids: Collection[int]) -> NDArray[np.intp]:
    """Row numbers of photograph ids, -1 where there is none."""
    wanted = np.fromiter(ids, np.int64, len(ids))
    if not len(arrays.ids):
        return np.full(len(wanted), -1, np.intp)
    places = np.minimum(np.searchsorted(arrays.ids, wanted), len(arrays.ids) - 1)
    return np.where(arrays.ids[places] == wanted, places, -1)


def explain(
    arrays: Arrays,
    photo_id: int,
    mood: int,
    floor: float,
    *,
    beauty: NDArray[Any] | None = None,
    felt: NDArray[Any] | None = None,
) -> Reasons | None:
    """Why a photograph stands where it stands on a mood's page; None if it is not in the shortlist."""
    row = int(rows_of(arrays, [photo_id])[0])
    if row < 0:
        return None
    fits = (arrays.probability[:, mood] >= floor) & ~arrays.sensitive
    generic, mine = (_score(arrays, mood, b, f, "for_you", 0) for b, f in ((None, None), (beauty, felt)))
    x = _features(arrays, row)
    return Reasons(
        fit=FIT * float(arrays.logit[row, mood]),
        felt=0.0 if felt is None else FIT * float(x @ felt),
        beauty=float(arrays.aesthetic[row]),
        taste=0.0 if beauty is None else float(x @ beauty),
        percentile=float(arrays.percentile[row, mood]),
        place=1 + int((mine[fits] > mine[row]).sum()),
        generic_place=1 + int((generic[fits] > generic[row]).sum()),
        among=int(fits.sum()),
    )


def _features(arrays: Arrays, row: int) -> NDArray[np.float64]:
    """x (68,) of one photograph."""
    z = (arrays.aesthetic[row], arrays.valence[row], arrays.arousal[row])
    return np.concatenate([arrays.embedding[row].astype(np.float64), [1.0], z])


def _score(
    arrays: Arrays, mood: int, beauty: NDArray[Any] | None, felt: NDArray[Any] | None, sort: str, seed: int
) -> NDArray[np.float32]:
    """One number a photograph (n,). Both weights go through one product with the embeddings: it bounds the time."""
    if sort == "beautiful":
        return np.asarray(arrays.aesthetic)
    if sort == "newest":
        return arrays.added.astype(np.float32) if not len(arrays.added) else _ranks(arrays.added)
    if sort == "surprise":
        return np.random.default_rng(seed).random(len(arrays.ids), np.float32)
    score = FIT * arrays.logit[:, mood] + arrays.aesthetic
    if beauty is None and felt is None:
        return score
    size = arrays.embedding.shape[1]
    weights = np.zeros(size + 4, np.float32)
    weights += 0 if beauty is None else beauty
    weights += 0 if felt is None else FIT * felt
    score += arrays.embedding @ weights[:size] + weights[size]
    for place, z in enumerate((arrays.aesthetic, arrays.valence, arrays.arousal), size + 1):
        score += weights[place] * z
    return score


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Times as ranks: in single precision neighbouring times would be one."""
    ranks = np.empty(len(values), np.float32)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks


def _free(arrays: Arrays, exclude: Collection[int]) -> NDArray[np.bool_]:
    """Photographs that are not excluded, nor duplicates of one that is (n,)."""
    free = np.ones(len(arrays.ids), bool)
    rows = rows_of(arrays, exclude)
    rows = rows[rows >= 0]
    if len(rows):
        free &= ~np.isin(arrays.cluster, np.unique(arrays.cluster[rows]))
        free[rows] = False
    return free


def _nearest_below(arrays: Arrays, mood: int, fits: NDArray[np.bool_], free: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows of the few nearest to a mood that too few photographs fit; the same few throughout a visit."""
    if fits.sum() >= FEW:
        return np.empty(0, np.intp)
    below = np.flatnonzero(~fits & ~arrays.sensitive)
    nearest = below[np.argsort(-arrays.probability[below, mood], kind="stable")][:LOOSE]
    return nearest[free[nearest]]


def _varied(
    arrays: Arrays, score: NDArray[np.float32], rows: NDArray[np.intp], count: int, page: int, likeness: float
) -> NDArray[np.intp]:
    """The best rows in a greedy order: one of a cluster, A_CREATOR of a creator a page, unlike what the page holds.

    Maximal marginal relevance (Carbonell, Goldstein 1998) over the best SPARE x count rows.
    """
    pool = _best(score, rows, SPARE * count)
    vectors = arrays.embedding[pool].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    worth, clusters, creators = score[pool].astype(np.float64), arrays.cluster[pool], arrays.creator[pool]
    gone = np.zeros(len(pool), bool)
    picked: list[int] = []
    while len(picked) < min(count, len(pool)) and not gone.all():
        if len(picked) % page == 0:
            nearest, full = np.zeros(len(pool)), np.zeros(len(pool), bool)
        allowed = ~gone & ~full
        if not allowed.any():  # every creator left has its share of this page: better that than a short page
            allowed = ~gone
        best = int(np.argmax(np.where(allowed, worth - likeness * nearest, -np.inf)))
        picked.append(best)
        gone |= clusters == clusters[best]
        nearest = np.maximum(nearest, vectors @ vectors[best])
        on_page = creators[picked[len(picked) - 1 - (len(picked) - 1) % page :]]
        full |= (creators == creators[best]) & (creators[best] >= 0) & ((on_page == creators[best]).sum() >= A_CREATOR)
    return pool[picked]


def _best(score: NDArray[np.float32], rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """The `count` best of the rows, best first; equal scores by row, so that an order is always the same."""
    if len(rows) > count:
        rows = rows[np.argpartition(-score[rows], count)[:count]]
    return rows[np.lexsort((rows, -score[rows]))]
