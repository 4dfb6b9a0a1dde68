"""Candidates to photographs that are here: fetched several at once, checked to the last pixel, and kept in batches.

The file first, by the name of its content; the rows of a batch last, in one transaction with what became of the
candidates. A kill in between leaves files that the next try finds and uses.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from django.core.files.storage import storages

from gallery.collect import duplicates
from gallery.collect.download import Hosts
from gallery.collect.fetch import PASSING, Fetcher, NotFetched
from gallery.collect.intake import Facts, cleaned, newcomer, original_name, source_id_of, store
from gallery.collect.pool import Renderers
from gallery.collect.render import Inspected, Rejected
from gallery.collect.robots import Robots
from gallery.models import Photo

AT_ONCE = 16
TICK = 0.1  # seconds


@dataclass(frozen=True)
class Claimed:
    """A candidate in hand."""

    key: int
    url: str
    facts: Facts


@dataclass(frozen=True)
class Arrived:
    """A candidate's file, checked and stored; or why not, and whether another try may help (`passing`)."""

    claimed: Claimed
    size: int = 0
    seen: Inspected | None = None
    because: str = ""

    @property
    def passing(self) -> bool:
        return self.because in PASSING


class Arrivals:
    """Threads that fetch, each waiting for a process that checks; politely to every host."""

    def __init__(self, renderers: Renderers, content: Callable[[str], bytes | None]) -> None:
        self._renderers = renderers
        self._content = content
        self._robots = Robots()
        self._fetcher = Fetcher(self._robots.check)
        self._hosts = Hosts()

    def close(self) -> None:
        self._fetcher.__exit__()
        self._robots.close()

    def of(self, claims: Iterable[Claimed | None]) -> Iterator[Arrived | None]:
        """In the order of their arrival; so many are in memory as are fetched at once.

        None among the claims: there is nothing to fetch just now. It is handed on when nothing arrived meanwhile.
        """
        done: SimpleQueue[Future[Arrived]] = SimpleQueue()
        in_hand = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for claim in claims:
                if claim is not None:
                    pool.submit(self._arrive, claim).add_done_callback(done.put)
                    in_hand += 1
                    if in_hand < AT_ONCE:
                        continue
                try:
                    arrived = done.get(timeout=TICK if claim is None else None).result()
                except Empty:
                    yield None
                else:
                    in_hand -= 1
                    yield arrived
            for _ in range(in_hand):
                yield done.get().result()

    def _arrive(self, claimed: Claimed) -> Arrived:
        try:
            own = self._content(claimed.url)
            content = self._fetched(claimed.url) if own is None else own
            seen = self._renderers.inspect(content)
        except (NotFetched, Rejected) as error:
            return Arrived(claimed, because=error.because)
        store(storages["originals"], original_name(seen.sha256, seen.format), content)
        return Arrived(claimed, len(content), seen)

    def _fetched(self, url: str) -> bytes:
        with self._hosts.slot(url):
            self._robots.wait(url)
            return self._fetcher.fetch(url)


@dataclass(frozen=True)
class Settled:
    """What became of a candidate: a photograph, or the reason why not."""

    arrived: Arrived
    photo_id: int | None = None
    because: str = ""


def keep_many(batch: list[Arrived], live: set[int]) -> list[Settled]:
    """Write the rows of a batch, inside the caller's transaction. `live`: keys that still wait to be settled.

    A photograph that is here already is not written again: "duplicate" where another candidate brought it.
    """
    batch = [arrived for arrived in batch if arrived.claimed.key in live]
    good = [arrived for arrived in batch if arrived.seen]
    here, blocked = _here(good), _blocked(good)
    settled, new = [], {}
    for arrived in batch:
        known = here.get(arrived.seen.sha256) if arrived.seen else None
        if arrived.seen is None:
            settled.append(Settled(arrived, because=arrived.because))
        elif known is not None:
            settled.append(_known(arrived, known))
        elif arrived.seen.sha256 in new:
            settled.append(Settled(arrived, because="duplicate"))
        elif because := blocked[arrived.claimed.key]:
            settled.append(Settled(arrived, because=because))
        else:
            new[arrived.seen.sha256] = (arrived, _photo(arrived, arrived.seen))
    Photo.objects.bulk_create([photo for _, photo in new.values()])
    duplicates.cluster_new([photo.pk for _, photo in new.values()])
    return settled + [Settled(arrived, photo.pk) for arrived, photo in new.values()]


def _here(good: list[Arrived]) -> dict[str, Photo]:
    """Photographs with these bytes, or of these ids at their source, by the SHA-256 of the arrived one."""
    sums = {arrived.seen.sha256 for arrived in good if arrived.seen}
    ids = {arrived.claimed.facts.source_id for arrived in good}
    sources = {arrived.claimed.facts.source for arrived in good}
    by_sum = {photo.sha256: photo for photo in Photo.objects.filter(sha256__in=sums)}
    rows = Photo.objects.filter(source__in=sources, source_id__in=ids)
    by_id = {(photo.source, photo.source_id): photo for photo in rows}
    found = {}
    for arrived in good:
        if arrived.seen is not None:
            key = (arrived.claimed.facts.source, source_id_of(arrived.claimed.facts, arrived.seen.sha256))
            known = by_sum.get(arrived.seen.sha256) or by_id.get(key)
            if known is not None:
                found[arrived.seen.sha256] = known
    return found


def _known(arrived: Arrived, known: Photo) -> Settled:
    facts = arrived.claimed.facts
    if known.status == Photo.Status.REMOVED:
        return Settled(arrived, because="removed")
    same = (known.source, known.source_id) == (facts.source, source_id_of(facts, known.sha256))
    return Settled(arrived, known.pk) if same else Settled(arrived, known.pk, "duplicate")


def _blocked(good: list[Arrived]) -> dict[int, str]:
    """By key why an arrived one must not come in, or ""."""
    newcomers = [newcomer(one.claimed.facts, one.seen.sha256, one.seen.phash) for one in good if one.seen]
    return {one.claimed.key: because for one, because in zip(good, duplicates.blocked(newcomers), strict=True)}


def _photo(arrived: Arrived, seen: Inspected) -> Photo:
    facts = arrived.claimed.facts
    return Photo(
        **cleaned(facts),
        source=facts.source,
        source_id=source_id_of(facts, seen.sha256),
        original=original_name(seen.sha256, seen.format),
        bytes=arrived.size,
        status=Photo.Status.NEW,
        thumbhash=b"",
        colour=0,
        **{name: getattr(seen, name) for name in ("sha256", "format", "width", "height", "phash")},
    )
