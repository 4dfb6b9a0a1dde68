"""Photographs to Score rows: whatever lacks the scores of the active (or an incoming) network, in batches.

Killed half-way it goes on; run twice it does nothing; two at once do not do the same work (one holds an advisory lock).
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image

from gallery.collect import duplicates
from gallery.locks import alone
from gallery.models import Photo, Rendition, Score, ScoringFailure
from gallery.rank import learning, shortlist
from ml import interface

log = logging.getLogger(__name__)
LOCK = 0x45564F53
SHORT_SIDE = 320  # pixels: the network looks at no more, so a larger rendition is not read
BATCH = 32
# While scoring runs the shortlist is written anew each time it would grow by a tenth (or a batch), so that the site
# fills; all of it is read for that, so not at each batch of a large collection.
GROWTH = 0.1
DECODERS = 2

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ScoringResult:
    """Counts over all networks; `busy`: another process was scoring, so this one did nothing."""

    scored: int = 0
    failed: int = 0
    busy: bool = False


@dataclass(frozen=True)
class Decoded:
    """A photograph's pixels, or why there are none."""

    photo_id: int
    image: Image.Image | None
    reason: str = ""


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


def _score(network_id: int, ids: list[int], batch: int) -> Iterator[ScoringResult]:
    """Score ids batch by batch; the next batch is decoded while the network looks at this one."""
    if not ids:
        return
    scorer = interface.scorer(network_id)
    ranks, held, since = network_id == interface.active().id, Score.objects.filter(network_id=network_id).count(), 0
    with ThreadPoolExecutor(DECODERS) as pool:
        parts = [ids[i : i + batch] for i in range(0, len(ids), batch)]
        ahead = [pool.submit(_decode, name) for name in _files(parts[0])]
        for place in range(len(parts)):
            decoded = [future.result() for future in ahead]
            following = parts[place + 1] if place + 1 < len(parts) else []
            ahead = [pool.submit(_decode, name) for name in _files(following)]
            result = _keep(network_id, scorer, decoded)
            since += len(decoded)
            if ranks and since >= GROWTH * held:
                shortlist.write()
                held, since = held + since, 0
            yield result


def _files(ids: list[int]) -> list[tuple[int, str]]:
    """The smallest sufficient WebP rendition of each photograph, "" where there is none (one query)."""
    best = Rendition.objects.sufficient(ids, SHORT_SIDE)
    return [(photo_id, best.get(photo_id, "")) for photo_id in ids]


def _decode(file: tuple[int, str]) -> Decoded:
    photo_id, name = file
    if not name:
        return Decoded(photo_id, None, "It has no rendition.")
    try:
        with default_storage.open(name) as stream:
            return Decoded(photo_id, Image.open(stream, formats=["WEBP"]).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return Decoded(photo_id, None, f"Its rendition cannot be read: {error}"[:300])


def _keep(network_id: int, scorer: Callable, decoded: list[Decoded]) -> ScoringResult:
    """Score a decoded batch and write its rows in one transaction."""
    good = [(d.photo_id, d.image) for d in decoded if d.image is not None]
    scores = scorer([image for _, image in good]) if good else None
    found = [] if scores is None else [_row(network_id, photo_id, scores, i) for i, (photo_id, _) in enumerate(good)]
    rows = [row for row in found if _finite(row)]
    reasons = {d.photo_id: d.reason for d in decoded if d.image is None}
    reasons |= {row.photo_id: "The network gave no numbers for it." for row in found if not _finite(row)}
    with transaction.atomic():
        # Whoever deletes a photograph meanwhile waits until its rows are there, and takes them along.
        kept = set(
            Photo.objects.filter(pk__in=[d.photo_id for d in decoded])
            .select_for_update(of=("self",), no_key=True)
            .values_list("pk", flat=True)
        )
        Score.objects.bulk_create([row for row in rows if row.photo_id in kept], ignore_conflicts=True)
        learning.start_anew(network_id, kept)
        ScoringFailure.objects.bulk_create(
            [ScoringFailure(photo_id=i, network_id=network_id, reason=why) for i, why in reasons.items() if i in kept],
            ignore_conflicts=True,
        )
    if network_id == interface.active().id:
        duplicates.confirm_scored(sorted(kept))  # after the rows are kept: it waits for whoever else joins clusters
    return ScoringResult(len(rows), len(reasons))


def _finite(row: Score) -> bool:
    return bool(np.isfinite([*row.moods, row.valence, row.arousal, row.aesthetic, *row.embedding]).all())


def _row(network_id: int, photo_id: int, scores, i: int) -> Score:
    return Score(
        photo_id=photo_id,
        network_id=network_id,
        moods=[float(p) for p in scores.moods[i]],
        valence=float(scores.valence[i]),
        arousal=float(scores.arousal[i]),
        aesthetic=float(scores.aesthetic[i]),
        embedding=np.asarray(scores.embedding[i], np.float32),
    )
