"""Who a creator is, whatever a source or a person calls them: an id at a source, the address of a profile, or a name.

An id or an address names one person; a name may be shared, so it counts only where nothing better was given.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db.models import Q, QuerySet

from gallery.models import Photo, Takedown

STANDING = (Takedown.State.OPEN, Takedown.State.GRANTED)  # requests that hold
_FLICKR_ID = re.compile(r"\d{4,}@N\d{2}", re.IGNORECASE)
_FLICKR_PATH = re.compile(r"/(?:photos|people)/([^/]+)", re.IGNORECASE)

MOST_ROWS = 1000  # ways to name a creator that are looked at

Key = tuple[str, str]  # source and id there; or "" and an address, which is the same whatever the source


class Ambiguous(Exception):
    """A name that several people have."""


@dataclass(frozen=True)
class Creator:
    """As a takedown keeps them: `owner` an id at `source` or a bare address; else a `name`, at `source` or anywhere."""

    source: str
    owner: str = ""
    name: str = ""


def who(text: str, source: str = "") -> Creator:
    """The creator that a person means by an id, the address of a profile, or a name."""
    text = " ".join(text.split())
    if _FLICKR_ID.fullmatch(text):
        return Creator("flickr", text.upper())
    key = _of_address(text)
    return Creator(key[0], key[1]) if key else Creator(source, name=text)


def keys(source: str, owner: str, creator_url: str) -> set[Key]:
    """All that an id or address of a photograph's creator may be kept as."""
    found = {(source, owner.upper() if source == "flickr" else owner)} if owner else set()
    key = _of_address(creator_url)
    return found | {key} if key else found


def _of_address(text: str) -> Key | None:
    """A profile's address without what may differ (scheme, www, case, last slash); on Flickr the id that it holds."""
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    if "." not in host or " " in host or not parts.path.strip("/"):
        return None
    found = _FLICKR_PATH.match(parts.path)
    if host == "flickr.com" and found:
        if _FLICKR_ID.fullmatch(found[1]):
            return "flickr", found[1].upper()
        return "", f"flickr.com/photos/{found[1].lower()}"
    return "", (host + parts.path.rstrip("/")).lower()[:200]


def resolved(creator: Creator) -> Creator:
    """The creator by id or address where a name leads to just one. Raises Ambiguous where it leads to several."""
    if creator.owner:
        return creator
    people: list[set[Key]] = []
    for row in photographs(creator).values_list("source", "owner", "creator_url").distinct()[:MOST_ROWS]:
        found = keys(*row)
        met = [person for person in people if person & found]
        people = [person for person in people if person not in met] + [found.union(*met)]
    known = [person for person in people if person]
    if len(known) > 1:
        raise Ambiguous(creator.name)
    return Creator(*max(known[0])) if known and len(people) == 1 else creator


def opted_out(people: Iterable[tuple[str, str, str, str]]) -> list[bool]:
    """For each (source, owner, profile's address, name) whether a request stands (one query, however many they are).

    By an id or address, or by name where the request has nothing better.
    """
    asked = [(source, keys(source, owner, url), name) for source, owner, url, name in people]
    named = Q(owner__in={owner for _, found, _ in asked for _, owner in found})
    for name in {name for _, _, name in asked if name}:
        named |= Q(owner="", creator__iexact=name)
    standing = Takedown.objects.filter(named, state__in=STANDING).exclude(owner="", creator="")
    rows = list(standing.values_list("source", "owner", "creator"))
    owners = {(source, owner) for source, owner, _ in rows if owner}
    names = {(source, creator.upper()) for source, owner, creator in rows if not owner}
    return [
        bool(found & owners) or ("", name.upper()) in names or (source, name.upper()) in names
        for source, found, name in asked
    ]


def photographs(creator: Creator) -> QuerySet[Photo]:
    """All of a creator's photographs, of every status (reads the table once for an address or a name)."""
    if not creator.owner and not creator.name:
        return Photo.objects.none()
    if not creator.owner:
        named = Photo.objects.filter(creator__iexact=creator.name)
        return named.filter(source=creator.source) if creator.source else named
    # An address is looked for in lower case anywhere, and judged by the same rule as any other.
    part = creator.owner.removeprefix("flickr.com/photos/") if creator.owner.startswith("flickr.com") else creator.owner
    told = Photo.objects.filter(creator_url__icontains=part).values_list("pk", "creator_url")
    wanted = (creator.source, creator.owner)
    by_address = [pk for pk, url in told.iterator() if _of_address(url) == wanted]
    return Photo.objects.filter(Q(source=creator.source, owner=creator.owner) | Q(pk__in=by_address))
