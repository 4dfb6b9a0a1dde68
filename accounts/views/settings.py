"""How somebody wants to look: kept for members and for visitors without an account alike."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import actions, exports
from accounts.forms import SettingsForm
from accounts.middleware import known, visitor_of


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return page(request, SettingsForm(visitor=known(request)))
    form = SettingsForm(request.POST, visitor=known(request))
    if not form.is_valid():
        return page(request, form, wrong="Choose among what the page offers.", status=422)
    actions.keep_settings(visitor=visitor_of(request), chosen=form.chosen)
    messages.success(request, "Kept.")
    return redirect("settings")


def page(request: HttpRequest, form: SettingsForm | None = None, *, wrong: str = "", status: int = 200) -> HttpResponse:
    """The settings page, with what is wrong in one sentence."""
    visitor = known(request)
    context: dict[str, Any] = {
        "form": form or SettingsForm(visitor=visitor),
        "wrong": wrong,
        "known": visitor is not None,
        "exports": exports.of(visitor),
        "grace": actions.GRACE.days,
    }
    return render(request, "settings.html", context, status=status)
