"""Verbs that write, one transaction each: visits, ratings, what is learnt from them."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.utils import timezone

from accounts.models import Visitor
from gallery import people
from gallery.models import Photo, Rating, RatingEvent, Score, Visit
from gallery.moods import MOODS
from gallery.rank import learning, ranking, shortlist
from ml import interface

IDLE = timedelta(minutes=30)  # a visit ends after this long without a page
PAGE = 30  # photographs a page; Flickr's terms allow no more of theirs
READY = 200  # ids ordered ahead
SORTS = ("for_you", "beautiful", "newest", "surprise")


class NoSuchPage(Exception):
    """A page that a visit has not come to; `furthest` is the last that can be asked for."""

    def __init__(self, furthest: int) -> None:
        super().__init__(f"The furthest page is {furthest}.")
        self.furthest = furthest


@dataclass(frozen=True)
class Page:
    """One page of a mood: photo ids in order; the last `loose` fit only loosely; its first place in the visit."""

    number: int
    ids: list[int]
    has_next: bool
    loose: int
    first_place: int
    network_id: int | None = None  # the network that ordered it; None where nothing is scored yet, or none is known


def open_visit(*, visitor: Visitor, mood: str, sort: str = "for_you", fresh: bool = False, came_with: int = 0) -> Visit:
    """The visitor's open visit to a mood, or a new one where there is none, it idled too long, or `fresh` is asked for.

    `came_with`: how many pages a newcomer had looked at before its cookie came back; the new visit goes on from them.
    """
    if not fresh:
        since = timezone.now() - IDLE
        visit = (
            Visit.objects.filter(visitor=visitor, mood=mood, sort=sort, last_at__gte=since).order_by("-last_at").first()
        )
        if visit is not None:
            return visit
    visit = Visit(visitor=visitor, mood=mood, sort=sort, seed=secrets.randbits(62))
    if not fresh:
        _add_seen(visit, came_with)
    visit.save(force_insert=True)
    return visit


def _add_seen(visit: Visit, came_with: int) -> None:
    """Add the generic pages that a newcomer saw: its first page too, as long as it said nothing."""
    arrays = shortlist.current()
    if Visit.objects.filter(visitor=visit.visitor).exists():
        return
    for number in range(1, 1 + (came_with or not visit.visitor.ratings.exists())):
        page = generic_page(mood=visit.mood, number=number, sort=visit.sort, arrays=arrays)
        if page.ids and arrays is not None:
            _add_page(visit, page.ids, arrays)
        if not page.has_next:
            break


def _add_page(visit: Visit, ids: list[int], arrays: shortlist.Arrays) -> None:
    """Keep a page as shown, with the network that ordered it and how many of it that network finds loose."""
    behind = len(visit.pages)  # pages of before these were kept
    visit.loose += [0] * (behind - len(visit.loose)) + [_loose_among(ids, visit.mood, arrays)]
    visit.networks += [0] * (behind - len(visit.networks)) + [arrays.network_id]
    visit.shown += ids
    visit.pages.append(len(visit.shown))


@transaction.atomic
def turn_page(*, visit: Visit, number: int) -> Page:
    """The page of a visit: as it was if it was shown before, else the next photographs, which are then kept as shown.

    Raises NoSuchPage for a page further than the next one.
    """
    visit = Visit.objects.select_for_update().get(pk=visit.pk)
    arrays = shortlist.current()
    if number > len(visit.pages) + 1 or number < 1:
        raise NoSuchPage(len(visit.pages) + 1)
    if number == len(visit.pages) + 1:
        _turn_to_next(visit, arrays)
    else:
        if number == len(visit.pages) and not visit.upcoming and arrays is not None:
            # Not ordered yet (a newcomer's first page came without a visit), or not since a rating.
            visit.upcoming, visit.shortlist_id = _order(visit, arrays), arrays.version
        visit.save(update_fields=["last_at", "upcoming", "shortlist_id"])
    return _page_of(visit, number)


def _turn_to_next(visit: Visit, arrays: shortlist.Arrays | None) -> None:
    if arrays is None:
        return
    if not visit.upcoming or visit.shortlist_id != arrays.version:
        visit.upcoming = _order(visit, arrays)
        visit.shortlist_id = arrays.version
    page, rest = visit.upcoming[:PAGE], visit.upcoming[PAGE:]
    if page:
        _add_page(visit, page, arrays)
    visit.upcoming = rest or (_order(visit, arrays) if len(page) == PAGE else [])
    visit.save()


def _order(visit: Visit, arrays: shortlist.Arrays) -> list[int]:
    """The next ids for this visitor: by taste drawn from its posterior with the visit's seed (Thompson sampling)."""
    beauty = felt = None
    if visit.sort == "for_you":
        prior = interface.prior(arrays.network_id)
        taste = learning.taste_of(visit.visitor_id, arrays.network_id, prior)
        rng = np.random.default_rng([visit.seed, len(visit.pages)])
        beauty, felt = taste.draw(interface.MOODS.index(visit.mood), rng)
    hidden = Rating.objects.filter(visitor_id=visit.visitor_id, hidden=True).values_list("photo_id", flat=True)
    order = ranking.order(
        arrays,
        interface.MOODS.index(visit.mood),
        _floor(arrays, visit.mood),
        beauty=beauty,
        felt=felt,
        exclude={*visit.shown, *hidden},
        count=READY,
        page=PAGE,
        sort=visit.sort,
        seed=visit.seed,
    )
    return [int(i) for i in order.ids]


