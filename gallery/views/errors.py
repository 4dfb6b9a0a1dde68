"""What a visitor sees when something went wrong: what happened, what to do, one photograph."""

import logging
import sys
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from gallery import queries
from gallery.models import Photo

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trouble:
    title: str
    happened: str
    to_do: str


TROUBLES = {
    400: Trouble(
        "Not understood",
        "That address or answer is not one that this page knows.",
        "Going back and trying once more may help.",
    ),
    403: Trouble(
        "Not from here",
        "The page you sent this from was too old, or your browser keeps no cookies for this site.",
        "Load the page again and send it once more.",
    ),
    404: Trouble(
        "Nothing hangs here",
        "There is no such page, or its photograph was taken down.",
        "The moods lead to every photograph that is on show.",
    ),
    429: Trouble(
        "A little slower",
        "More came from you within a minute than anybody can send.",
        "Wait a minute; all that came before is kept.",
    ),
}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 404)


def refused(request: HttpRequest, sentence: str) -> HttpResponse:
    """422: a form that holds something it should not, said in one sentence."""
    return _page(request, 422, Trouble(TROUBLES[400].title, sentence, TROUBLES[400].to_do))


def too_many(request: HttpRequest) -> HttpResponse:
    response = _page(request, 429)
    response["Retry-After"] = "60"
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 where it is only the database that does not answer. Neither page needs it."""
    unreachable = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    response = render(None, "503.html" if unreachable else "500.html", status=503 if unreachable else 500)
    if unreachable:
        response["Retry-After"] = "30"
    return response


def _page(request: HttpRequest, status: int, trouble: Trouble | None = None) -> HttpResponse:
    return render(
        request, "error.html", {"trouble": trouble or TROUBLES[status], "photo": _photograph()}, status=status
    )


def _photograph() -> Photo | None:
    """Something quiet to look at; a page about trouble must not fail for want of it."""
    try:
        with transaction.atomic():
            return queries.one_of("solitude")
    except (DatabaseError, OSError):
        logger.exception("No photograph for an error page.")
        return None
