"""What visitors send: what they say of a photograph, that they want to see a mood, that they begin again."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.middleware import visitor_of
from accounts.models import Visitor
from gallery import actions, queries
from gallery.forms import FreshForm, RateForm
from gallery.models import Photo, Rating
from gallery.moods import MOODS
from gallery.views import errors
from gallery.views.parts import Request, private, safe_next

A_MINUTE = 120  # answers that one visitor may give in a minute; nobody looks that fast


@require_POST
def rate(request: Request, pk: int) -> HttpResponse:
    photo = get_object_or_404(Photo.objects.on_show(), pk=pk)
    form = RateForm(request.POST)
    if not form.is_valid():
        rating = queries.rating(request.visitor_id, photo)
        return (
            _part(request, photo, rating, wrong=form.sentence)
            if request.htmx
            else errors.refused(request, form.sentence)
        )
    visitor = visitor_of(request)
    if queries.answers_lately(visitor) >= A_MINUTE:
        return errors.too_many(request)
    rating = _keep(visitor, photo, form)
    if request.htmx:
        return _part(request, photo, rating, said=_said(form))
    return redirect(safe_next(request, photo.get_absolute_url()))


def _keep(visitor: Visitor, photo: Photo, form: RateForm) -> Rating | None:
    answer, place = form.answer, form.cleaned_data
    if place["mood"] and place["place"] is not None:  # said on a mood's page: what it showed belongs to the visit
        sort = place["sort"] or actions.SORTS[0]
        actions.open_visit(visitor=visitor, mood=place["mood"], sort=sort, came_with=place["place"] // actions.PAGE + 1)
    if answer.undo:
        actions.unrate(visitor=visitor, photo=photo)
        return None
    return actions.rate(
        visitor=visitor,
        photo=photo,
        value=answer.value,
        hidden=answer.hidden,
        felt=answer.felt,
        mood=place["mood"],
        place=place["place"],
    )


def _said(form: RateForm) -> str:
    """What the page tells (and a screen reader says) of what was kept."""
    answer = form.answer
    if answer.undo:
        return "Taken back."
    if answer.hidden:
        return "Less like this, from the next page on."
    if answer.value:
        return f"{answer.value} of 5. The next page follows it."
    return f"{MOODS[answer.felt].name}. The next page follows it." if answer.felt else "Taken back."


def _part(request: Request, photo: Photo, rating: Rating | None, *, said: str = "", wrong: str = "") -> HttpResponse:
    """The marks below a photograph, or the answers beside it, as they are now."""
    template = "_rate.html" if request.POST.get("part") == "answers" else "_marks.html"
    context = {
        "photo": photo,
        "rating": rating,
        "mood": MOODS.get(request.POST.get("mood", "")),
        "moods": MOODS.values(),
        "look": {"sort": request.POST.get("sort", "")},
        "place": request.POST.get("place"),
        "here": safe_next(request, photo.get_absolute_url()).partition("#")[0],
        "said": said,
        "wrong": wrong,
    }
    return private(render(request, template, context, status=422 if wrong else 200))


@require_POST
def accept_moods(request: Request) -> HttpResponse:
    actions.accept_moods(visitor=visitor_of(request), mood=request.POST.get("mood", ""))
    return redirect(safe_next(request, reverse("home")))


@require_POST
def fresh_visit(request: Request) -> HttpResponse:
    form = FreshForm(request.POST)
    if not form.is_valid():
        return errors.refused(request, "There is no such mood to begin again.")
    slug, sort = form.cleaned_data["mood"], form.cleaned_data["sort"] or actions.SORTS[0]
    actions.open_visit(visitor=visitor_of(request), mood=slug, sort=sort, fresh=True)
    return redirect(reverse("mood", args=[slug]) + (f"?sort={sort}" if sort != actions.SORTS[0] else ""))
