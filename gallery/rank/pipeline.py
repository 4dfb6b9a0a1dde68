"""Photographs to Score rows by one network: a batch is decoded while the network looks at the one before."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image

from gallery.collect import duplicates
from gallery.models import Photo, Rendition, Score, ScoringFailure
from gallery.rank import learning
from ml import interface

SHORT_SIDE = 320  # pixels: the network looks at no more, so a larger rendition is not read
DECODERS = 2


@dataclass(frozen=True)
class Done:
    """What became of a batch."""

    scored: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Decoded:
    """A photograph's pixels, or why there are none."""

    photo_id: int
    image: Image.Image | None
    reason: str = ""


def score(network_id: int, ids: list[int], batch: int) -> Iterator[Done]:
    """Score ids by a network, batch by batch. Raises NetworkFileError if it cannot score."""
    if not ids:
        return
    scorer = interface.scorer(network_id)
    with ThreadPoolExecutor(DECODERS) as pool:
        parts = [ids[i : i + batch] for i in range(0, len(ids), batch)]
        ahead = [pool.submit(_decode, name) for name in _files(parts[0])]
        for place in range(len(parts)):
            decoded = [future.result() for future in ahead]
            following = parts[place + 1] if place + 1 < len(parts) else []
            ahead = [pool.submit(_decode, name) for name in _files(following)]
            yield _keep(network_id, scorer, decoded)


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


def _keep(network_id: int, scorer: Callable, decoded: list[Decoded]) -> Done:
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
    return Done(len(rows), len(reasons))


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
