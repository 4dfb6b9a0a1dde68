"""A mood's photographs, the most beautiful for this visitor first."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.middleware import greet, visitor_of
from gallery import actions, queries
from gallery.forms import LookForm
from gallery.moods import MOODS, Mood
from gallery.views.parts import Request, of_flickr, ordered_by, private, veiled

SORTS = {"for_you": "For you", "beautiful": "Most beautiful", "newest": "Newest", "surprise": "Surprise me"}
SENTENCES = {
    "for_you": "The most beautiful first, then by what you like.",
    "beautiful": "The most beautiful first, for people on average.",
    "newest": "Those that came last, first.",
    "surprise": "In no order at all.",
}


@require_safe
def mood(request: Request, slug: str) -> HttpResponse:
    mood, form = MOODS.get(slug), LookForm(request.GET)
    if mood is None or not form.is_valid():
        raise Http404
    look = form.cleaned_data
    if slug in veiled(request):
        return private(render(request, "veil.html", {"mood": mood, "photo": queries.one_of(slug)}))
    try:
        page = _page(request, mood, look)
    except actions.NoSuchPage as error:
        return redirect(_address(mood, look["sort"], error.furthest))
    part = bool(request.htmx) and not request.htmx.history_restore_request
    template = "_mood_grid.html" if part else "mood.html"
    response = render(request, template, _context(request, mood, look, page) | {"is_part": part})
    return private(ordered_by(response, page.network_id))


def _page(request: Request, mood: Mood, look: dict[str, Any]) -> actions.Page:
    """The generic page for somebody whose cookie has not come back yet, a page of the visit for everybody else."""
    if request.visitor_id is None:
        greet(request)
        return actions.generic_page(mood=mood.slug, number=look["page"], sort=look["sort"])
    visitor = visitor_of(request)
    visit = actions.open_visit(visitor=visitor, mood=mood.slug, sort=look["sort"], came_with=max(1, look["page"] - 1))
    return actions.turn_page(visit=visit, number=look["page"])


def _context(request: Request, mood: Mood, look: dict[str, Any], page: actions.Page) -> dict[str, Any]:
    tight, loose = queries.wall(page, request.visitor_id)
    theirs = of_flickr([shown.photo for shown in tight + loose])
    return {
        "mood": mood,
        "look": look,
        "page": page,
        "tight": tight,
        "loose": loose,
        "loose_count": len(loose),
        "sorts": SORTS.items(),
        "sorts_sentence": SENTENCES[look["sort"]],
        "here": _address(mood, look["sort"], page.number),
        "next_url": _address(mood, look["sort"], page.number + 1),
        "previous_url": _address(mood, look["sort"], page.number - 1),
        # Flickr's terms: at most thirty of theirs on a page, so that "more" replaces it.
        "loads_in_place": not theirs,
        "shows_flickr": theirs,
        "nothing_scored": not page.ids and queries.nothing_scored(),
    }


def _address(mood: Mood, sort: str, number: int) -> str:
    asked = {"sort": sort if sort != "for_you" else None, "page": number if number > 1 else None}
    query = urlencode({key: value for key, value in asked.items() if value})
    return reverse("mood", args=[mood.slug]) + (f"?{query}" if query else "")