def _floor(arrays: shortlist.Arrays, mood: str) -> float:
    """The probability below which a photograph does not fit the mood."""
    return float(interface.prior(arrays.network_id).floor[interface.MOODS.index(mood)])


def _page_of(visit: Visit, number: int) -> Page:
    ends = [0, *visit.pages]
    if number >= len(ends):
        return Page(number, [], has_next=False, loose=0, first_place=len(visit.shown))
    first, last = ends[number - 1], ends[number]
    ids = visit.shown[first:last]
    has_next = number < len(visit.pages) or bool(visit.upcoming)
    loose, network_id = ((rows[number - 1 : number] or [0])[0] for rows in (visit.loose, visit.networks))
    return Page(number, ids, has_next, loose, first, network_id or None)


def _loose_among(ids: list[int], mood: str, arrays: shortlist.Arrays) -> int:
    """How many at the end of a page lie below the mood's floor of fit."""
    if not ids:
        return 0
    below = ranking.below_floor(arrays, interface.MOODS.index(mood), _floor(arrays, mood), ids)
    count = 0
    for is_below in reversed(below):
        if not is_below:
            break
        count += 1
    return count


def generic_page(*, mood: str, number: int, sort: str = "for_you", arrays: shortlist.Arrays | None = None) -> Page:
    """A page for somebody without a cookie: the generic order, without luck. Raises NoSuchPage beyond its end.

    arrays: what it is ordered from, for several pages that belong together; what is in use now by default.
    """
    arrays = arrays or shortlist.current()
    if arrays is None:
        return Page(1, [], has_next=False, loose=0, first_place=0)
    ids = _generic_order(arrays, mood, sort)
    furthest = max(1, -(-len(ids) // PAGE))
    if not 1 <= number <= furthest:
        raise NoSuchPage(furthest)
    page, first = list(ids[(number - 1) * PAGE : number * PAGE]), (number - 1) * PAGE
    return Page(number, page, number < furthest, _loose_among(page, mood, arrays), first, arrays.network_id)


def _generic_order(arrays: shortlist.Arrays, mood: str, sort: str) -> tuple[int, ...]:
    """Made once a version of the shortlist, which is of one network and certain photographs."""

    def order() -> tuple[int, ...]:
        found = ranking.order(
            arrays,
            interface.MOODS.index(mood),
            _floor(arrays, mood),
            count=READY,
            page=PAGE,
            sort=sort,
            seed=arrays.version,
        )
        return tuple(int(i) for i in found.ids)

    return arrays.once(("generic", mood, sort), order)


@transaction.atomic
def rate(
    *,
    visitor: Visitor,
    photo: Photo,
    value: int | None = None,
    hidden: bool | None = None,
    felt: str | None = None,
    mood: str = "",
    place: int | None = None,
) -> Rating:
    """Keep what a visitor says of a photograph, learn from it, and let the next page be ordered anew.

    None leaves that part as it is; felt="" takes a feeling back. One Rating a visitor and photograph, changeable.
    """
    learning.alone_with(visitor.pk, photo.pk)
    rating, made = Rating.objects.select_for_update().get_or_create(
        visitor=visitor, photo=photo, defaults={"mood": mood, "place": place}
    )
    before = learning.answers_of(None if made else rating)
    if value is not None:
        rating.value, rating.hidden = value, False
    if hidden is not None:
        rating.hidden = hidden
    if felt is not None:
        rating.felt = felt
    rating.save()
    _record(rating)
    _learn(visitor, photo, before, learning.answers_of(rating))
    return rating


@transaction.atomic
def unrate(*, visitor: Visitor, photo: Photo) -> None:
    """Take back everything a visitor said of a photograph; what was learnt from it is unlearnt exactly."""
    learning.alone_with(visitor.pk, photo.pk)
    rating = Rating.objects.select_for_update().filter(visitor=visitor, photo=photo).first()
    if rating is None:
        return
    before = learning.answers_of(rating)
    rating.value, rating.hidden, rating.felt = None, False, ""
    _record(rating)
    rating.delete()
    _learn(visitor, photo, before, learning.answers_of(None))


@transaction.atomic
def undo_last(*, visitor: Visitor) -> bool:
    """Say of a photograph what was said of it before the last thing that this visitor said; False if there is none.

    Undoing is itself something said, so that undoing once more brings it back.
    """
    Visitor.objects.select_for_update().get(pk=visitor.pk)
    events = RatingEvent.objects.filter(visitor=visitor).select_related("photo").order_by("-pk")
    latest = events.first()
    if latest is None:
        return False
    earlier = events.filter(photo_id=latest.photo_id, pk__lt=latest.pk).first()
    if earlier is None or learning.answers_of(earlier) == learning.Answers():
        unrate(visitor=visitor, photo=latest.photo)
        return True
    rating, made = Rating.objects.select_for_update().get_or_create(visitor=visitor, photo=latest.photo)
    before = learning.answers_of(None if made else rating)
    rating.value, rating.hidden, rating.felt = earlier.value, earlier.hidden, earlier.felt
    rating.save()
    _record(rating)
    _learn(visitor, latest.photo, before, learning.answers_of(rating))
    return True


def _record(rating: Rating) -> None:
    RatingEvent.objects.create(
        visitor_id=rating.visitor_id,
        photo_id=rating.photo_id,
        value=rating.value,
        hidden=rating.hidden,
        felt=rating.felt,
    )


def _learn(visitor: Visitor, photo: Photo, before: learning.Answers, after: learning.Answers) -> None:
    if before != after:
        for score in Score.objects.filter(photo=photo, network__in=interface.in_use()):
            learning.follow(visitor.pk, score, before=before, after=after)
    since = timezone.now() - IDLE
    Visit.objects.filter(visitor=visitor, last_at__gte=since).update(
        shortlist=None, last_at=timezone.now()
    )  # order anew


@transaction.atomic
def forget(*, visitor: Visitor) -> None:
    """Everything a visitor said and was shown is gone, and so is what was learnt from it."""
    people.forget(visitor)


@transaction.atomic
def accept_moods(*, visitor: Visitor, mood: str = "") -> None:
    """The visitor agreed, once, to see Sad, Fear and Anger; a mood that they had veiled themselves is shown again."""
    visitor = Visitor.objects.select_for_update().get(pk=visitor.pk)
    visitor.shows_opt_in_moods |= mood not in MOODS or MOODS[mood].opt_in
    visitor.hidden_moods = [slug for slug in visitor.hidden_moods if slug != mood]
    visitor.save(update_fields=["shows_opt_in_moods", "hidden_moods"])
