"""Takedowns: hidden at once, decided by a person who says why, reversible; what is removed never comes back by a crawl.

Nobody can empty the site with them: one request hides at most MOST_AT_ONCE photographs before a person has looked, all
undecided requests together MOST_UNDECIDED; what is beyond waits for the decision. Each address has a LIMIT.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.core.files.storage import default_storage, storages
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from gallery.collect import creators
from gallery.collect.creators import Creator
from gallery.collect.quota import Bucket, Limit
from gallery.models import Photo, Quota, Rendition, Takedown

ON_REQUEST = "on_request"
FILES_DELETED = "files_deleted"
GONE = "gone_at_source"
MOST_AT_ONCE = 500
MOST_UNDECIDED = 2000
KEPT = timedelta(days=30)  # files of what was removed, and the e-mail address of a decided request
LIMIT = Limit(calls=30, seconds=86_400, burst=10)
BUCKET = "takedown"
IDLE = timedelta(days=2)  # a bucket that nobody used for so long is full again, so its row is needed no more
BATCH = 500

_State = Takedown.State
_NUMBER = re.compile(r"(?:.*/photo/|#)?(\d{1,18})/?(?:[?#].*)?")
_FLICKR_PAGE = re.compile(r"(?:https?://)?(?:www\.)?flickr\.com/photos/[^/]+/(\d+)(?:[/?#].*)?")


class TakedownError(Exception):
    """A request that cannot be kept as it is, in one sentence for whoever asks."""


class Removed(NamedTuple):
    """A line of removed.csv."""

    source: str
    source_id: str
    date: date
    because: str


def may_ask(address: str) -> float:
    """0 if one more request may come from this address (a hash of it is kept), else the seconds to wait."""
    return Bucket(BUCKET, address, LIMIT).take()


def find(text: str) -> Photo:
    """The photograph that a person means: its number, its address here, or its page at the source."""
    text = text.strip()
    if here := _NUMBER.fullmatch(text):
        found = Photo.objects.filter(pk=int(here[1]))
    elif there := _FLICKR_PAGE.fullmatch(text):
        found = Photo.objects.filter(source="flickr", source_id=there[1])
    else:
        found = Photo.objects.filter(source_url=text) if "/" in text else Photo.objects.none()
    photo = found.order_by("pk").first()
    if photo is None:
        raise TakedownError("No such photograph hangs here: its number stands in the address of its page.")
    if photo.status == Photo.Status.REMOVED:
        raise TakedownError("That photograph was taken down already.")
    return photo


def who(text: str, source: str) -> Creator:
    """The creator that a person means, by id or address where one is known. Raises TakedownError: a name of many."""
    creator = creators.who(text, source)
    try:
        return creators.resolved(creator)
    except creators.Ambiguous:
        raise TakedownError(
            "Several people of that name publish photographs: give the address of your profile instead."
        ) from None


@transaction.atomic
def ask(
    *, photo: Photo | None = None, creator: Creator | None = None, reason: str = "", email: str = "", hide: bool = True
) -> Takedown:
    """Keep a request for a photograph (and what is nearly the same) or a creator, and hide what it names at once."""
    takedown = Takedown(photo=photo, reason=reason, email=email)
    if creator is not None:
        takedown.source, takedown.owner, takedown.creator = creator.source, creator.owner, creator.name
    if hide:
        room = max(0, min(MOST_AT_ONCE, MOST_UNDECIDED - _undecided()))
        takedown.hidden = _set_aside(_named(takedown).exclude(status=Photo.Status.REMOVED)[:room])
    takedown.save()
    return takedown


def waits(takedown: Takedown) -> int:
    """How many photographs a request names that are not hidden yet."""
    if takedown.state != _State.OPEN:
        return 0
    hidden = [pk for pk, _ in takedown.hidden]
    return _named(takedown).exclude(pk__in=hidden).exclude(status=Photo.Status.REMOVED).count()


@transaction.atomic
def grant(takedown: Takedown, *, by: User | None, decision: str) -> None:
    """Remove all that the request names, for good unless it is reversed. Raises TakedownError if it was granted."""
    takedown = _locked(takedown, _State.OPEN, _State.REFUSED, _State.REVERSED)
    before = dict(takedown.hidden) if takedown.state == _State.OPEN else {}
    named = _named(takedown).values_list("pk", flat=True)
    photos = Photo.objects.filter(Q(pk__in=list(before)) | Q(pk__in=named)).exclude(status=Photo.Status.REMOVED)
    before |= dict(_set_aside(photos, known=before))
    Photo.objects.filter(pk__in=list(before)).exclude(status=Photo.Status.REMOVED).update(
        status=Photo.Status.REMOVED, removed_because=ON_REQUEST, removed_at=timezone.now()
    )
    takedown.hidden = [[pk, status] for pk, status in before.items()]
    _decide(takedown, _State.GRANTED, by, decision)


@transaction.atomic
def refuse(takedown: Takedown, *, by: User | None, decision: str) -> None:
    """Show again what the request hid."""
    takedown = _locked(takedown, _State.OPEN)
    _decide(takedown, _State.REFUSED, by, decision)
    _release(takedown)


@transaction.atomic
def reverse(takedown: Takedown, *, by: User | None, decision: str) -> None:
    """Undo a removal: photographs are as they were before, those whose files are deleted stay hidden."""
    takedown = _locked(takedown, _State.GRANTED)
    _decide(takedown, _State.REVERSED, by, decision)
    _release(takedown)


def is_asked_for(photo_id: int) -> bool:
    """Whether a request that nobody decided yet keeps this photograph hidden."""
    return photo_id in _before([photo_id])


def take_down(photos: Iterable[Photo], *, by: User, decision: str) -> int:
    """Remove photographs within one press, each with its own request that says who did it; how many."""
    count = 0
    for photo in photos:
        grant(ask(photo=photo, hide=False), by=by, decision=decision)
        count += 1
    return count


def purge(now: datetime | None = None) -> int:
    """Delete files of photographs removed a month ago; the rows stay, with their hashes. How many photographs.

    E-mail addresses of requests decided a month ago go as well.
    """
    now = now or timezone.now()
    Takedown.objects.filter(decided_at__lte=now - KEPT).exclude(email="").update(email="")
    Quota.objects.filter(key__startswith=f"{BUCKET}:", updated_at__lte=now - IDLE).delete()
    has_files = ~Q(original="") | Exists(Rendition.objects.filter(photo=OuterRef("pk")))
    due = Photo.objects.filter(
        has_files, status=Photo.Status.REMOVED, removed_because=ON_REQUEST, removed_at__lte=now - KEPT
    )
    count = 0
    for photo in due.prefetch_related("renditions").iterator(chunk_size=BATCH):
        _delete_files(photo)
        count += 1
    return count


def listed() -> Iterator[Removed]:
    """Every photograph that was removed or has gone at its source, for removed.csv, in order of id."""
    gone = Photo.objects.filter(Q(status=Photo.Status.REMOVED) | Q(removed_because=GONE)).order_by("pk")
    when = Coalesce("removed_at", "checked_at", "added_at")
    rows = gone.annotate(when=when).values_list("source", "source_id", "when", "removed_because")
    for source, source_id, moment, because in rows.iterator(chunk_size=BATCH):
        yield Removed(source, source_id, moment.date(), because or "removed")


def _named(takedown: Takedown) -> QuerySet[Photo]:
    """The photographs that a request is about: one and what is nearly the same as it, or a creator's."""
    if takedown.photo_id is not None:
        cluster = Photo.objects.filter(pk=takedown.photo_id, cluster__isnull=False).values("cluster")
        return Photo.objects.filter(Q(pk=takedown.photo_id) | Q(cluster__in=cluster)).order_by("pk")
    return creators.photographs(Creator(takedown.source, takedown.owner, takedown.creator)).order_by("pk")


