"""What Evoke has learnt of somebody, for their eyes: reads behind /you/. Arrays of the shortlist, and few queries."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.core.paginator import Page, Paginator
from numpy.typing import NDArray

from accounts.models import Visitor
from gallery.models import Photo, Rating, RatingEvent
from gallery.moods import MOODS, Mood
from gallery.rank import directions, learning, shortlist
from gallery.rank.ranking import rows_of
from ml import interface

STRIP = 6  # photographs that rise most, and as many that fall
SIDES = 3  # photographs at each end of a direction
DIRECTIONS = 3
A_PAGE = 30  # ratings
TOGETHER = 3  # photographs shown of those felt differently in the same way
LEANS, SURELY = 0.8, 0.95  # probabilities from which on a leaning is told, and told without "probably"
FURTHEST = 2.5  # SDs at which the drawing of a direction ends
EMBEDDED = 64


@dataclass(frozen=True)
class Moved:
    """A photograph and how far it rises or falls for somebody, in standard deviations of beauty."""

    photo: Photo
    shift: float

    @property
    def amount(self) -> str:
        return f"{self.shift:+.1f}".replace("-", "−")


@dataclass(frozen=True)
class Direction:
    """Something people differ in: photographs at its two ends, and where this one stands between them (0-100)."""

    low: list[Photo]
    high: list[Photo]
    at: float
    first: float  # the span that holds them with a probability of two thirds
    width: float
    sentence: str


@dataclass(frozen=True)
class Differently:
    """Photographs of one mood that somebody felt as another."""

    seen: Mood
    felt: Mood
    count: int
    photos: list[Photo]


@dataclass(frozen=True)
class Said:
    """A rating in the list. `photo` is None where it is no longer shown; `withheld`: only its colours are shown."""

    rating: Rating
    photo: Photo | None
    withheld: bool

    @property
    def felt(self) -> Mood | None:
        return MOODS.get(self.rating.felt)


@dataclass(frozen=True)
class You:
    """Everything on the page. known: the share of doubt that is gone, in whole per cent."""

    count: int
    marks: int
    known: int
    rise: list[Moved]
    fall: list[Moved]
    directions: list[Direction]
    differently: list[Differently]

    @property
    def photos(self) -> list[Photo]:
        """All that it shows."""
        moved = [each.photo for each in (*self.rise, *self.fall)]
        ends = [photo for each in self.directions for photo in (*each.low, *each.high)]
        return [*moved, *ends, *(photo for each in self.differently for photo in each.photos)]


@dataclass(frozen=True)
class _Found:
    """The same before its photographs are fetched: rows of the arrays."""

    rise: NDArray[np.intp]
    fall: NDArray[np.intp]
    shift: NDArray[np.floating]
    sides: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    standings: Sequence[directions.Standing]
    known: float


def ratings(visitor: Visitor, number: int) -> Page:
    """A page of what somebody says now, newest first; the nearest page there is (two queries)."""
    return Paginator(Rating.objects.filter(visitor=visitor).order_by("-rated_at", "-pk"), A_PAGE).get_page(number)


def said(page: Page, *, veiled: Collection[str], shows_sensitive: bool) -> list[Said]:
    """The ratings of a page with their photographs (three queries)."""
    found = Photo.objects.on_show().with_renditions().in_bulk([rating.photo_id for rating in page])
    arrays = shortlist.current()
    hidden = set() if arrays is None else _veiled(arrays, list(found), veiled)
    return [
        Said(rating, photo, photo is not None and (photo.pk in hidden or (photo.sensitive and not shows_sensitive)))
        for rating in page
        for photo in [found.get(rating.photo_id)]
    ]


def last(visitor: Visitor) -> RatingEvent | None:
    """The last thing somebody said (one query)."""
    return RatingEvent.objects.filter(visitor=visitor).select_related("photo").order_by("-pk").first()


def you(visitor: Visitor, *, veiled: Collection[str]) -> You | None:
    """What was learnt of somebody, in photographs (six queries); None as long as there is nothing to order."""
    arrays = shortlist.current()
    if arrays is None or len(arrays.ids) < 2 * (STRIP + SIDES):
        return None
    answers = list(Rating.objects.filter(visitor=visitor).values_list("photo_id", "value", "hidden", "felt"))
    gone = [photo_id for photo_id, _, hidden, _ in answers if hidden]
    found = _found(arrays, visitor, tuple(sorted(veiled)), gone)
    felt = _felt_differently(arrays, [(i, felt) for i, _, _, felt in answers if felt], veiled)
    rows = np.concatenate([found.rise, found.fall, *(side for pair in found.sides for side in pair)])
    ids = {*arrays.ids[rows].tolist(), *(i for some in felt.values() for i in some[:TOGETHER])}
    photos = Photo.objects.by_default().with_renditions().in_bulk(ids)

    def of(chosen: NDArray[np.intp]) -> list[Photo]:
        return [photos[int(i)] for i in arrays.ids[chosen] if int(i) in photos]

    shift = dict(zip(arrays.ids.tolist(), found.shift.tolist(), strict=True)) if len(rows) else {}
    return You(
        count=len(answers),
        marks=sum(value is not None or hidden for _, value, hidden, _ in answers),
        known=round(100 * found.known),
        rise=[Moved(photo, shift[photo.pk]) for photo in of(found.rise)],
        fall=[Moved(photo, shift[photo.pk]) for photo in of(found.fall)],
        directions=[_told(of(low), of(high), s) for (high, low), s in zip(found.sides, found.standings, strict=True)],
        differently=[
            Differently(MOODS[seen], MOODS[mood], len(ids), [photos[i] for i in ids[:TOGETHER] if i in photos])
            for (seen, mood), ids in sorted(felt.items(), key=lambda pair: -len(pair[1]))
        ],
    )


def _found(arrays: shortlist.Arrays, visitor: Visitor, veiled: tuple[str, ...], gone: list[int]) -> _Found:
    """What a visitor's posterior says of the photographs."""
    prior = interface.prior(arrays.network_id)
    beauty = learning.taste_of(visitor.pk, arrays.network_id, prior).beauty
    mean = beauty.mean
    shift = directions.shifts(arrays, mean)
    free = _free(arrays, veiled)
    rows = rows_of(arrays, gone)
    free[rows[rows >= 0]] = False
    rise, fall = directions.extremes(arrays, shift, free, STRIP)
    axes = _axes(arrays.network_id)
    return _Found(
        rise[shift[rise] > 0],
        fall[shift[fall] < 0],
        shift,
        arrays.once(("sides", veiled), lambda: _sides(arrays, veiled)),
        [directions.standing(axis, prior.covariance, mean, beauty.precision) for axis in axes],
        directions.known(directions.sample(arrays), prior.covariance, beauty.precision),
    )


