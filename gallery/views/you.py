"""What Evoke has learnt of whoever looks: in photographs, in sentences, and as every rating, to change or take back."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.middleware import known
from accounts.models import Visitor
from gallery import actions, learnt, queries
from gallery.forms import PageForm
from gallery.models import Rating
from gallery.moods import MOODS
from gallery.views import errors
from gallery.views.answers import A_MINUTE
from gallery.views.parts import Request, of_flickr, opens_sensitive, private, safe_next, veiled


@require_safe
def you(request: Request) -> HttpResponse:
    form = PageForm(request.GET)
    if not form.is_valid():
        raise Http404
    visitor = known(request)
    page = learnt.ratings(visitor, form.cleaned_data["page"]) if visitor else None
    if visitor is None or page is None or not page.paginator.count:
        return private(render(request, "you_empty.html", {"undoable": learnt.last(visitor) if visitor else None}))
    hidden = veiled(request)
    rated = learnt.said(page, veiled=hidden, shows_sensitive=opens_sensitive(request))
    found = learnt.you(visitor, veiled=hidden) if page.number == 1 else None
    photos = [each.photo for each in rated if each.photo] + (found.photos if found else [])
    context = {
        "you": found,
        "page": page,
        "rated": rated,
        "undoable": learnt.last(visitor),
        "moods": MOODS.values(),
        "here": reverse("you") + (f"?page={page.number}" if page.number > 1 else ""),
        "shows_flickr": of_flickr(photos),
    }
    return private(render(request, "you.html", context))


@require_POST
def remove(request: Request, pk: int) -> HttpResponse:
    """Take back all that was said of one photograph, which may since have been taken down."""
    visitor = known(request)
    rating = get_object_or_404(Rating.objects.select_related("photo"), visitor=visitor, photo_id=pk)
    assert visitor is not None  # noqa: S101 (a rating has one)
    if _too_many(visitor):
        return errors.too_many(request)
    actions.unrate(visitor=visitor, photo=rating.photo)
    messages.success(request, "Removed, and unlearnt.")
    return redirect(safe_next(request, reverse("you") + "#ratings"))


@require_POST
def undo(request: Request) -> HttpResponse:
    """Take back the last thing that was said, or say it again if that was taking something back."""
    visitor = known(request)
    if visitor is not None and _too_many(visitor):
        return errors.too_many(request)
    if visitor is None or not actions.undo_last(visitor=visitor):
        return errors.refused(request, "There is nothing to undo.")
    messages.success(request, "Undone.")
    return redirect(safe_next(request, reverse("you") + "#ratings"))


def _too_many(visitor: Visitor) -> bool:
    return queries.answers_lately(visitor) >= A_MINUTE
