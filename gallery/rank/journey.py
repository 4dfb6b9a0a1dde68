"""A walk of photographs from one mood to another over the plane of valence and arousal. Pure numpy, nothing of ours.

The way is a straight line from where photographs of the first mood lie to where those of the other do, cut into
stations. Among the few best photographs about each station, the chain with the greatest sum of worth and likeness is
found by dynamic programming (Viterbi 1967): each next one lies further on the way, and is nearer to the last in
embedding than nine in ten pairs of the collection. Chaining pictures over such stations to move somebody's mood
gradually is the iso principle of music therapy (Altshuler 1948): begin where a person is.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.rank.ranking import Arrays, rows_of

STEPS = 30
FEWER = (30, 26, 22, 19, 16, 14, 12, 10, 8, 7, 6, 5, 4, 3, 2)  # tried in turn where a collection cannot give as many
NEAR = 0.9  # share of random pairs that neighbours of a walk must be closer than
PAIRS = 20_000  # drawn to know how close that is
AT_A_STATION = 80  # photographs that are looked at for each step
REACH = 4  # stations away that a step may take its photograph from, where its own has too few
FIT = 0.5  # worth of a logit of the mood that the way is at; beauty and taste are in SDs and count 1
CERTAIN = 3.0  # logits: beyond this more fit is no more worth
ASIDE = 1.0  # taken off for each unit (of 1-7) squared beside the line
ASTRAY = 2.0  # taken off for each station squared that a step is before or behind its own
ALIKE = 10.0  # worth of a cosine of 1 to the photograph before; its SD among pairs is near .05
JUMP = 1.0  # taken off for each unit squared by which a step moves beside the line
FALL = 3.0  # taken off for each step that goes back
BACK = 0.2  # units of 1-7 that a step may go back, where there is no chain that always goes on ...
BACKS = 0.15  # ... and the share of steps that may
PULL = 1.5  # units of 1-7 that the circumplex counts beside where this collection's photographs of two moods lie
SEEN = 2.0  # taken off what an earlier walk showed
TYPICAL = 12  # so many photographs at least say where a mood lies
LEVEL = 0.3  # share of valence in the direction under which a walk is one of arousal and valence may go either way


@dataclass(frozen=True)
class Mood:
    """An end of the way: the mood's column, its floor of fit, and its place (valence, arousal) on the circumplex."""

    column: int
    floor: float
    place: tuple[float, float]


@dataclass(frozen=True)
class Walk:
    """Photograph ids from first to last; `asked` is how many there should have been."""

    ids: NDArray[np.int64]
    asked: int

    @property
    def is_short(self) -> bool:
        return len(self.ids) < self.asked


@dataclass(frozen=True)
class Line:
    """The way itself, the same for everybody: what a caller keeps for a version of the arrays."""

    start: Mood
    goal: Mood
    center: tuple[float, float]
    scale: tuple[float, float]
    direction: tuple[float, float]  # of valence and arousal; its length is 1
    first: tuple[float, float]  # where it begins, along and beside
    last: tuple[float, float]
    close: float  # cosine that neighbours must reach


@dataclass(frozen=True)
class _Way:
    """The line and everything measured along it, row by row of the arrays."""

    at: NDArray[np.floating]  # (n,) share of the way, 0 at its beginning, 1 at its end
    aside: NDArray[np.floating]  # (n,) units beside the line
    worth: NDArray[np.floating]  # (n,) in SDs of beauty
    rising: NDArray[np.floating]  # (n,) units of what rises from step to step
    free: NDArray[np.bool_]  # (n,) may be shown
    close: float


def line(
    arrays: Arrays,
    start: Mood,
    goal: Mood,
    *,
    center: Sequence[float] | NDArray[np.floating],
    scale: Sequence[float] | NDArray[np.floating],
    without: Sequence[Mood] = (),
) -> Line | None:
    """The way between two moods as these photographs lie; None where there are not two of them.

    center, scale: of valence and arousal, which turn their z-scores into 1-7; without: see walk.
    """
    free = _free(arrays, (), without)
    if free.sum() < 2:
        return None
    middle, spread = ((float(pair[0]), float(pair[1])) for pair in (center, scale))
    plane = arrays.valence * spread[0] + middle[0], arrays.arousal * spread[1] + middle[1]
    rows = [_typical(arrays, mood, free) for mood in (start, goal)]
    apart = [float(axis[rows[1]].mean() - axis[rows[0]].mean()) for axis in plane]
    x, y = PULL * np.subtract(goal.place, start.place) + apart
    length = float(np.hypot(x, y)) + 1e-9
    direction = (float(x) / length, float(y) / length)
    first, last = _ends(rows, *_turned(plane, direction), free)
    return Line(start, goal, middle, spread, direction, first, last, _close(arrays))


