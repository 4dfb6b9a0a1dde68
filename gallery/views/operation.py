"""For whoever operates the site, and for crawlers of search engines."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery.rank import shortlist


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process lives. Asks nothing of anybody."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """This process can serve pages: the database and the shortlist can be read (503 by the error handler if not)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    arrays = shortlist.current()
    what = "no photographs yet" if arrays is None else f"{len(arrays.ids)} photographs, shortlist {arrays.version}"
    return HttpResponse(f"ok: {what}\n", content_type="text/plain")


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    return render(request, "robots.txt", content_type="text/plain")
