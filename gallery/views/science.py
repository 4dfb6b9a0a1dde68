"""The networks' page: the report's table beside ours, and the card of the network that ranks the site."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from gallery import cards, reproduction
from ml import interface

NONE_YET = "The report's networks have not been reproduced here yet."
COMMAND = "manage.py reproduce --data oasis:DIR --data flickr8k:DIR --small --page static/science"
AN_HOUR = 3600


@require_safe
def science(request: HttpRequest) -> HttpResponse:
    network = interface.active()
    card = interface.card(network.id)
    context = {
        "network": network,
        "card": card,
        "figures": cards.figures(card),
        "learnt_from": cards.data(card),
        "calibration": cards.calibration(card),
        "reproduction": reproduction.newest(),
        "command": COMMAND,
    }
    return render(request, "science.html", context)


@require_safe
@cache_control(public=True, max_age=AN_HOUR)
def reproduction_json(request: HttpRequest) -> HttpResponse:
    found = reproduction.newest()
    if found is None:
        problem = {"title": NONE_YET, "status": 404}
        return JsonResponse(problem, status=404, content_type="application/problem+json")
    return JsonResponse(found.document, json_dumps_params={"ensure_ascii": False})