def walk(
    arrays: Arrays,
    line: Line,
    *,
    beauty: NDArray[np.floating] | None = None,
    exclude: Collection[int] = (),
    seen: Collection[int] = (),
    without: Sequence[Mood] = (),
    steps: int = STEPS,
) -> Walk:
    """About `steps` photographs along the line from one mood to the other, fewer (or none) where there are not enough.

    beauty: weights (68,) of this visitor; exclude: never shown; seen: shown before, so rather not; without: moods none
    of whose photographs may be shown.
    """
    nothing = Walk(np.empty(0, np.int64), steps)
    free = _free(arrays, exclude, without)
    if free.sum() < 2:
        return nothing
    way = _way(arrays, line, free, beauty, rows_of(arrays, seen))
    for length in [steps, *(fewer for fewer in FEWER if fewer < steps)]:
        for back in (0.0, BACK):
            rows = _chain(arrays, way, length, back)
            if rows is not None and (np.diff(way.rising[rows]) <= 0).mean() <= BACKS:
                return Walk(arrays.ids[rows], steps)
    return nothing


def _free(arrays: Arrays, exclude: Collection[int], without: Sequence[Mood]) -> NDArray[np.bool_]:
    free = ~arrays.sensitive
    for mood in without:
        free &= arrays.probability[:, mood.column] < mood.floor
    gone = rows_of(arrays, exclude)
    return free & ~np.isin(arrays.cluster, arrays.cluster[gone[gone >= 0]]) if len(gone) else free


def _turned(plane: tuple[NDArray, NDArray], direction: tuple[float, float]) -> tuple[NDArray, NDArray]:
    """Along and beside (n,) from valence and arousal."""
    valence, arousal = plane
    x, y = np.float32(direction[0]), np.float32(direction[1])
    return valence * x + arousal * y, arousal * x - valence * y


def _way(
    arrays: Arrays, line: Line, free: NDArray[np.bool_], beauty: NDArray[np.floating] | None, seen: NDArray[np.intp]
) -> _Way:
    """The place of each photograph along the line, and its worth there."""
    valence = arrays.valence * line.scale[0] + line.center[0]
    along, aside = _turned((valence, arrays.arousal * line.scale[1] + line.center[1]), line.direction)
    (first, first_aside), (last, last_aside) = line.first, line.last
    at = (along - first) / (last - first)
    share = np.clip(at, 0, 1)
    aside -= first_aside + share * (last_aside - first_aside)
    worth = arrays.aesthetic + FIT * (
        (1 - share) * np.clip(arrays.logit[:, line.start.column], -CERTAIN, CERTAIN)
        + share * np.clip(arrays.logit[:, line.goal.column], -CERTAIN, CERTAIN)
    )
    worth -= ASIDE * np.square(aside)
    if beauty is not None:
        worth += _taste(arrays, beauty)
    worth[seen[seen >= 0]] -= SEEN
    rising = np.sign(line.direction[0]) * valence if abs(line.direction[0]) >= LEVEL else along
    return _Way(at, aside, worth, rising, free & (at >= -0.1) & (at <= 1.1), line.close)


def _typical(arrays: Arrays, mood: Mood, free: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows of the photographs that fit a mood, or of the nearest where fewer than TYPICAL do."""
    rows = np.flatnonzero(free & (arrays.probability[:, mood.column] >= mood.floor))
    if len(rows) >= TYPICAL:
        return rows
    rows = np.flatnonzero(free)
    return rows[np.argsort(-arrays.probability[rows, mood.column], kind="stable")[:TYPICAL]]


def _ends(
    typical: list[NDArray[np.intp]], along: NDArray, aside: NDArray, free: NDArray[np.bool_]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the way begins and ends, along and beside: the far third of one mood, the far third of the other.

    Moods overlap on the plane: from mean to mean, solitude to happy would be no way at all. Where even the far thirds
    are near each other or the wrong way round, the way is the one that nine in ten photographs span.
    """
    ends = []
    for rows, sign in zip(typical, (1, -1), strict=True):
        far = along[rows] * sign <= np.quantile(along[rows] * sign, 1 / 3)
        ends.append((float(along[rows][far].mean()), float(aside[rows][far].mean())))
    low, high = (float(q) for q in np.quantile(along[free], (0.05, 0.95)))
    if ends[1][0] - ends[0][0] < (high - low) / 4:
        middle = float(aside[free].mean())
        return (low, middle), (high + 1e-6, middle)
    return ends[0], ends[1]


def _taste(arrays: Arrays, beauty: NDArray[np.floating]) -> NDArray[np.floating]:
    """x . w (n,) of one visitor."""
    size = arrays.embedding.shape[1]
    weights = beauty.astype(np.float32)
    shift = arrays.embedding @ weights[:size] + weights[size]
    for place, z in enumerate((arrays.aesthetic, arrays.valence, arrays.arousal), size + 1):
        shift += weights[place] * z
    return shift


def _close(arrays: Arrays) -> float:
    """The cosine that NEAR of random pairs of different photographs do not reach; the draw is always the same."""
    rng, count = np.random.default_rng(0), len(arrays.ids)
    one = rng.integers(0, count, PAIRS)
    other = (one + rng.integers(1, max(count, 2), PAIRS)) % count
    a, b = (_unit(np.asarray(arrays.embedding[rows], np.float32)) for rows in (one, other))
    return float(np.quantile((a * b).sum(1), NEAR))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + np.float32(1e-9))


