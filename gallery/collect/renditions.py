"""Renditions of photographs that the crawl stored without: made one by one, in the background, by all cores."""

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future

from django.core.files.storage import default_storage, storages
from django.db import transaction

from gallery.collect.intake import store
from gallery.collect.pool import Renderers, open_renderers
from gallery.collect.render import Rejected, Rendered
from gallery.locks import alone
from gallery.models import Photo, Rendition

log = logging.getLogger(__name__)
LOCK = 0x45564F52
CHUNK = 500


def pending() -> int:
    """How many photographs wait for their renditions."""
    return Photo.objects.filter(status=Photo.Status.NEW).count()


def render_pending(most: int | None = None) -> Iterator[int]:
    """Make renditions, oldest photograph first; yields each photograph's id. Only one process does so at a time."""
    with alone(LOCK) as mine:
        if not mine:
            return
        with open_renderers() as renderers:
            waiting: deque[tuple[Photo, bytes, Future[Rendered]]] = deque()
            for photo in _waiting(most):
                content = _content(photo)
                if content is None:
                    continue
                waiting.append((photo, content, renderers.submit(content)))
                if len(waiting) >= 2 * renderers.workers:
                    yield _next(waiting, renderers)
            while waiting:
                yield _next(waiting, renderers)


def _waiting(most: int | None) -> Iterator[Photo]:
    """By id, some hundred at a time: the collection may be large, and rows change while this goes on."""
    last, left = 0, most
    while left is None or left > 0:
        rows = Photo.objects.filter(status=Photo.Status.NEW, pk__gt=last).order_by("pk")
        chunk = list(rows[: CHUNK if left is None else min(CHUNK, left)])
        if not chunk:
            return
        yield from chunk
        last, left = chunk[-1].pk, None if left is None else left - len(chunk)


def _content(photo: Photo) -> bytes | None:
    try:
        with storages["originals"].open(str(photo.original.name)) as file:
            return bytes(file.read())
    except OSError as error:
        log.error("The original of photograph %s cannot be read (%s): it stays as it is.", photo.pk, error)
        return None


def _next(waiting: "deque[tuple[Photo, bytes, Future[Rendered]]]", renderers: Renderers) -> int:
    photo, content, due = waiting.popleft()
    try:
        _write(photo, renderers.result(content, due))
    except Rejected as error:  # it was checked when it came; only its cost can be too high now
        log.error("Photograph %s cannot be rendered (%s): it is held for review.", photo.pk, error)
        Photo.objects.filter(pk=photo.pk, status=Photo.Status.NEW).update(status=Photo.Status.HELD)
    return photo.pk


def _write(photo: Photo, rendered: Rendered) -> None:
    """Files first; then rows, and on show. A takedown that came meanwhile stands."""
    for picture in rendered.pictures:
        store(default_storage, picture.name, picture.content)
    with transaction.atomic():
        Rendition.objects.bulk_create(
            [
                Rendition(
                    photo=photo, width=p.width, height=p.height, format=p.format, file=p.name, bytes=len(p.content)
                )
                for p in rendered.pictures
            ],
            ignore_conflicts=True,
        )
        row = Photo.objects.filter(pk=photo.pk)
        row.update(thumbhash=rendered.thumbhash, colour=rendered.colour)
        row.filter(status=Photo.Status.NEW).update(status=Photo.Status.SHOWN)
