"""The first page: six moods, each a live photograph."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery import queries
from gallery.views.parts import Request, of_flickr, private, veiled


@require_safe
def home(request: Request) -> HttpResponse:
    panels = queries.panels(request.visitor_id, veiled=veiled(request))
    photos = [panel.photo for panel in panels if panel.photo]
    context = {"panels": panels, "empty": not photos, "shows_flickr": of_flickr(photos)}
    return private(render(request, "home.html", context))


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "about.html", {"count": queries.count()})