def _stations(arrays: Arrays, way: _Way, steps: int) -> list[NDArray[np.intp]]:
    """The best rows about each station, none of the same duplicate cluster twice; from near ones if it has too few."""
    rows = np.flatnonzero(way.free)
    station = np.clip(np.rint(way.at[rows] * (steps - 1)), 0, steps - 1).astype(np.int16)
    order = np.argsort(station, kind="stable")
    edges = np.searchsorted(station[order], np.arange(steps + 1))
    own = [_best(way.worth, rows[order[a:b]]) for a, b in itertools.pairwise(edges)]
    kept = np.concatenate(own)
    kept = kept[np.argsort(-way.worth[kept], kind="stable")]
    single = np.zeros(len(arrays.ids), bool)
    single[kept[np.unique(arrays.cluster[kept], return_index=True)[1]]] = True
    own = [each[single[each]] for each in own]
    return [_about(own, place) for place in range(steps)]


def _best(worth: NDArray[np.floating], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    if len(rows) <= AT_A_STATION:
        return rows
    return rows[np.argpartition(-worth[rows], AT_A_STATION)[:AT_A_STATION]]


def _about(own: list[NDArray[np.intp]], place: int) -> NDArray[np.intp]:
    """Rows of a station and of as many to both sides of it as it takes to choose well."""
    for reach in range(REACH + 1):
        found = np.concatenate(own[max(0, place - reach) : place + reach + 1])
        if len(found) >= AT_A_STATION / 2:
            break
    return found


def _chain(arrays: Arrays, way: _Way, steps: int, back: float) -> list[int] | None:
    """Rows of the best chain of so many steps, None if there is none. No creator comes twice; `back`: see BACK.

    For each photograph of a station the best chain that ends with it is kept, with the creators it has used.
    """
    stations = _stations(arrays, way, steps)
    paths = stations[0][:, None]
    total = _node(way, paths[:, 0], 0, steps)
    for place in range(1, steps):
        following = stations[place]
        gain = _links(arrays, way, paths, following, back)
        gain += total[:, None]
        if not gain.size or not np.isfinite(gain.max()):
            return None
        best = gain.argmax(0)
        total = gain[best, np.arange(len(following))] + _node(way, following, place, steps)
        paths = np.concatenate([paths[best], following[:, None]], 1)
        alive = np.isfinite(total)
        paths, total = paths[alive], total[alive]
    return [int(row) for row in paths[total.argmax()]] if len(paths) else None


def _node(way: _Way, rows: NDArray[np.intp], place: int, steps: int) -> NDArray[np.floating]:
    """What photographs are worth as a certain step."""
    return way.worth[rows] - ASTRAY * np.square(way.at[rows] * (steps - 1) - place) / max(1, steps / 10)


def _links(
    arrays: Arrays, way: _Way, paths: NDArray[np.intp], following: NDArray[np.intp], back: float
) -> NDArray[np.floating]:
    """Worth (m, k) of going from the end of each path to each following photograph; -inf where that may not be."""
    last = paths[:, -1]
    cosine = _unit(arrays.embedding[last]) @ _unit(arrays.embedding[following]).T
    rise = way.rising[following] - way.rising[last][:, None]
    gain = ALIKE * cosine - JUMP * np.square(way.aside[following] - way.aside[last][:, None]) - FALL * (rise <= 0)
    allowed = (cosine > way.close) & (rise > -back) & ~_used(arrays, paths, following)
    return np.where(allowed, gain, -np.inf)


def _used(arrays: Arrays, paths: NDArray[np.intp], following: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which photographs (k) a path (m) holds already, or another of their creator. Unknown creators are not one."""
    codes, theirs = arrays.creator[paths], arrays.creator[following]
    held = np.zeros((len(paths), max(int(codes.max(initial=0)), int(theirs.max(initial=0))) + 2), bool)
    held[np.arange(len(paths))[:, None], codes] = True
    held[:, -1] = False
    return held[:, theirs] | (paths[:, :, None] == following).any(1)
