"""Who is looking: a member by their session, anybody else by a signed cookie that holds a random number and no more.

A member's number is never in a cookie, so that nothing of theirs is left in a browser they signed out of.
"""

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from accounts.models import Visitor

COOKIE = "evoke_visitor"
MAX_AGE = 400 * 24 * 3600  # the longest that browsers keep a cookie
SALT = "evoke.visitor"
MEMBER = "evoke_member"  # the session's key for a member's visitor


class VisitorMiddleware:
    """Gives each request `visitor_id` (the member's or the cookie's, or None), sets the cookie if a view asked for it.

    No row is written here: `visitor_of` makes the Visitor at the first thing worth keeping.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        cookie = _read(request)
        request.visitor_id = _member(request) or cookie  # type: ignore[attr-defined]
        response = self.get_response(request)
        wanted = None if _session(request) else request.visitor_id  # type: ignore[attr-defined]
        if wanted != cookie:
            _write(response, wanted, secure=request.is_secure())
        return response


def _session(request: HttpRequest) -> str | None:
    """What the session says of a member's visitor; asks no database where the browser sent no session."""
    session = getattr(request, "session", None)
    return session.get(MEMBER) if session is not None else None


def _member(request: HttpRequest) -> uuid.UUID | None:
    """The visitor of whoever is signed in (two queries for them, none for others nor for photographs' files)."""
    if request.path.startswith(settings.MEDIA_URL):
        return None
    kept = _session(request)
    if kept is None:
        return None
    if not request.user.is_authenticated:  # signed out elsewhere, by a new password or for good
        del request.session[MEMBER]
        return None
    return uuid.UUID(kept)


def _read(request: HttpRequest) -> uuid.UUID | None:
    text = request.COOKIES.get(COOKIE)
    if not text:
        return None
    try:
        return uuid.UUID(signing.Signer(salt=SALT).unsign(text))
    except (signing.BadSignature, ValueError):
        return None


def _write(response: HttpResponse, visitor_id: uuid.UUID | None, *, secure: bool) -> None:
    if visitor_id is None:
        response.delete_cookie(COOKIE, samesite="Lax")
        return
    value = signing.Signer(salt=SALT).sign(str(visitor_id))
    response.set_cookie(COOKIE, value, max_age=MAX_AGE, httponly=True, samesite="Lax", secure=secure)


def greet(request: Any) -> None:
    """Let the response set a cookie if the request had none; the next request can then be remembered."""
    if request.visitor_id is None:
        request.visitor_id = uuid.uuid4()


def known(request: Any) -> Visitor | None:
    """The request's visitor if it ever did anything worth keeping (one query a request, none without a cookie)."""
    visitor_id = getattr(request, "visitor_id", None)
    if visitor_id is None:
        return None
    kept: tuple[uuid.UUID, Visitor | None] | None = getattr(request, "_visitor", None)
    if kept is None or kept[0] != visitor_id:
        kept = request._visitor = (visitor_id, Visitor.objects.filter(pk=visitor_id).first())
    return kept[1]


def visitor_of(request: Any) -> Visitor:
    """The request's visitor, made now if need be: for writes, and for a visitor who came back with a cookie."""
    greet(request)
    found = known(request) or Visitor.objects.get_or_create(pk=request.visitor_id)[0]
    request._visitor = (request.visitor_id, found)
    return found


def forget_cookie(request: Any) -> None:
    """From this response on the browser is a stranger."""
    request.visitor_id, request._visitor = None, None
