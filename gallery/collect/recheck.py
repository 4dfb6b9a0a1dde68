"""Photographs on show are looked for at their source again: what is gone there goes here, a new licence is followed.

One answer is not believed: a photograph is hidden when its source has it no more on two different days. A source that
can be asked for many at once says so by a method `recheck`; of the others the page that is linked to is asked for.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, runtime_checkable

import httpx
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from gallery import licences
from gallery.collect import fetch, removals
from gallery.collect.intake import clean_url
from gallery.collect.sources.base import SourceError, State, Told
from gallery.collect.sources.registry import open_source
from gallery.models import Photo

log = logging.getLogger(__name__)
AN_HOUR = 100  # photographs: about 2,400 a day, so that 300,000 are seen three times a year
OWN = ("folder", "samples")  # the operator's own files: no other place can take them back
ENOUGH = 5  # pages in a row that cannot be reached: the fault is on this side, and nothing more is asked
GONE = (httpx.codes.NOT_FOUND, httpx.codes.GONE)


@runtime_checkable
class Rechecks(Protocol):
    """A source that can be asked about photographs it gave before."""

    def recheck(self, source_ids: Sequence[str]) -> dict[str, Told]:
        """What is told of each; ids left out are unknown. Raises SourceError where it cannot be asked now."""
        ...


@dataclass
class Seen:
    """Counts of one round."""

    asked: int = 0
    there: int = 0
    missing: int = 0
    hidden: int = 0
    relicensed: int = 0


def recheck(count: int = AN_HOUR) -> Seen:
    """Ask about the photographs that were not asked about for longest, first those that were missing before."""
    seen = Seen()
    for source, photos in groupby(sorted(_due(count), key=lambda photo: photo.source), lambda photo: photo.source):
        _recheck(source, list(photos), seen)
    return seen


def _due(count: int) -> list[Photo]:
    today = timezone.now().date()
    ours = Photo.objects.on_show().exclude(source__in=OWN)
    again = list(ours.filter(missing_since__lt=today).order_by("missing_since", "pk")[:count])
    fresh = ours.filter(missing_since=None).order_by(Coalesce("checked_at", F("added_at")), "pk")
    return again + list(fresh[: count - len(again)])


def _recheck(source: str, photos: list[Photo], seen: Seen) -> None:
    opened = _opened(source)
    if opened is None:
        return _visit(photos, seen)
    try:
        told = opened.recheck([photo.source_id for photo in photos])
    except SourceError as error:
        log.warning("%s could not be asked about its photographs: %s", source, error)
        return None
    for photo in photos:
        _keep(photo, told.get(photo.source_id, Told("unknown")), seen)


def _opened(source: str) -> Rechecks | None:
    """The source if it is one that can be asked; None also where it lacks what it needs (a key)."""
    try:
        opened = open_source(source, {})
    except SourceError:
        return None
    return opened if isinstance(opened, Rechecks) else None


def _visit(photos: list[Photo], seen: Seen) -> None:
    """Ask for the pages, one after the other."""
    silent = 0
    with fetch.Fetcher() as fetcher:
        for photo in photos:
            status = page_status(fetcher, photo.source_url) if photo.source_url else None
            silent = silent + 1 if status is None and photo.source_url else 0
            if silent >= ENOUGH:
                log.warning("%s pages in a row cannot be reached; the rest is asked for another time.", silent)
                return
            _keep(photo, Told(_state(status)), seen)


def _state(status: int | None) -> State:
    if status in GONE:
        return "gone"
    return "there" if status == httpx.codes.OK else "unknown"


def page_status(fetcher: fetch.Fetcher, url: str) -> int | None:
    """The HTTP status behind an address after its redirects, public addresses only; None where nothing answers."""
    try:
        return fetcher.read(url, most=1).status
    except fetch.NotFetched:
        return None


def _keep(photo: Photo, told: Told, seen: Seen) -> None:
    """Write what was told, unless the photograph was hidden or removed meanwhile."""
    now = timezone.now()
    new: dict[str, Any] = {"checked_at": now}
    seen.asked += 1
    if told.state == "gone":
        seen.missing += 1
        new["missing_since"] = photo.missing_since or now.date()
        if new["missing_since"] < now.date():
            seen.hidden += 1
            new |= {"status": Photo.Status.HIDDEN, "removed_because": removals.GONE, "removed_at": now}
    elif told.state == "there":
        seen.there += 1
        new |= {"missing_since": None, **_licence(photo, told, seen)}
    Photo.objects.filter(pk=photo.pk, status=Photo.Status.SHOWN).update(**new)


def _licence(photo: Photo, told: Told, seen: Seen) -> dict[str, Any]:
    """The licence as it is told now; nothing where the source does not say, or says what nobody knows."""
    slug, version = licences.parse(told.licence, told.licence_url)
    if slug == "unknown":
        return {}
    seen.relicensed += slug != photo.licence
    today = timezone.now().date()
    if (slug, version) == (photo.licence, photo.licence_version):
        return {"licence_seen": today}
    return {
        "licence": slug, "licence_version": version, "licence_url": clean_url(told.licence_url, 500),
        "licence_seen": today,
    }  # fmt: skip