def _undecided() -> int:
    """How many photographs are hidden by requests that nobody decided yet."""
    return sum(len(hidden) for hidden in Takedown.objects.filter(state=_State.OPEN).values_list("hidden", flat=True))


def _set_aside(photos: QuerySet[Photo], known: dict[int, str] | None = None) -> list[tuple[int, str]]:
    """Hide photographs; the status that each is to have again, also of one that another request hid before."""
    ids = list(photos.values_list("pk", flat=True))
    rows = dict(Photo.objects.select_for_update().order_by("pk").filter(pk__in=ids).values_list("pk", "status"))
    hidden = [pk for pk, status in rows.items() if status == Photo.Status.HIDDEN]
    before = (_before(hidden) if hidden else {}) | (known or {})
    Photo.objects.filter(pk__in=ids).update(status=Photo.Status.HIDDEN)
    return [(pk, before.get(pk, status)) for pk, status in rows.items()]


def _before(ids: Iterable[int]) -> dict[int, str]:
    """The status before, of photographs that undecided requests hold."""
    wanted = set(ids)
    held = Takedown.objects.filter(state=_State.OPEN).values_list("hidden", flat=True)
    return {pk: status for hidden in held.iterator() for pk, status in hidden if pk in wanted}


def _locked(takedown: Takedown, *states: str) -> Takedown:
    """The request as it is now, for one decision at a time."""
    takedown = Takedown.objects.select_for_update().get(pk=takedown.pk)
    if takedown.state not in states:
        raise TakedownError(f"This request is {takedown.get_state_display().lower()} already.")
    return takedown


def _decide(takedown: Takedown, state: str, by: User | None, decision: str) -> None:
    takedown.state, takedown.decision = state, decision
    takedown.decided_by, takedown.decided_at = by, timezone.now()
    takedown.save()


def _release(takedown: Takedown) -> None:
    """Give photographs the status they had before, except those that another standing request holds."""
    before = dict(takedown.hidden)
    granted = Takedown.objects.filter(state=_State.GRANTED).values_list("hidden", flat=True)
    removed = {pk for hidden in granted.iterator() for pk, _ in hidden if pk in before}
    still_asked = set(_before(before))
    files = set(_without_files(before))
    wanted: dict[tuple[str, str], list[int]] = {}
    for pk in before.keys() - removed:
        status = Photo.Status.HIDDEN if pk in still_asked or pk in files else before[pk]
        wanted.setdefault((status, FILES_DELETED if pk in files else ""), []).append(pk)
    for (status, because), ids in wanted.items():
        held = Photo.objects.filter(pk__in=ids, status__in=[Photo.Status.HIDDEN, Photo.Status.REMOVED])
        held.update(status=status, removed_because=because, removed_at=None)


def _without_files(ids: Iterable[int]) -> QuerySet[Photo, int]:
    """Photographs whose files purge() deleted, which it tells by the placeholder that it takes with them."""
    return Photo.objects.filter(pk__in=list(ids), original="", thumbhash=b"").values_list("pk", flat=True)


def _delete_files(photo: Photo) -> None:
    """Files first, rows last: a kill between them leaves rows that the next purge finds. Shared files stay."""
    names = {str(rendition.file) for rendition in photo.renditions.all()}
    shared = Rendition.objects.filter(file__in=names).exclude(photo=photo).values_list("file", flat=True)
    for name in names - set(shared):
        default_storage.delete(name)
    if photo.original:
        storages["originals"].delete(str(photo.original))
    with transaction.atomic():
        photo.renditions.all().delete()
        Photo.objects.filter(pk=photo.pk).update(original="", thumbhash=b"")
