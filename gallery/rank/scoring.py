"""Photographs to Score rows: whatever lacks the scores of the active (or an incoming) network, in batches.

Killed half-way it goes on; run twice it does nothing; two at once do not do the same work (one holds an advisory lock).
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gallery.locks import alone
from gallery.models import Photo, Score, ScoringFailure
from gallery.rank import learning, pipeline, shortlist
from ml import interface

log = logging.getLogger(__name__)
LOCK = 0x45564F53
BATCH = 32
# While scoring runs the shortlist is written anew each time it would grow by a tenth (or a batch), so that the site
# fills; all of it is read for that, so not at each batch of a large collection.
GROWTH = 0.1

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ScoringResult:
    """Counts over all networks; `busy`: another process was scoring, so this one did nothing."""

    scored: int = 0
    failed: int = 0
    busy: bool = False


def score_pending(*, batch: int = BATCH, progress: Progress | None = None) -> ScoringResult:
    """Score what waits, by each network that needs it. progress(done, all) is called after every batch.

    Raises NetworkFileError if no network can.
    """
    with alone(LOCK) as mine:
        if not mine:
            return ScoringResult(busy=True)
        waiting = {network.id: _waiting(network.id) for network in interface.to_score()}
        total, scored, failed = sum(map(len, waiting.values())), 0, 0
        unusable: list[Exception] = []
        for network_id, ids in waiting.items():
            try:
                for done in _score(network_id, ids, batch):
                    scored, failed = scored + done.scored, failed + done.failed
                    if progress is not None:
                        progress(scored + failed, total)
            except interface.NetworkFileError as error:  # of an older version, say: the one on its way in may score
                unusable.append(error)
                log.error("A network cannot score: %s", error)
                continue
            _tell(network_id)
        shortlist.write()
    if len(unusable) == len(waiting):
        raise unusable[0]
    return ScoringResult(scored, failed)


def waiting() -> int:
    """How many photographs lack a score that they should have."""
    return sum(len(_waiting(network.id)) for network in interface.to_score())


def retry_failed() -> int:
    """Forget failures, so that these photographs are tried again; how many."""
    return ScoringFailure.objects.all().delete()[0]


def _waiting(network_id: int) -> list[int]:
    """Ids (8 bytes each) of photographs without this network's score or failure, newest last."""
    scored = Score.objects.filter(network_id=network_id)
    failed = ScoringFailure.objects.filter(network_id=network_id)
    photos = Photo.objects.exclude(status__in=(Photo.Status.REMOVED, Photo.Status.NEW))
    return list(
        photos.exclude(pk__in=scored.values("photo_id"))
        .exclude(pk__in=failed.values("photo_id"))
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def _tell(network_id: int) -> None:
    """Let ml know whether an incoming network has all its scores now."""
    if interface.arrived(network_id, missing=len(_waiting(network_id))):
        learning.start_anew(network_id)
        log.info("Network %s ranks the site now.", network_id)


def _score(network_id: int, ids: list[int], batch: int) -> Iterator[pipeline.Done]:
    """Score ids; the site fills while it goes on."""
    if not ids:
        return
    ranks, held, since = network_id == interface.active().id, Score.objects.filter(network_id=network_id).count(), 0
    for done in pipeline.score(network_id, ids, batch):
        since += done.scored + done.failed
        if ranks and since >= GROWTH * held:
            shortlist.write()
            held, since = held + since, 0
        yield done
