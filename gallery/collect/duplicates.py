"""Near-duplicates: perceptual hashes within NEAR_BITS, confirmed by the network's embeddings once both are scored.

Multi-index hashing (Norouzi, Punjani, Fleet 2012, sections 3.1 and 3.2): of four quarters of 16 bits, two hashes within
6 bits of each other agree in one of the first three but for a bit, or in the whole of the last: quarters that differ in
2, 2, 2 and 1 bits make 7. So 3 x 17 + 1 keys of four indexes lead to every answer, whatever the number of photographs.

Clusters are what such pairs connect, less the pairs that a person called different. They are worked out anew for all
that a change touches, so they do not depend on the order in which photographs came.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from accounts.models import User
from gallery.collect import creators
from gallery.models import NotDuplicate, Photo, Score
from ml import interface

NEAR_BITS = 6  # of 64 (crawler.md)
# Cosine of embeddings. 300 real photographs (OASIS, gallery), halved, brightened, cropped or compressed, where the hash
# stays within 6 bits: .72 and more (JPEG of quality 30: six in ten under .97; in grey alone the hundredth has .65). All
# pairs of 878 different ones: one in a thousand passes .72, and those that come within 12 bits by chance .38 at most.
CONFIRMED = 0.7
# A hash is cut at its median and so has 32 bits set; a picture without structure has next to none, and no likeness.
LEAST_BITS, MOST_BITS = 16, 48
LOCK = 0x45564F44  # advisory lock: clusters have one writer at a time
BATCH = 1000  # photographs looked at in one transaction
BLOCKED = {
    "removed": "it was taken down, or looks like one that was",
    "creator_opted_out": "its creator asked that nothing of theirs be shown",
}


def _part(shift: int) -> str:
    """Photographs that agree with the asked hash in the quarter at `shift`, but for one bit unless it is the last."""
    quarter = f"((asked.phash >> {shift}) & 65535)"
    keys = [quarter, *(f"{quarter} # {1 << bit}" for bit in range(16))] if shift else [quarter]
    where = f"((phash >> {shift}) & 65535) = ANY(ARRAY[{', '.join(keys)}])"
    return f"SELECT id, phash FROM gallery_photo WHERE {where}"  # noqa: S608 (made of constants)


NEAR = f"""
    SELECT asked.phash, found.id, bit_count((found.phash # asked.phash)::bit(64))
    FROM unnest(%s::bigint[]) AS asked(phash)
    CROSS JOIN LATERAL ({" UNION ".join(map(_part, (16, 32, 48, 0)))}) AS found
    WHERE bit_count((found.phash # asked.phash)::bit(64)) <= {NEAR_BITS}
        AND bit_count(asked.phash::bit(64)) BETWEEN {LEAST_BITS} AND {MOST_BITS}
"""  # noqa: S608 (made of constants)


def near(hashes: Iterable[int]) -> list[tuple[int, int, int]]:
    """(hash asked for, id of a photograph within NEAR_BITS, bits that differ), photographs of every status.

    Three queries, however many hashes. A hash without structure (a blank page, a black frame) is near nothing.
    """
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        # Of a table that is small, or was when it was last analysed, the planner would read all of it for each hash.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(NEAR, [list(hashes)])
        found = cursor.fetchall()
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")
    return found


def cluster_new(photo_ids: Sequence[int]) -> int:
    """Give photographs just stored their clusters, joining what they connect; how many have a near-duplicate.

    Call it in the transaction that stored them or after it: whoever comes second sees both, so no pair is missed.
    """
    with transaction.atomic():
        _lock()
        return len(set(photo_ids) & _recluster(_touched(photo_ids)))


def confirm_scored(photo_ids: Sequence[int]) -> None:
    """Look again at the clusters of photographs that now have scores: those that only look alike part."""
    clusters = Photo.objects.filter(pk__in=photo_ids, cluster__isnull=False).values_list("cluster", flat=True)
    _confirm(set(clusters))


def confirm_all() -> None:
    """Look again at every cluster: after a network was switched, or a kill between scoring and confirming."""
    clusters = Photo.objects.filter(cluster__isnull=False).order_by("cluster").values_list("cluster", flat=True)
    rows = clusters.distinct().iterator(chunk_size=BATCH)
    while part := set(islice(rows, BATCH)):
        _confirm(part)


def _confirm(clusters: set[int | None]) -> None:
    if clusters:
        with transaction.atomic():
            _lock()
            _recluster(set(Photo.objects.filter(cluster__in=clusters).values_list("pk", flat=True)))


@dataclass(frozen=True)
class Newcomer:
    """A photograph that would come in. What is not known yet may be left out."""

    source: str
    source_id: str
    owner: str = ""
    sha256: str = ""
    phash: int | None = None
    creator: str = ""
    creator_url: str = ""


def blocked(newcomers: Sequence[Newcomer]) -> list[str]:
    """For each why it must not come in (one of BLOCKED), or "" (six queries, however many they are).

    "removed": it was, as this id or these bytes, or as one that looks nearly the same. A photograph dropped for naming
    two moods harms nobody: its id and bytes stay out, what looks like it does not.
    """
    gone = Photo.objects.filter(status=Photo.Status.REMOVED)
    sums = {new.sha256 for new in newcomers if new.sha256}
    known = gone.filter(Q(source_id__in={new.source_id for new in newcomers}) | Q(sha256__in=sums))
    rows = list(known.values_list("source", "source_id", "sha256"))
    ids, sums_gone = {row[:2] for row in rows}, {row[2] for row in rows}
    looks = _removed_looks({new.phash for new in newcomers if new.phash is not None}, gone)
    out = creators.opted_out((new.source, new.owner, new.creator_url, new.creator) for new in newcomers)
    return [
        "removed"
        if (new.source, new.source_id) in ids or new.sha256 in sums_gone or new.phash in looks
        else "creator_opted_out"
        if creator_is_out
        else ""
        for new, creator_is_out in zip(newcomers, out, strict=True)
    ]


def _removed_looks(hashes: set[int], gone: QuerySet[Photo]) -> set[int]:
    """Those of the hashes that a removed photograph comes near."""
    alike = near(hashes)
    removed = gone.filter(pk__in={found for _, found, _ in alike}).exclude(removed_because="two_moods")
    taken = set(removed.values_list("pk", flat=True))
    return {asked for asked, found, _ in alike if found in taken}


def not_duplicate(photo: Photo, *, by: User | None) -> int:
    """Remember that a photograph differs from all others of its cluster, and work the cluster out anew; how many."""
    with transaction.atomic():
        _lock()
        photo.refresh_from_db(fields=["cluster"])
        if photo.cluster is None:
            return 0
        members = set(Photo.objects.filter(cluster=photo.cluster).values_list("pk", flat=True))
        pairs = [sorted((photo.pk, other)) for other in members - {photo.pk}]
        NotDuplicate.objects.bulk_create(
            [NotDuplicate(first_id=first, second_id=second, decided_by=by) for first, second in pairs],
            ignore_conflicts=True,
        )
        _recluster(members)
        return len(pairs)


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _touched(photo_ids: Sequence[int]) -> set[int]:
    """The photographs, what is near them, and the whole clusters of all these (six queries)."""
    hashes = Photo.objects.filter(pk__in=photo_ids).values_list("phash", flat=True)
    ids = {*photo_ids, *(found for _, found, _ in near(set(hashes)))}
    clusters = set(Photo.objects.filter(pk__in=ids, cluster__isnull=False).values_list("cluster", flat=True))
    return ids | set(Photo.objects.filter(cluster__in=clusters).values_list("pk", flat=True))


def _recluster(ids: set[int]) -> set[int]:
    """Write the clusters of these photographs, which nothing else is in one with; the ids that are in one."""
    photos = list(Photo.objects.filter(pk__in=ids).only("phash", "cluster", "status").order_by("pk"))
    alive = [photo for photo in photos if photo.status != Photo.Status.REMOVED]
    numbers, hashes = [photo.pk for photo in alive], np.array([photo.phash for photo in alive], np.int64)
    labels = connected(numbers, hashes, {}, set()).tolist()
    if len(set(labels)) < len(labels):  # the network and people only part what looks alike
        labels = connected(numbers, hashes, _embeddings(numbers), _different(numbers)).tolist()
    sizes = Counter(labels)
    wanted = {pk: first for pk, first in zip(numbers, labels, strict=True) if sizes[first] > 1}
    changed: dict[int | None, list[int]] = {}
    for photo in photos:
        if photo.cluster != wanted.get(photo.pk):
            changed.setdefault(wanted.get(photo.pk), []).append(photo.pk)
    for cluster, members in changed.items():
        Photo.objects.filter(pk__in=members).update(cluster=cluster)
    return set(wanted)


def connected(
    ids: Sequence[int], hashes: NDArray[np.int64], embeddings: dict[int, NDArray], different: set[tuple[int, int]]
) -> NDArray[np.int64]:
    """For each photograph the first id of its cluster. ids ascend; `embeddings`: of those scored, of length one.

    A pair in `different` is never in one cluster, not even through a third photograph: the earlier link stands.
    A step costs O(n) in memory and time, so that a thousand copies of one photograph are no trouble.
    """
    labels, codes = np.array(ids, np.int64), hashes.view(np.uint64)
    bits = np.bitwise_count(codes)
    comparable = (bits >= LEAST_BITS) & (bits <= MOST_BITS)
    for place in map(int, np.flatnonzero(comparable)):
        alike = comparable & (np.bitwise_count(codes ^ codes[place]) <= NEAR_BITS)
        others = np.flatnonzero(alike[:place])
        while (others := others[labels[others] != labels[place]]).size:
            other, others = int(others[0]), others[1:]
            ours, theirs = labels == labels[place], labels == labels[other]
            if _same(ids[place], ids[other], embeddings) and not _kept_apart(ids, ours, theirs, different):
                labels[ours | theirs] = min(labels[place], labels[other])
    return labels


def _same(one: int, other: int, embeddings: dict[int, NDArray]) -> bool:
    """Whether the network agrees that a pair is alike; until both are scored their hashes decide."""
    if one not in embeddings or other not in embeddings:
        return True
    return float(embeddings[one] @ embeddings[other]) >= CONFIRMED


def _kept_apart(ids: Sequence[int], ours: NDArray, theirs: NDArray, different: set[tuple[int, int]]) -> bool:
    if not different:
        return False
    one, other = ({ids[int(place)] for place in np.flatnonzero(side)} for side in (ours, theirs))
    return any((a in one and b in other) or (a in other and b in one) for a, b in different)


def _embeddings(ids: Sequence[int]) -> dict[int, NDArray]:
    """Embeddings by the active network, each of length one, of the photographs that have one (one query)."""
    rows = Score.objects.filter(network_id=interface.active().id, photo_id__in=ids)
    found = ((pk, np.asarray(vector, np.float32)) for pk, vector in rows.values_list("photo_id", "embedding"))
    return {pk: vector / np.linalg.norm(vector) for pk, vector in found if vector.any()}


def _different(ids: Sequence[int]) -> set[tuple[int, int]]:
    """Pairs among the photographs that a person called different (one query)."""
    return set(NotDuplicate.objects.filter(first__in=ids, second__in=ids).values_list("first_id", "second_id"))
