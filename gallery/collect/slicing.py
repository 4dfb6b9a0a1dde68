"""How a crawl goes on after each page: pure, so that any distribution of uploads can be tried on it.

A source serves only so many different results a query (its window), claims a total that is an estimate, moves while
it is paged through, and repeats itself at the end. So nothing is asked by page number for long: a query ordered by
upload time begins anew at the last moment seen, and the window never fills, with hardly a call more than there are
full pages. Only a single second that holds more than a window has to be cut otherwise, by the source (licence, then
both ends). Where the order is broken or not told, spans are halved until each holds safely less than a window.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gallery.collect.sources.base import Answer, Query

SAFE = 0.9  # of a window: the source's own count is an estimate
Split = Callable[[Query, int], list[Query]]


@dataclass(frozen=True)
class Position:
    """Where the walk through a slice stands. `seen`: ids that the coming pages may repeat."""

    query: Query
    page: int = 1
    seen: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Step:
    """What to do next: go on at `position`, or the slice is done, its rest being in `parts`.

    `out_of_reach`: the source holds more than it serves, and cannot be cut further.
    """

    position: Position | None = None
    parts: tuple[Query, ...] = ()
    out_of_reach: bool = False


def after(position: Position, answer: Answer, window: int, split: Split) -> Step:
    """The step after a page. Every photograph that the source serves for the slice is in one of the pages asked for."""
    if not answer.marks:
        return Step()
    if position.query.order == "" and _is_ordered(position.query, answer):
        return _along_time(position, answer, window, split)
    return _by_page(position, answer, window, split)


def _is_ordered(query: Query, answer: Answer) -> bool:
    """Whether every upload time is told, ascending, and not before the span."""
    times = [time for _, time in answer.marks]
    if any(time is None for time in times):
        return False
    told = [time for time in times if time is not None]
    return told == sorted(told) and told[0] >= query.after and told[-1] < query.before


def _along_time(position: Position, answer: Answer, window: int, split: Split) -> Step:
    query, page, seen = position.query, position.page, position.seen
    latest = answer.marks[-1][1] or 0
    ids = frozenset(name for name, _ in answer.marks)
    if latest > query.after:
        whole = page == 1 and answer.marks[0][1] == latest  # this page is the first of the query that begins there
        there = frozenset(name for name, time in answer.marks if time == latest)
        return Step(Position(replace(query, after=latest), 2 if whole else 1, there))
    seen_now = seen | ids
    if len(seen_now) >= SAFE * window:
        return _crowded(query, answer, len(seen_now), split)
    if ids - seen or page == 1:
        return Step(Position(query, page + 1, seen_now))
    return Step()  # nothing but what was there before: the source has no more


def _crowded(query: Query, answer: Answer, found: int, split: Split) -> Step:
    """A second with more than a window holds: itself by the source's means, what is after it by time as ever."""
    second = replace(query, before=query.after + 1)
    rest = (replace(query, after=query.after + 1),) if query.after + 1 < query.before else ()
    parts = split(second, max(found, answer.total or 0))
    if parts:
        return Step(parts=(*parts, *rest))
    return Step(parts=(replace(second, order="page"), *rest))


def _by_page(position: Position, answer: Answer, window: int, split: Split) -> Step:
    """By page number, for a source that tells no times or breaks their order; or from one end of a crowded second."""
    query, seen = position.query, position.seen
    ids = frozenset(name for name, _ in answer.marks)
    seen_now = seen | ids
    full = len(seen_now) >= SAFE * window
    if (full or (answer.total or 0) > SAFE * window) and (parts := _cut(query, answer, len(seen_now), split)):
        return Step(parts=parts)
    if answer.last or not ids - seen or len(seen_now) >= window:
        reach = 2 * window if query.order in ("asc", "desc") else window
        return Step(out_of_reach=full and (answer.total or 0) > SAFE * reach)
    return Step(Position(query, position.page + 1, seen_now))


def _cut(query: Query, answer: Answer, found: int, split: Split) -> tuple[Query, ...]:
    """Halves in time where there are any, else what the source can do."""
    if query.order in ("asc", "desc"):
        return ()
    if query.before - query.after > 1:
        middle = (query.after + query.before) // 2
        return replace(query, before=middle, order="page"), replace(query, after=middle, order="page")
    return tuple(split(replace(query, order=""), max(found, answer.total or 0)))