@lru_cache(maxsize=4)
def _axes(network_id: int) -> NDArray[np.floating]:
    return directions.strongest(interface.prior(network_id).covariance, EMBEDDED, DIRECTIONS)


def _sides(arrays: shortlist.Arrays, veiled: tuple[str, ...]) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]:
    """The rows at the high and at the low end of each direction, none twice."""
    found: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    free = _free(arrays, veiled)
    for axis in _axes(arrays.network_id):
        taken = [int(row) for pair in found for side in pair for row in side]
        values = arrays.embedding @ axis[:EMBEDDED].astype(np.float32)
        found.append(directions.extremes(arrays, values, free, SIDES, taken))
    return tuple(found)


def _free(arrays: shortlist.Arrays, veiled: Collection[str]) -> NDArray[np.bool_]:
    """Photographs that may be shown unasked: not sensitive, of no veiled mood."""
    floor, free = interface.prior(arrays.network_id).floor, ~arrays.sensitive
    for slug in veiled:
        column = interface.MOODS.index(slug)
        free &= arrays.probability[:, column] < floor[column]
    return free


def _veiled(arrays: shortlist.Arrays, ids: Sequence[int], veiled: Collection[str]) -> set[int]:
    """Which of the photographs are of a veiled mood."""
    rows, free = rows_of(arrays, ids), _free(arrays, veiled) | arrays.sensitive
    return {photo_id for photo_id, row in zip(ids, rows, strict=True) if row >= 0 and not free[row]}


def _felt_differently(
    arrays: shortlist.Arrays, felt: Sequence[tuple[int, str]], veiled: Collection[str]
) -> dict[tuple[str, str], list[int]]:
    """Photographs by (the mood that the network sees most of, the mood that was felt), where these differ."""
    rows = rows_of(arrays, [photo_id for photo_id, _ in felt])
    hidden = _veiled(arrays, [photo_id for photo_id, _ in felt], veiled)
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (photo_id, mood), row in zip(felt, rows, strict=True):
        seen = interface.MOODS[int(arrays.probability[row].argmax())] if row >= 0 else mood
        if seen != mood:
            found[seen, mood].append(photo_id)
    return {pair: sorted(ids, key=lambda i: i in hidden) for pair, ids in found.items()}


def _told(low: list[Photo], high: list[Photo], standing: directions.Standing) -> Direction:
    """A direction as it is drawn and said: its low end to the left."""

    def place(sd: float) -> float:
        return round(50 + 50 * float(np.clip(sd / FURTHEST, -1, 1)), 1)

    first, end = place(standing.at - standing.spread), place(standing.at + standing.spread)
    return Direction(low, high, place(standing.at), first, round(end - first, 1), _sentence(standing))


def _sentence(standing: directions.Standing) -> str:
    if standing.surely < LEANS:
        return "Too early to say which way you lean."
    side = "the last three" if standing.at > 0 else "the first three"
    how = "far more" if abs(standing.at) > 1 else "more"
    return f"You like {side} {how} than most{'' if standing.surely >= SURELY else ', probably'}."
