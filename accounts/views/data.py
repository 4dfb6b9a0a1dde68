"""What belongs to somebody: to have as a file, to be forgotten, to leave."""

import uuid

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import actions, exports, tasks
from accounts.middleware import forget_cookie, known
from accounts.models import Export, User
from accounts.views.settings import page

NOTHING = "Nothing is known of you yet: there is nothing to write or to forget."


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for everything that is known."""
    visitor = known(request)
    if visitor is None:
        return page(request, wrong=NOTHING, status=422)
    try:
        export = exports.ask(visitor=visitor)
    except exports.TooMany as error:
        response = page(request, wrong=str(error), status=429)
        response["Retry-After"] = "86400"
        return response
    tasks.write_export.delay_on_commit(str(export.pk))
    return redirect(reverse("settings") + "#data")


@require_GET
def fetch(request: HttpRequest, key: uuid.UUID) -> HttpResponseBase:
    """The file, for whoever asked for it alone; for anybody else there is nothing here."""
    visitor = known(request)
    export = Export.objects.filter(pk=key, visitor=visitor).first() if visitor else None
    if export is None or not export.is_open:
        raise Http404
    try:
        file = exports.store().open(export.file, "rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(file, as_attachment=True, filename="evoke-data.zip", content_type="application/zip")
    add_never_cache_headers(response)
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_POST
def forget_taste(request: HttpRequest) -> HttpResponse:
    """Ratings, feelings, what was shown, and what was learnt: gone at once."""
    visitor = known(request)
    if visitor is None:
        return page(request, wrong=NOTHING, status=422)
    actions.forget_taste(visitor=visitor)
    messages.success(request, "Forgotten: it knows nothing of your taste any more.")
    return redirect("settings")


@require_POST
def forget_me(request: HttpRequest) -> HttpResponse:
    """All of an anonymous visitor, with the cookie. Members delete their account instead."""
    visitor = known(request)
    if visitor is not None and visitor.user_id is not None:
        return redirect("leave")
    if visitor is not None:
        actions.forget_visitor(visitor=visitor)
    forget_cookie(request)
    request.session.flush()
    messages.success(request, "Forgotten: to this site you are a stranger again.")
    return redirect("home")


@login_required
@reauthentication_required
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest) -> HttpResponse:
    """Delete the account: asked once more, then signed out; signing in within two weeks takes it back."""
    context = {"grace": actions.GRACE.days}
    if request.method != "POST":
        return render(request, "account/leave.html", context)
    assert isinstance(request.user, User)  # noqa: S101 (login_required)
    try:
        actions.ask_to_leave(user=request.user)
    except actions.MayNotLeave as error:
        return render(request, "account/leave.html", context | {"wrong": str(error)}, status=422)
    leaves_at = request.user.leaves_at
    logout(request)
    return render(request, "account/left.html", context | {"leaves_at": leaves_at})
