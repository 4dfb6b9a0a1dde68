"""The gate on this site: candidate and active network on the photographs that only judge, kept as a Comparison."""

import hashlib
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml import collection, interface
from ml.models import Comparison
from ml.moods import MOODS
from ml.rows import Said, TrainingRow

if TYPE_CHECKING:
    from ml.gate import Outputs, Truth

BATCH = 32  # photographs in memory at a time
MOST = 4000  # photographs: those of the lowest hashes, so that they stay the same ones


def judge(network_id: int, seed: int = 0) -> Comparison:
    """Compare a network with the one that ranks now, on the test part as it is now; the verdict as a new row.

    Scores that the collection holds are taken; the rest is scored here. Raises NetworkFileError if a network cannot.
    """
    from ml import gate

    active = interface.active()
    rows = _test_rows((network_id, active.id))
    seen = _both(rows, network_id, active.id)
    rows = [row for row in rows if row.key in seen]
    truth = truth_of(rows)
    candidate, theirs = (_outputs([seen[row.key][place] for row in rows]) for place in (0, 1))
    found = gate.compare(truth, candidate, theirs, seed)
    return Comparison.objects.create(
        candidate_id=network_id,
        against_id=active.id,
        accepted=found.accepted,
        reason=found.sentence[:300],
        split_hash=split_hash(rows),
        photographs=len(rows),
        figures=found.figures,
        disagreements=found.disagreements,
    )


def _test_rows(network_ids: Sequence[int]) -> list[TrainingRow]:
    """The rows that judge, without photographs of which a network's card says that it learnt from them."""
    learnt = {key for network_id in network_ids for key in interface.card(network_id).get("photographs", ())}
    rows = [row for row in interface.training_rows(part="test") if row.key[:16] not in learnt]
    if len(rows) > MOST:
        rows = sorted(rows, key=lambda row: hashlib.sha256(row.key.encode()).digest())[:MOST]
    return sorted(rows, key=lambda row: row.key)


def split_hash(rows: Sequence[TrainingRow]) -> str:
    """SHA-256 of the photographs that judged and of what people had said of them."""
    from ml.rows import rows_hash

    return rows_hash(rows)


def truth_of(rows: Sequence[TrainingRow]) -> "Truth":
    """Rows as the gate reads them."""
    from ml.gate import NONE, Truth

    return Truth(
        [row.key for row in rows],
        np.array([row.group for row in rows], dtype=np.str_),
        np.array([np.nan if row.aesthetic is None else row.aesthetic for row in rows], float),
        np.array([row.count for row in rows], float),
        np.array([NONE if row.mood is None else MOODS.index(row.mood) for row in rows], np.int64),
    )


def _both(rows: Sequence[TrainingRow], candidate_id: int, active_id: int) -> dict[str, tuple[Said, Said]]:
    """What both networks say, by key; photographs that cannot be read are left out, for both."""
    found: dict[str, tuple[Said, Said]] = {}
    waiting = iter(rows)
    while some := list(islice(waiting, BATCH)):
        images: dict[str, Any] = {}
        mine, theirs = (_said(some, network_id, images) for network_id in (candidate_id, active_id))
        found |= {key: (mine[key], theirs[key]) for key in mine.keys() & theirs.keys()}
    return found


def _said(rows: Sequence[TrainingRow], network_id: int, images: dict[str, Any]) -> dict[str, Said]:
    """What a network says of one batch. images: those loaded so far, by key; None where one cannot be."""
    found = collection.said_by(network_id, [row.key for row in rows])
    missing = [row for row in rows if row.key not in found]
    for row in missing:
        if row.key not in images:
            images[row.key] = _loaded(row)
    keys = [row.key for row in missing if images[row.key] is not None]
    if keys:
        scores = interface.scorer(network_id)([images[key] for key in keys])
        for place, key in enumerate(keys):
            found[key] = Said(float(scores.aesthetic[place]), tuple(float(p) for p in scores.moods[place]))
    return {key: said for key, said in found.items() if np.isfinite([said.aesthetic, *said.moods]).all()}


def _loaded(row: TrainingRow) -> Any:
    try:
        return row.image()
    except (OSError, ValueError, SyntaxError):  # what PIL and a storage raise
        return None


def _outputs(said: Sequence[Said]) -> "Outputs":
    from ml.gate import Outputs

    moods: NDArray[np.float64] = np.array([one.moods for one in said], float).reshape(len(said), len(MOODS))
    return Outputs(np.array([one.aesthetic for one in said], float), moods)
