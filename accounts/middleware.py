"""Who is looking: a signed cookie that holds a random number and nothing else."""

import uuid
from collections.abc import Callable
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse

from accounts.models import Visitor

COOKIE = "evoke_visitor"
MAX_AGE = 400 * 24 * 3600  # the longest that browsers keep a cookie
SALT = "evoke.visitor"


class VisitorMiddleware:
    """Gives each request `visitor_id` (from the cookie, or None) and sets the cookie where a view asked for one.

    No row is written here: `visitor_of` makes the Visitor at the first thing worth keeping.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known = request.visitor_id = _read(request)  # type: ignore[attr-defined]
        response = self.get_response(request)
        wanted = request.visitor_id  # type: ignore[attr-defined]
        if wanted != known:
            _write(response, wanted, secure=request.is_secure())
        return response


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


def visitor_of(request: Any) -> Visitor:
    """The request's visitor, made now if need be: for writes, and for a visitor who came back with a cookie."""
    greet(request)
    return Visitor.objects.get_or_create(pk=request.visitor_id)[0]
