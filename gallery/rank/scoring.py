"""Photographs to Score rows: whatever lacks the scores of a network that needs them, in batches, in turns.

The active network's new photographs come first, then those of the network that stands by, then the collection for one
on its way in. Killed half-way it goes on; run twice it does nothing; several at once share the work, see
gallery.rank.blocks.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gallery.models import Score, ScoringFailure
from gallery.rank import pending, pipeline, shortlist, switching
from gallery.rank.pending import waiting
from ml import interface

__all__ = ["ScoringResult", "retry_failed", "score_pending", "waiting"]
log = logging.getLogger(__name__)
TURN = 10.0  # seconds that a network scores before those that come before it are asked again
AHEAD = 20_000  # photographs taken up for a turn
# While scoring runs the shortlist is written anew each time it would grow by a tenth (or a batch), so that the site
# fills; all of it is read for that, so not at each batch of a large collection.
GROWTH = 0.1

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ScoringResult:
    """Counts over all networks; `busy`: others were scoring all that waits, so this process did nothing."""

    scored: int = 0
    failed: int = 0
    busy: bool = False


def score_pending(*, batch: int | None = None, progress: Progress | None = None) -> ScoringResult:
    """Score what waits, by each network that needs it, and let one in that has all its scores.

    progress(name, done, all) is called after every batch with the network's name. Raises NetworkFileError if no
    network can score.
    """
    work = _Pass(batch, progress)
    work.carry_out()
    work.complain()
    return ScoringResult(work.scored, work.failed, busy=bool(work.others) and not work.scored + work.failed)


def retry_failed(network_id: int | None = None) -> int:
    """Forget failures (of one network), so that these photographs are tried again; how many."""
    rows = ScoringFailure.objects.all() if network_id is None else ScoringFailure.objects.filter(network_id=network_id)
    return rows.delete()[0]


@dataclass
class _Pass:
    """One look at what waits, turn by turn, until nothing does."""

    batch: int | None
    progress: Progress | None
    scored: int = 0
    failed: int = 0
    others: int = 0  # left to other workers
    done: Counter[str] = field(default_factory=Counter)
    held: int | None = None  # scores of the active network when the shortlist was last written
    since: int = 0  # and how many more since then
    unusable: dict[int, interface.NetworkFileError] = field(default_factory=dict)
    stuck: set[int] = field(default_factory=set)

    def carry_out(self) -> None:
        while (turn := self._next()) is not None:
            try:
                self._take(*turn)
            except interface.NetworkFileError as error:  # of an older version, say: the one on its way in may score
                self.unusable[turn[0].id] = error
                log.error("%s cannot score: %s", turn[0].name, error)
        incoming = interface.incoming()
        if incoming is not None and incoming.id not in self.unusable:
            switching.let_in(incoming)
        switching.refresh()

    def complain(self) -> None:
        """Raise what went wrong where no network could score."""
        if self.unusable and all(network.id in self.unusable for network in interface.to_score()):
            raise next(iter(self.unusable.values()))

    def _next(self) -> tuple[interface.NetworkInfo, list[int]] | None:
        """The first network, in the order of their right of way, with photographs that wait."""
        for network in interface.to_score():
            if network.id not in self.unusable and network.id not in self.stuck:
                ids = list(pending.lacking(network.id).values_list("pk", flat=True)[:AHEAD])
                if ids:
                    return network, ids
        return None

    def _take(self, network: interface.NetworkInfo, ids: list[int]) -> None:
        """One turn. A network that got nowhere in it is not tried again in this pass."""
        total = self.done[network.name] + (pending.lacking(network.id).count() if self.progress else 0)
        before = self.done[network.name]
        for part in self._batches(network, ids):
            self.scored, self.failed = self.scored + part.scored, self.failed + part.failed
            self.others += part.others
            self.done[network.name] += part.scored + part.failed
            if self.progress is not None:
                self.progress(network.name, self.done[network.name], max(total, self.done[network.name]))
        if self.done[network.name] == before:
            self.stuck.add(network.id)

    def _batches(self, network: interface.NetworkInfo, ids: list[int]) -> Iterator[pipeline.Done]:
        """Batches for as long as the turn lasts and the network is wanted; the site fills while it goes on."""
        ranks, until = network.id == interface.active().id, time.monotonic() + TURN
        for part in pipeline.score(network.id, ids, self.batch, lambda: time.monotonic() > until):
            if ranks:
                self._fill(network.id, part)
            yield part
            if not interface.scores_now(network.id):
                return

    def _fill(self, network_id: int, part: pipeline.Done) -> None:
        self.since += part.scored + part.failed
        if self.held is None:
            self.held = Score.objects.filter(network_id=network_id).count() - part.scored
        if self.since >= GROWTH * self.held:
            shortlist.write()
            self.held, self.since = self.held + self.since, 0
