"""From one mood to another, a photograph at a time."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.middleware import greet, visitor_of
from gallery import journeys, queries
from gallery.forms import JourneyForm
from gallery.models import Photo, Visit
from gallery.moods import MOODS, Mood
from gallery.rank.journey import STEPS
from gallery.views.parts import Request, of_flickr, private, veiled

GOAL = "happy"  # where most want to go


@require_safe
def journey(request: Request) -> HttpResponse:
    """Where from and where to; then the first step."""
    form = JourneyForm(request.GET)
    if not form.is_valid():
        return _choose(request, form, form.sentence, status=400)
    if not form.is_whole:
        return _choose(request, form)
    start, goal, number = (form.cleaned_data[name] for name in ("from", "to", "step"))
    if veil := _veil(request, start, goal):
        return veil
    if request.visitor_id is None:
        greet(request)
        return _generic(request, MOODS[start], MOODS[goal], number)
    visit = journeys.set_out(
        visitor=visitor_of(request), start=start, goal=goal, veiled=veiled(request), goes_on=number > 1
    )
    if visit is None:
        return _nowhere(request, MOODS[start], MOODS[goal])
    return private(redirect("journey_step", visit.pk, number))


@require_safe
def journey_step(request: Request, pk: int, number: int) -> HttpResponse:
    """A step of somebody's own journey; to anybody else there is none."""
    visit = get_object_or_404(Visit, pk=pk, visitor_id=request.visitor_id, sort=journeys.SORT)
    start, goal = MOODS.get(visit.filters.get("from", "")), MOODS.get(visit.filters.get("to", ""))
    if start is None or goal is None:
        raise Http404
    if veil := _veil(request, start.slug, goal.slug):
        return veil

    def address(step: int | str) -> str:
        return reverse("journey_step", args=[pk, step])

    return _step(request, start, goal, visit.shown, number, address)


def _generic(request: Request, start: Mood, goal: Mood, number: int) -> HttpResponse:
    """The walk of somebody whose cookie has not come back yet: they are nobody's steps, so the address names them."""
    ids = journeys.generic(start.slug, goal.slug, veiled(request))
    if not ids:
        return _nowhere(request, start, goal)

    def address(step: int | str) -> str:
        return f"{_asked(start, goal)}&step={step}"

    return _step(request, start, goal, ids, number, address)


def _step(request: Request, start: Mood, goal: Mood, ids: list[int], number: int, address: Any) -> HttpResponse:
    """The page of a step: its photograph; the end, one step beyond the last."""
    context: dict[str, Any] = {"start": start, "goal": goal, "again": _asked(start, goal)}
    found = journeys.step(ids, number) if number <= len(ids) else None
    if isinstance(found, int):
        return private(redirect(address(found)))
    if found is None:
        if number > len(ids) + 1:
            return private(redirect(address(len(ids) + 1)))
        context |= {"before": address(len(ids)), "last": next(iter(queries.photographs(ids[-1:])), None)}
        return private(render(request, "journey_end.html", context))
    context |= {
        "step": found,
        "photo": found.photo,
        "sizes": _sizes(found.photo),
        "next_sizes": _sizes(found.following) if found.following else "",
        "rating": queries.rating(request.visitor_id, found.photo),
        "before": address(found.before) if found.before else "",
        "after": address(found.after or len(ids) + 1),
        "here": address(number),
        "short": len(ids) if number == 1 and len(ids) < STEPS else 0,
        "shows_flickr": of_flickr([found.photo]),
        "left": round(100 * (found.place - 1) / max(1, found.among - 1), 1),
    }
    return private(render(request, "journey_step.html", context))


def _sizes(photo: Photo) -> str:
    """How wide it is shown: at most what the window holds beside the lines at its head and foot."""
    return f"min(100vw, {90 * photo.width / photo.height:.0f}vh)"


def _veil(request: Request, *slugs: str) -> HttpResponse | None:
    """What asks first, where either end is a mood not agreed to."""
    hidden = veiled(request)
    slug = next((slug for slug in slugs if slug in hidden), None)
    if slug is None:
        return None
    context = {"mood": MOODS[slug], "photo": queries.one_of(slug), "next": request.get_full_path()}
    return private(render(request, "veil.html", context))


def _choose(request: Request, form: JourneyForm, wrong: str = "", status: int = 200) -> HttpResponse:
    chosen = {name: request.GET.get(name, "") for name in ("from", "to")}
    if not chosen["to"] and chosen["from"] != GOAL:
        chosen["to"] = GOAL
    context = {"moods": MOODS.values(), "from": chosen["from"], "to": chosen["to"], "wrong": wrong}
    return private(render(request, "journey.html", context, status=status))


def _nowhere(request: Request, start: Mood, goal: Mood) -> HttpResponse:
    context = {"start": start, "goal": goal, "nothing_scored": queries.nothing_scored()}
    return private(render(request, "journey_nowhere.html", context))


def _asked(start: Mood, goal: Mood) -> str:
    return f"{reverse('journey')}?{urlencode({'from': start.slug, 'to': goal.slug})}"
