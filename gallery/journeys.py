"""Journeys: walks from mood to mood, kept as visits so that they are forgotten, exported, brought along as these are.

A journey is a Visit of the sort "journey": `mood` is where it begins, `filters` say from where to where, `shown` are
its photographs. Its address holds its number alone, so that it tells nobody of a mood.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.utils import timezone

from accounts.models import Visitor
from gallery.models import Photo, Rating, Visit
from gallery.moods import MOODS, Mood
from gallery.rank import journey, learning, shortlist
from ml import interface

SORT = "journey"
AGAIN = timedelta(minutes=1)  # asked for again within it (a reload, a second click), it is the same journey
REMEMBERED = 5  # earlier journeys whose photographs a new one rather does not show


@dataclass(frozen=True)
class Step:
    """One photograph of a journey, as it stands now that some may have been taken down; steps count from 1.

    before, after: the steps to go to, None at an end; place, among: which of the photographs left it is.
    """

    photo: Photo
    following: Photo | None
    before: int | None
    after: int | None
    place: int
    among: int


def generic(start: str, goal: str, veiled: Collection[str]) -> list[int]:
    """The walk for somebody of whom nothing is known (one query)."""
    arrays = shortlist.current()
    return [] if arrays is None else list(_generic(arrays, start, goal, tuple(sorted(veiled))))


@transaction.atomic
def set_out(*, visitor: Visitor, start: str, goal: str, veiled: Collection[str], goes_on: bool = False) -> Visit | None:
    """A new journey for a visitor; None where no way leads there.

    veiled: moods none of whose photographs may be shown; goes_on: they came with the first steps of the generic walk.
    """
    asked = {"from": start, "to": goal}
    theirs = Visit.objects.filter(visitor=visitor, sort=SORT)
    latest = theirs.filter(mood=start, filters=asked, started_at__gte=timezone.now() - AGAIN)
    if (visit := latest.order_by("-pk").first()) is not None:
        return visit
    seed = secrets.randbits(62)
    ids = generic(start, goal, veiled) if goes_on else _walk(visitor, start, goal, veiled, seed)
    if not ids:
        return None
    return Visit.objects.create(visitor=visitor, mood=start, sort=SORT, filters=asked, seed=seed, shown=ids)


def step(ids: list[int], number: int) -> Step | int | None:
    """The photograph of a step (three queries); the next step there is, where that one was taken down; None beyond."""
    on_show = set(Photo.objects.by_default().filter(pk__in=ids).values_list("pk", flat=True))
    left = [place for place, photo_id in enumerate(ids, 1) if photo_id in on_show]
    if number not in left:
        return next((place for place in left if place > number), None)
    place = left.index(number)
    before, after = (left[place - 1] if place else None), (left[place + 1] if place + 1 < len(left) else None)
    found = Photo.objects.with_renditions().in_bulk([ids[number - 1], *([ids[after - 1]] if after else [])])
    following = found.get(ids[after - 1]) if after else None
    return Step(found[ids[number - 1]], following, before, after, place + 1, len(left))


def _walk(visitor: Visitor, start: str, goal: str, veiled: Collection[str], seed: int) -> list[int]:
    """The ids of a walk to this visitor's taste, drawn with the seed as for a mood's page."""
    arrays = shortlist.current()
    if arrays is None:
        return []
    line = _line(arrays, start, goal, tuple(sorted(veiled)))
    if line is None:
        return []
    learnt = learning.taste_of(visitor.pk, arrays.network_id, interface.prior(arrays.network_id))
    beauty, _ = learnt.draw(interface.MOODS.index(goal), np.random.default_rng(seed))
    hidden = Rating.objects.filter(visitor=visitor, hidden=True).values_list("photo_id", flat=True)
    earlier = Visit.objects.filter(visitor=visitor, sort=SORT).order_by("-pk").values_list("shown", flat=True)
    seen = {photo_id for ids in earlier[:REMEMBERED] for photo_id in ids}
    without = [_end(arrays.network_id, MOODS[slug]) for slug in veiled]
    return journey.walk(arrays, line, beauty=beauty, exclude=set(hidden), seen=seen, without=without).ids.tolist()


def _generic(arrays: shortlist.Arrays, start: str, goal: str, veiled: tuple[str, ...]) -> tuple[int, ...]:
    """Made once a version of the shortlist, which is of one network and certain photographs."""

    def walk() -> tuple[int, ...]:
        line = _line(arrays, start, goal, veiled)
        without = [_end(arrays.network_id, MOODS[slug]) for slug in veiled]
        return () if line is None else tuple(journey.walk(arrays, line, without=without).ids.tolist())

    return arrays.once(("journey", start, goal, veiled), walk)


def _line(arrays: shortlist.Arrays, start: str, goal: str, veiled: tuple[str, ...]) -> journey.Line | None:
    """As _generic: made once a version."""

    def line() -> journey.Line | None:
        prior = interface.prior(arrays.network_id)
        from_, to, *without = (_end(arrays.network_id, MOODS[slug]) for slug in (start, goal, *veiled))
        return journey.line(arrays, from_, to, center=prior.center[1:], scale=prior.scale[1:], without=without)

    return arrays.once(("line", start, goal, veiled), line)


def _end(network_id: int, mood: Mood) -> journey.Mood:
    """A mood as the walk knows it: its column, its floor, its place."""
    column = interface.MOODS.index(mood.slug)
    return journey.Mood(column, float(interface.prior(network_id).floor[column]), mood.place)
