"""The order of photographs for a mood: fit + beauty, then a greedy pass for variety. Pure numpy, nothing of ours.

    score = FIT (logit p_m + x . f_m) + z + x . w,     x = [embedding, 1, aesthetic z, valence z, arousal z]

with w what this visitor finds beautiful and f_m what they feel, both zero for the generic order.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# One logit of fit weighs as much as one SD of beauty. Among the first 12 of each mood, by folds on OASIS and Flickr8k's
# words: share of the mood .51, .69, .75, .78, .78 and true beauty on OASIS 1.25, 1.11, .91, .78, .61 SDs at FIT 0, .5,
# 1, 1.5, 2 (more than 2 adds no share); on 188 free photographs judged by eye: .51, .57, .63, .64, .64.
FIT = 1.0
A_CREATOR = 2  # photographs of one creator on a page
# SDs taken off for each photograph that the page holds already, times the squared cosine to it. On OASIS by folds at 0,
# .3, .5, 1, 2: 6.8, 5.7, 5.0, 4.2, 3.5 of 30 are of the commonest subject, and the first 12 have a true beauty of .91,
# .82, .83, .78, .70 SDs. Taking off for the nearest alone (maximal marginal relevance) left 5.8 of a subject at .74.
LIKENESS = 0.5
LAST = 1e12  # taken off those whose creator has its share of a page: they come after all others
SPARE = 3  # candidates that the greedy pass looks at for each place it fills
FEW = 12  # fewer than this above the floor do not fill a first screen: the nearest are added
LOOSE = 6  # at most so many of them: a handful


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
    gone = rows_of(arrays, exclude)
    gone = gone[gone >= 0]
    free = fits.copy()
    free[gone] = False
    score = _score(arrays, mood, beauty, felt, sort, seed)
    pool = _pool(arrays, score, np.flatnonzero(free), gone, count, page)
    rows = _varied(arrays, score, pool, count, page, LIKENESS if sort == "for_you" else 0.0)
    loose = _nearest_below(arrays, mood, fits, gone)[: count - len(rows)]
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
) -> NDArray[np.floating]:
    """One number a photograph (n,). Both weights go through one product with the embeddings: it bounds the time."""
    if sort == "beautiful":
        return np.asarray(arrays.aesthetic)
    if sort == "newest":
        return np.asarray(arrays.added)
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


def _nearest_below(arrays: Arrays, mood: int, fits: NDArray[np.bool_], gone: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows of the few nearest to a mood that too few photographs fit; the same few throughout a visit.

    None is a duplicate of another or of one that fits, or of `gone`; creators have their share before any has more.
    """
    fitting = np.flatnonzero(fits)
    if len(fitting) >= FEW:
        return np.empty(0, np.intp)
    below = _best(arrays.probability[:, mood], np.flatnonzero(~fits & ~arrays.sensitive), SPARE * LOOSE)
    below = _one_a_cluster(arrays, np.concatenate([fitting, below]))[len(_one_a_cluster(arrays, fitting)) :]
    both = np.concatenate([fitting, below])
    beyond_share = _beyond_share(arrays.creator[both], A_CREATOR)[len(fitting) :]
    nearest = below[np.argsort(beyond_share, kind="stable")][:LOOSE]
    return nearest[~_in_clusters(arrays, nearest, gone)]


def _varied(
    arrays: Arrays, score: NDArray[np.floating], pool: NDArray[np.intp], count: int, page: int, likeness: float
) -> NDArray[np.intp]:
    """`count` rows of the pool in a greedy order: A_CREATOR of a creator a page, unlike what the page holds.

    Greedy max-sum diversification (Gollapudi, Sharma 2009). Where every creator left has its share of a page, the page
    is filled beyond it: a folder of one person's photographs is not two photographs a page.
    """
    vectors = np.asarray(arrays.embedding[pool], np.float32)
    vectors = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + np.float32(1e-9))
    alike = likeness * np.square(np.maximum(vectors @ vectors.T, 0))
    worth, creators = score[pool].astype(np.float64), arrays.creator[pool]
    picked: list[int] = []
    for place in range(min(count, len(pool))):
        if place % page == 0:
            taken_off, held = np.zeros(len(pool)), Counter[int]()
        best = int((worth - taken_off).argmax())
        picked.append(best)
        worth[best] = -np.inf
        taken_off += alike[best]
        creator = int(creators[best])
        held[creator] += 1
        if creator >= 0 and held[creator] == A_CREATOR:
            taken_off[creators == creator] += LAST
    return pool[picked]


def _pool(
    arrays: Arrays, score: NDArray[np.floating], rows: NDArray[np.intp], gone: NDArray[np.intp], count: int, page: int
) -> NDArray[np.intp]:
    """The best SPARE x count rows, best first: one of a duplicate cluster and none of the clusters of `gone`.

    No creator has more of them than its share of so many pages, as long as there are others. Looks at the best few
    first and at more only where those are not enough, so that the time hardly depends on the collection.
    """
    wanted, share = SPARE * count, A_CREATOR * -(-count // page)
    looked = 2 * wanted
    while True:
        pool = _one_a_cluster(arrays, _best(score, rows, looked))
        pool = pool[~_in_clusters(arrays, pool, gone)]
        beyond_share = _beyond_share(arrays.creator[pool], share)
        if looked >= len(rows) or len(pool) - beyond_share.sum() >= wanted:
            return pool[np.argsort(beyond_share, kind="stable")][:wanted]
        looked *= 8


def _best(score: NDArray[np.floating], rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """The `count` best of the rows, best first; equal scores by row, so that an order is always the same."""
    worth = -score[rows]
    if len(rows) > count:
        least = np.partition(worth, count - 1)[count - 1]
        chosen = np.flatnonzero(worth <= least)  # with all that equal the last: which of them stay is decided by row
        rows, worth = rows[chosen], worth[chosen]
    return rows[np.lexsort((rows, worth))[:count]]


def _one_a_cluster(arrays: Arrays, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first of the rows of each duplicate cluster, in the same order."""
    return rows[np.sort(np.unique(arrays.cluster[rows], return_index=True)[1])]


def _in_clusters(arrays: Arrays, rows: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of the rows are duplicates of one of the others, or are one of them."""
    return np.isin(arrays.cluster[rows], arrays.cluster[others])


def _beyond_share(creators: NDArray[np.integer], share: int) -> NDArray[np.bool_]:
    """Which stand behind `share` others of the same creator; unknown creators (-1) are not one creator."""
    order = np.argsort(creators, kind="stable")
    ordered = creators[order]
    beyond = np.empty(len(creators), bool)
    beyond[order] = np.arange(len(creators)) - np.searchsorted(ordered, ordered) >= share
    return beyond & (creators >= 0)
