"""Photographs to Score rows by one network, several workers at once.

A worker claims blocks of ids (gallery.rank.blocks). Their photographs are decoded and prepared by threads, looked at on
as many lanes as the engine has, and written by this thread, all at the same time; only so many groups are under way
that neither has to wait for another.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.files.storage import default_storage
from PIL import Image

from gallery.models import Rendition
from gallery.rank import written
from gallery.rank.blocks import Block, Blocks, blocks
from ml import interface

if TYPE_CHECKING:
    from ml.scorer import Scores, Scoring

BATCH = 64  # rows a transaction, unless the network looks at more at once
AHEAD = 2  # groups under way beside those that the lanes look at
FORMATS = ("WEBP", "JPEG")
# From so many photographs on, some minutes of work, a machine's engines are tested first if they never were.
PAYS = 5000


@dataclass(frozen=True)
class Done:
    """What became of a group of photographs; others: how many are left to another worker."""

    scored: int = 0
    failed: int = 0
    others: int = 0


@dataclass(frozen=True)
class Prepared:
    """What the network looks at of a photograph, or why there is nothing."""

    photo_id: int
    views: Any = None
    reason: str = ""


@dataclass(frozen=True)
class Group:
    """Photographs that are written together; parts: what the network was shown of them, and what it says."""

    block: Block
    last: bool
    parts: list[Future[tuple[list[Prepared], "Scores | None"]]]


class Hands:
    """The threads of a scoring: decoders, and lanes of the network."""

    def __init__(self, scorer: "Scoring") -> None:
        self.scorer = scorer
        self.decoders = ThreadPoolExecutor(interface.processors(), "decode")
        self.lanes = ThreadPoolExecutor(scorer.lanes, "look")

    def __enter__(self) -> "Hands":
        return self

    def __exit__(self, *error: object) -> None:
        self.decoders.shutdown(cancel_futures=True)
        self.lanes.shutdown(cancel_futures=True)

    def take(self, ids: Sequence[int]) -> list[Future[tuple[list[Prepared], "Scores | None"]]]:
        """Decode photographs and show them to the network, part by part."""
        files, size = _files(ids, self.scorer.side), self.scorer.batch
        ready = [self.decoders.submit(prepare, file, self.scorer) for file in files]
        return [self.lanes.submit(_looked, self.scorer, ready[i : i + size]) for i in range(0, len(ready), size)]


def score(
    network_id: int, ids: Sequence[int], batch: int | None = None, stop: Callable[[], bool] = lambda: False
) -> Iterator[Done]:
    """Score ids by a network, `batch` rows a transaction. Raises NetworkFileError if it cannot score.

    What another worker is at is left to it; a photograph that it scored meanwhile is not looked at again.
    stop: asked before each group but the first; once true, what is under way is finished and nothing else begun.
    """
    if not ids:
        return
    if len(ids) >= PAYS:
        interface.choose_engine(network_id)
    scorer = interface.scorer(network_id)
    size = batch or max(BATCH, scorer.batch)
    with Hands(scorer) as hands, blocks(network_id, ids) as mine:
        under_way: deque[Group] = deque()
        for place, (block, part, last) in enumerate(_parts(mine, size)):
            if place and stop():
                break
            under_way.append(Group(block, last, hands.take(part)))
            if len(under_way) > AHEAD + math.ceil(scorer.lanes * scorer.batch / size):
                yield _keep(network_id, under_way.popleft())
        while under_way:
            yield _keep(network_id, under_way.popleft())
        if mine.others:
            yield Done(others=mine.others)


def _parts(mine: Blocks, size: int) -> Iterator[tuple[Block, list[int], bool]]:
    """Ids that are written together, their block, and whether they are its last."""
    for block in mine:
        for start in range(0, len(block.ids), size):
            yield block, block.ids[start : start + size], start + size >= len(block.ids)


def _files(ids: Sequence[int], side: int) -> list[tuple[int, str]]:
    """The smallest sufficient WebP rendition of each photograph, "" where there is none (one query)."""
    best = Rendition.objects.sufficient(ids, side)
    return [(photo_id, best.get(photo_id, "")) for photo_id in ids]


def prepare(file: tuple[int, str], scorer: "Scoring") -> Prepared:
    """Decode a rendition, a JPEG no larger than is looked at, and make the network's views of it."""
    photo_id, name = file
    if not name:
        return Prepared(photo_id, reason="It has no rendition.")
    try:
        with default_storage.open(name) as stream:
            image = Image.open(stream, formats=FORMATS)
            image.draft("RGB", (scorer.side, scorer.side))
            return Prepared(photo_id, scorer.prepare(image if image.mode == "RGB" else image.convert("RGB")))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return Prepared(photo_id, reason=f"Its rendition cannot be read: {error}"[:300])


def _looked(scorer: "Scoring", ready: list[Future[Prepared]]) -> tuple[list[Prepared], "Scores | None"]:
    """What the network says of photographs as soon as they are decoded; scores are of those that could be."""
    shown = [future.result() for future in ready]
    views = [one.views for one in shown if one.views is not None]
    return shown, scorer.score_prepared(views) if views else None


def _keep(network_id: int, group: Group) -> Done:
    """Write a group's rows in one transaction; the block's other workers may have it once all is written."""
    rows: list[written.Row] = []
    reasons: dict[int, str] = {}
    for shown, scores in (part.result() for part in group.parts):
        reasons |= {one.photo_id: one.reason for one in shown if one.views is None}
        found = [] if scores is None else _rows([one.photo_id for one in shown if one.views is not None], scores)
        rows += [row for row in found if np.isfinite(row.numbers).all()]
        reasons |= {
            row.photo_id: "The network gave no numbers for it." for row in found if not np.isfinite(row.numbers).all()
        }
    written.keep(network_id, rows, reasons)
    if group.last:
        group.block.release()
    return Done(len(rows), len(reasons))


def _rows(ids: Sequence[int], scores: "Scores") -> list[written.Row]:
    """One row a photograph: moods (6), valence, arousal, aesthetic, embedding (64)."""
    scales = np.stack([scores.valence, scores.arousal, scores.aesthetic], 1)
    numbers = np.concatenate([scores.moods, scales, scores.embedding], 1).astype(np.float64)
    return [written.Row(photo_id, row) for photo_id, row in zip(ids, numbers, strict=True)]
