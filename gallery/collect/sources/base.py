"""What a source hands out, whatever it is; a source is one file with one class in this folder.

Its header states the licence of what it gives, its rate limits, and whether it needs a key.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from gallery.collect.intake import Facts, printable
from gallery.moods import MOODS, Mood


class SourceError(Exception):
    """Something a source did; one sentence."""


class SourceUnreachable(SourceError):
    """The source does not answer, or not with photographs: worth another try later."""


class SourceRefused(SourceError):
    """The source refuses for good: a bad key, or a query that it calls wrong. Nothing is gained by another try."""


class LimitReached(SourceError):
    """The source's limits leave no request for now; `until` says when there will be one, where that is known."""

    def __init__(self, sentence: str, until: datetime | None = None) -> None:
        super().__init__(sentence)
        self.until = until


@dataclass(frozen=True)
class Candidate:
    """A photograph that may be fetched: where its file is, and what is said of it.

    `unfit`: why it cannot or must not be taken (a licence that nobody knows, no address); "": it may.
    """

    file_url: str
    facts: Facts
    unfit: str = ""


@dataclass(frozen=True)
class Query:
    """What a source is asked for: a word of a mood, in a half-open span of upload time (unix seconds)."""

    mood: str
    word: str
    after: int = 0
    before: int = 0
    licence: str = ""  # the source's own ids; "": any
    order: str = ""  # "": by upload time, and the crawl goes along it; "page", "asc", "desc": see slicing.py
    more: dict[str, Any] = field(default_factory=dict)  # what else only the source knows


@dataclass(frozen=True)
class Answer:
    """One page. `total` is what the source claims for the query, an estimate; `last`: it has no further page.

    `marks` are id and upload time (unix seconds; None: not told) of every record in the order of the page, those too
    that cannot become candidates (they have no id): by them a crawl knows how far it has come. `unusable` counts the
    latter by reason.
    """

    candidates: list[Candidate]
    marks: list[tuple[str, int | None]] = field(default_factory=list)
    total: int | None = None
    last: bool = False
    unusable: Counter[str] = field(default_factory=Counter)


State = Literal["there", "gone", "unknown"]


class Told(NamedTuple):
    """What a source says of a photograph: state "there" or "gone" (deleted or made private), and its licence as told.

    licence, licence_url: as for gallery.licences.parse; "" where the source does not say. "unknown": no answer.
    """

    state: State
    licence: str = ""
    licence_url: str = ""


class Source(Protocol):
    """Photographs for a mood, by its words, in slices that one query can reach."""

    name: str
    window: int  # different results that one query serves at most, however far one pages
    searches_titles: bool  # whether a word is looked for in titles as well as in tags

    def check(self) -> list[str]:
        """Ask whether it can be used (key, licences); sentences that the operator should read. Raises SourceError."""
        ...

    def queries(self, mood: Mood, since: int, until: int) -> list[Query]:
        """The first slices of a mood: one for each of its words."""
        ...

    def search(self, query: Query, page: int) -> Answer:
        """One page, from 1, in one call of the source's limit. Raises SourceError."""
        ...

    def split(self, query: Query, total: int) -> list[Query]:
        """The query cut otherwise than by time, into ones that together reach all that it does; [] if it cannot be."""
        ...

    def content(self, candidate_url: str) -> bytes | None:
        """The bytes, where the source has them itself (a folder); None: they are fetched from the address."""
        ...


def moods_named(text: str, tags: tuple[str, ...] = ()) -> set[str]:
    """Moods whose synonyms stand in the text as whole words, or are a whole tag: the report drops what names two."""
    words = {word.strip(".,;:!?()[]\"'#").lower() for word in text.replace("-", " ").split()} | {
        t.lower() for t in tags
    }
    return {mood.slug for mood in MOODS.values() if words & set(mood.synonyms)}


def names_two_moods(candidate: Candidate, mood: str, titles: bool) -> bool:
    """The report's rule of exclusivity, judged on what the reply says and not on what was asked for."""
    title = candidate.facts.title if titles else ""
    return bool(moods_named(title, candidate.facts.tags) - {mood})


def facts_to_json(facts: Facts) -> dict[str, Any]:
    """What a row keeps of the facts; what says nothing is left out."""
    return {name: _storable(value) for name, value in asdict(facts).items() if value}


def _storable(value: Any) -> Any:
    """JSON that PostgreSQL takes: it refuses a NUL and half a surrogate pair."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return [_storable(item) for item in value] if isinstance(value, tuple | list) else value


def facts_from_json(said: dict[str, Any]) -> Facts:
    """The facts that a row keeps."""
    times = {name: datetime.fromisoformat(said[name]) for name in ("taken_at", "uploaded_at") if said.get(name)}
    return Facts(**{**said, "tags": tuple(said.get("tags", ())), **times})
