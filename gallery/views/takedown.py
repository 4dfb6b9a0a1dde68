"""Asking that a photograph, or all of a creator's, be taken down: a form for anybody, and what became of a request."""

from math import ceil
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from gallery import queries
from gallery.collect import removals
from gallery.forms import TakedownForm
from gallery.models import Takedown
from gallery.views.parts import for_its_holder, private, whose


@require_http_methods(["GET", "HEAD", "POST"])
def takedown(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _form(request, TakedownForm(initial={"photo": request.GET.get("photo", "")[:1000]}))
    form = TakedownForm(request.POST)
    if not form.is_valid():
        return _form(request, form, form.sentence, status=422)
    if wait := removals.may_ask(whose(request)):
        response = _form(request, form, "Many requests came from you today: send the next one later.", status=429)
        response["Retry-After"] = str(ceil(wait))
        return response
    try:
        kept = _ask(form.cleaned_data)
    except removals.TakedownError as error:
        return _form(request, form, str(error), status=422)
    return redirect("takedown_status", kept.receipt)


def _ask(said: dict[str, Any]) -> Takedown:
    why = {"reason": said["reason"], "email": said["email"]}
    if said["photo"]:
        return removals.ask(photo=removals.find(said["photo"]), **why)
    return removals.ask(creator=removals.who(said["creator"], said["source"]), **why)


def _form(request: HttpRequest, form: TakedownForm, wrong: str = "", status: int = 200) -> HttpResponse:
    asked = str(form["photo"].value() or "")
    photo = queries.photographs([int(asked)]) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else []
    context = {"form": form, "wrong": wrong, "photo": photo[0] if photo else None, "most": removals.MOST_AT_ONCE}
    return private(render(request, "takedown.html", context, status=status))


@require_safe
def takedown_status(request: HttpRequest, receipt: str) -> HttpResponse:
    """What became of a request, for whoever holds its receipt; the address is not to be found by anybody else."""
    kept = get_object_or_404(Takedown, receipt=receipt)
    context = {
        "takedown": kept,
        "hidden": len(kept.hidden),
        "waits": removals.waits(kept),
        "address": request.build_absolute_uri(),
    }
    return for_its_holder(render(request, "takedown_status.html", context))
