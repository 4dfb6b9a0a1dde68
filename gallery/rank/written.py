"""Scores into the table, many at once by COPY: each photograph once, and none that was deleted meanwhile."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from gallery.collect import duplicates
from gallery.models import Photo, ScoringFailure
from gallery.rank import learning
from ml import interface

MOODS = len(interface.MOODS)
# COPY knows no conflicts: rows go into a table of this connection's own, and from there where they are not yet.
ARRIVALS = """
    CREATE TEMPORARY TABLE IF NOT EXISTS score_arrivals (
        photo_id bigint, moods float8[], valence float8, arousal float8, aesthetic float8, embedding halfvec(64))
"""
COPY = "COPY score_arrivals FROM STDIN"
INSERT = """
    INSERT INTO gallery_score (photo_id, network_id, moods, valence, arousal, aesthetic, embedding, scored_at)
    SELECT photo_id, %s, moods, valence, arousal, aesthetic, embedding, now() FROM score_arrivals ORDER BY photo_id
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Row:
    """What a network says of a photograph; numbers (73,): moods, valence, arousal, aesthetic, embedding."""

    photo_id: int
    numbers: NDArray[np.float64]


def keep(network_id: int, rows: Sequence[Row], reasons: dict[int, str]) -> None:
    """Write rows, and why others have none, in one transaction.

    Whoever deletes a photograph meanwhile waits until its row is there, and takes it along.
    """
    with transaction.atomic():
        kept = _locked([row.photo_id for row in rows] + list(reasons))
        _copy(network_id, [row for row in rows if row.photo_id in kept])
        learning.start_anew(network_id, kept)
        ScoringFailure.objects.bulk_create(
            [ScoringFailure(photo_id=i, network_id=network_id, reason=why) for i, why in reasons.items() if i in kept],
            ignore_conflicts=True,
        )
    if network_id == interface.active().id:
        duplicates.confirm_scored(sorted(kept))  # after the rows are kept: it waits for whoever else joins clusters


def _locked(ids: Collection[int]) -> set[int]:
    """Those of the photographs that are still there, locked against deletion, in the order in which all lock them."""
    rows = Photo.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
    return set(rows.values_list("pk", flat=True))


def _copy(network_id: int, rows: Sequence[Row]) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(ARRIVALS)
        cursor.execute("TRUNCATE score_arrivals")
        with cursor.copy(COPY) as copy:
            copy.write("".join(map(_line, rows)))
        cursor.execute(INSERT, [network_id])


def _line(row: Row) -> str:
    """A row as COPY's text: columns between tabs."""
    numbers = [repr(number) for number in row.numbers.tolist()]
    moods, scales, embedding = numbers[:MOODS], numbers[MOODS : MOODS + 3], numbers[MOODS + 3 :]
    return "\t".join((str(row.photo_id), f"{{{','.join(moods)}}}", *scales, f"[{','.join(embedding)}]")) + "\n"
