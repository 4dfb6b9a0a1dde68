"""How a photograph is taken in: rendered, stored, and only then a row. A failure is a counted reason, not a lost line.

Files go first and rows last, in one transaction: a kill half-way leaves at most files that the next try writes again.
"""

import hashlib
import html
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage, storages
from django.db import IntegrityError, transaction
from django.utils import timezone

from gallery import licences
from gallery.collect import duplicates
from gallery.collect.pool import Renderers
from gallery.collect.render import Rejected, Rendered, render
from gallery.models import Photo, Rendition
from gallery.moods import MOODS

LICENCE = ("licence", "licence_version", "licence_url", "licence_seen")  # columns that belong together
TAGS = 40
# Control characters, invisible marks, changes of direction, halves of pairs. Joiners stay: Persian and emoji need them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+")
_MARKUP = re.compile(r"</?[a-zA-Z!][^<>]{0,500}>")


@dataclass(frozen=True)
class Facts:
    """What a source says of a photograph. Text is a stranger's: it is cleaned before it is kept."""

    source: str
    source_id: str = ""  # "": the content's hash, as for files of a folder
    title: str = ""
    alt: str = ""
    creator: str = ""
    creator_url: str = ""
    owner: str = ""  # the source's own id of the creator
    licence: str = ""
    licence_url: str = ""
    source_url: str = ""
    tags: tuple[str, ...] = ()
    mood_tag: str = ""
    sensitive: bool = False
    taken_at: datetime | None = None
    uploaded_at: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one photograph: stored, already here, or rejected with a reason.

    Reasons: render.REASONS and duplicates.BLOCKED.

    Of one that was here already: `learnt`, facts were told that were not known; `contradicted`, another licence is
    stated now than the one that is kept (a person decides: the kept one may have been corrected in the admin).
    """

    photo: Photo | None = None
    already_here: bool = False
    learnt: bool = False
    contradicted: bool = False
    near_duplicate: bool = False
    rejected_because: str = ""


def take_in(content: bytes, facts: Facts) -> Outcome:
    """Check, render and keep one photograph in this process."""
    known = here(hashlib.sha256(content).hexdigest(), facts)
    return known or _finished(content, facts, lambda: render(content))


def take_in_all(
    photographs: Iterable[tuple[bytes, Facts]], renderers: Renderers, ahead: int
) -> Iterator[tuple[Facts, Outcome]]:
    """The same for many, rendered in processes, in order, with at most `ahead` in memory.

    What is here already is not rendered again.
    """
    waiting: deque[tuple[bytes, Facts, Outcome | Future[Rendered]]] = deque()
    for content, facts in photographs:
        known = here(hashlib.sha256(content).hexdigest(), facts)
        waiting.append((content, facts, known or renderers.submit(content)))
        if len(waiting) >= ahead:
            yield _next(waiting, renderers)
    while waiting:
        yield _next(waiting, renderers)


def _next(
    waiting: "deque[tuple[bytes, Facts, Outcome | Future[Rendered]]]", renderers: Renderers
) -> tuple[Facts, Outcome]:
    content, facts, due = waiting.popleft()
    if isinstance(due, Outcome):
        return facts, due
    return facts, _finished(content, facts, lambda: renderers.result(content, due))


def _finished(content: bytes, facts: Facts, rendering: Callable[[], Rendered]) -> Outcome:
    try:
        return keep(content, rendering(), facts)
    except Rejected as error:
        return Outcome(rejected_because=error.because)


def here(sha256: str, facts: Facts) -> Outcome | None:
    """The photograph if it is here already: the same bytes, or the same id at its source."""
    known = Photo.objects.filter(sha256=sha256)
    if facts.source_id:
        known = known | Photo.objects.filter(source=facts.source, source_id=source_id_of(facts, sha256))
    photo = known.first()
    return _met_again(photo, facts) if photo else None


def _met_again(photo: Photo, facts: Facts) -> Outcome:
    """Facts that were not known are added; what is known stays, for a person may have corrected it.

    A source that calls it sensitive is believed each time: to show what should be veiled is the worse mistake.
    """
    said = cleaned(facts)
    licence = {name: said.pop(name) for name in LICENCE}
    new = {name: value for name, value in said.items() if value and not getattr(photo, name)}
    contradicted = "unknown" not in (photo.licence, licence["licence"]) and photo.licence != licence["licence"]
    if photo.licence == "unknown" != licence["licence"]:
        new |= licence
    if new:
        Photo.objects.filter(pk=photo.pk).update(**new)
        photo.refresh_from_db()
    return Outcome(photo, already_here=True, learnt=bool(new), contradicted=contradicted)


def original_name(sha256: str, kind: str) -> str:
    """Where the original bytes lie, by their content."""
    return f"{sha256[:2]}/{sha256}.{kind}"


def source_id_of(facts: Facts, sha256: str) -> str:
    """The source's id, or the content's hash where it has none."""
    return clean(facts.source_id, 200) or sha256


def keep(content: bytes, rendered: Rendered, facts: Facts) -> Outcome:
    """Store a rendered photograph; one that came in meanwhile stays as it is."""
    if known := here(rendered.sha256, facts):
        return known
    if because := _blocked(rendered, facts):
        return Outcome(rejected_because=because)
    original = original_name(rendered.sha256, rendered.format)
    store(storages["originals"], original, content)
    for picture in rendered.pictures:
        store(default_storage, picture.name, picture.content)
    return _write(content, rendered, facts, original)


def _blocked(rendered: Rendered, facts: Facts) -> str:
    """Why it must not come in although nothing is wrong with it: somebody asked that it be taken down."""
    return duplicates.blocked([newcomer(facts, rendered.sha256, rendered.phash)])[0]


def newcomer(facts: Facts, sha256: str, phash: int) -> duplicates.Newcomer:
    """What is looked up before a photograph comes in."""
    source_id = source_id_of(facts, sha256)
    return duplicates.Newcomer(
        facts.source, source_id, facts.owner, sha256, phash, creator=facts.creator, creator_url=facts.creator_url
    )


def store(storage: Storage, name: str, content: bytes) -> None:
    """Names are by content, so a file that is there whole is the same; one cut off by a kill is written anew."""
    if storage.exists(name):
        if storage.size(name) == len(content):
            return
        storage.delete(name)
    storage.save(name, ContentFile(content))


def _write(content: bytes, rendered: Rendered, facts: Facts, original: str) -> Outcome:
    """The rows of a photograph, all or none."""
    try:
        with transaction.atomic():
            return _write_rows(content, rendered, facts, original)
    except IntegrityError:  # another process took it in between the look and the write
        if known := here(rendered.sha256, facts):
            return known
        raise


def _write_rows(content: bytes, rendered: Rendered, facts: Facts, original: str) -> Outcome:
    photo = Photo.objects.create(
        **cleaned(facts),
        source=facts.source,
        source_id=source_id_of(facts, rendered.sha256),
        original=original,
        bytes=len(content),
        **{
            name: getattr(rendered, name)
            for name in ("sha256", "format", "width", "height", "phash", "thumbhash", "colour")
        },
    )
    near = duplicates.cluster_new([photo.pk])
    Rendition.objects.bulk_create(
        Rendition(photo=photo, width=p.width, height=p.height, format=p.format, file=p.name, bytes=len(p.content))
        for p in rendered.pictures
    )
    return Outcome(photo, near_duplicate=near > 0)


def cleaned(facts: Facts) -> dict:
    """The columns that come from a stranger's words."""
    licence, version = licences.parse(facts.licence, facts.licence_url)
    return {
        "title": clean(facts.title, 300),
        "alt": clean(facts.alt, 500),
        "creator": clean(facts.creator, 200),
        "creator_url": clean_url(facts.creator_url, 500),
        "owner": clean(facts.owner, 200),
        "licence": licence,
        "licence_version": version,
        "licence_url": clean_url(facts.licence_url, 500),
        "licence_seen": today(),
        "source_url": clean_url(facts.source_url, 1000),
        "tags": list(clean_tags(facts.tags)),
        "mood_tag": facts.mood_tag if facts.mood_tag in MOODS else "",
        "sensitive": facts.sensitive,
        "taken_at": facts.taken_at,
        "uploaded_at": facts.uploaded_at,
    }


def today() -> date:
    return timezone.now().date()


def clean(text: str, most: int) -> str:
    """Plain text of at most `most` characters: entities resolved, tags and control characters gone, blanks single."""
    plain = _MARKUP.sub(" ", html.unescape(html.unescape(text[: 8 * most])))
    plain = " ".join(_CONTROL.sub(" ", plain).split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def printable(text: str) -> str:
    """The text without what no database keeps and no reader sees; each such character is a blank."""
    return _CONTROL.sub(" ", text)


def clean_url(url: str, most: int) -> str:
    """The address if it is one that a page may link to, else ""."""
    url = url.strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    fine = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and len(url) <= most
    return url if fine and not _CONTROL.search(url) and " " not in url else ""


def clean_tags(tags: Sequence[str]) -> Iterator[str]:
    """Tags in lower case, each once."""
    yield from list(dict.fromkeys(filter(None, (clean(tag, 100).lower() for tag in tags))))[:TAGS]
