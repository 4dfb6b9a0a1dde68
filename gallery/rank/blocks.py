"""Who scores what: ids in blocks, each claimed by one worker with an advisory lock that vanishes with a dead one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby

from django.db import DatabaseError

from gallery.locks import claim, release
from gallery.models import Score, ScoringFailure

BLOCK = 256  # neighbouring ids: seconds of work, so that workers who come later find their share
KIND = 0x45000000  # of these locks, by network; another part of the site uses locks of one number


@dataclass
class Block:
    """Ids that this worker alone scores until it releases them."""

    kind: int
    number: int
    ids: list[int]
    released: bool = False

    def release(self) -> None:
        if not self.released:
            self.released = True
            release(self.kind, self.number)


@dataclass
class Blocks:
    """The blocks that this worker gets, one after the other; others: ids of those that another worker holds."""

    network_id: int
    ids: Sequence[int]
    others: int = 0
    held: list[Block] = field(default_factory=list)

    def __iter__(self) -> Iterator[Block]:
        """Those that are free, then those that became free meanwhile (their worker was done, or died)."""
        left = [(number, list(ids)) for number, ids in groupby(self.ids, lambda photo_id: photo_id // BLOCK)]
        for _ in range(2):
            taken = []
            for number, ids in left:
                if not claim(self._kind, number):
                    taken.append((number, ids))
                elif lacking := self._lacking(Block(self._kind, number, ids)):
                    yield lacking
            left = taken
        self.others = sum(len(ids) for _, ids in left)

    @property
    def _kind(self) -> int:
        return KIND + self.network_id % 0x1000000

    def _lacking(self, block: Block) -> Block | None:
        """The block without what its last worker did before this one claimed it."""
        self.held.append(block)
        for model in (Score, ScoringFailure):
            rows = model._default_manager.filter(network_id=self.network_id, photo_id__in=block.ids)
            done = set(rows.values_list("photo_id", flat=True))
            block.ids = [photo_id for photo_id in block.ids if photo_id not in done]
        if block.ids:
            return block
        block.release()
        return None


@contextmanager
def blocks(network_id: int, ids: Sequence[int]) -> Iterator[Blocks]:
    """Claim ids (ascending) block by block; what is still held at the end is released."""
    mine = Blocks(network_id, ids)
    try:
        yield mine
    finally:
        for block in mine.held:
            with suppress(DatabaseError):  # a connection that is gone holds nothing
                block.release()
