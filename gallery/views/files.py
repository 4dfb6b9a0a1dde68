"""Renditions, served with names that never mean anything else. Originals are in another store, and not served."""

import re

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

# Names as intake makes them: lower case, no dot but the one before the ending, so no way up.
NAME = re.compile(r"renditions(/[0-9a-z][0-9a-z_-]*)+\.(?P<ending>avif|webp)")
FOR_EVER = "public, max-age=31536000, immutable"


@require_safe
def media(request: HttpRequest, name: str) -> FileResponse:
    found = NAME.fullmatch(name)
    if found is None:
        raise Http404
    try:
        file = default_storage.open(name, "rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(file, content_type=f"image/{found['ending']}")
    response["Cache-Control"] = FOR_EVER
    response["X-Content-Type-Options"] = "nosniff"
    return response
