"""Which photographs a version holds, each with its split and cluster: some hundred bytes a photograph in memory."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Q

from gallery.dataset import splits
from gallery.dataset.columns import photo_id
from gallery.models import Photo
from gallery.moods import MOODS

CHUNK = 2000
COLUMNS = ("pk", "sha256", "source", "owner", "creator", "creator_url", "cluster", "split", "licence")


@dataclass(frozen=True, slots=True)
class Entry:
    """One photograph of the version; `cluster` is the published label, "" where it has no near-duplicate in it."""

    pk: int
    id: str
    split: str
    cluster: str
    licence: str


@dataclass(frozen=True)
class Plan:
    """Photographs in order of their sha256; `left_out` would have joined what cannot be (splits.py)."""

    entries: list[Entry]
    left_out: int


def in_data_set() -> Q:
    """Accepted photographs, whatever their licence, to which their source's words give a mood."""
    return Q(status=Photo.Status.SHOWN, mood_tag__in=MOODS)


def read() -> Plan:
    """What the next version holds. Published photographs that are no longer shown still say where their kin belong."""
    members: list[splits.Member] = []
    shown: dict[str, tuple[int, int | None, str]] = {}
    rows = Photo.objects.filter(in_data_set()).values_list(*COLUMNS).order_by("sha256")
    for pk, sha256, source, owner, name, url, cluster, split, licence in rows.iterator(chunk_size=CHUNK):
        members.append(splits.Member(sha256, splits.made_by(sha256, source, owner, name, url), cluster, split))
        shown[sha256] = pk, cluster, licence
    assigned = splits.assign([*members, *_hidden_kin()])
    kept = {sha256: facts for sha256, facts in shown.items() if sha256 in assigned}
    labels = _labels(kept)
    entries = [
        Entry(pk, photo_id(sha256), assigned[sha256], labels.get(cluster, ""), licence)
        for sha256, (pk, cluster, licence) in kept.items()
    ]
    return Plan(entries, len(shown) - len(kept))


def _hidden_kin() -> list[splits.Member]:
    """Photographs of earlier versions that are not in this one."""
    rows = Photo.objects.exclude(split="").exclude(in_data_set()).values_list(*COLUMNS[1:-1])
    return [
        splits.Member(sha256, splits.made_by(sha256, source, owner, name, url), cluster, split)
        for sha256, source, owner, name, url, cluster, split in rows.iterator(chunk_size=CHUNK)
    ]


def _labels(kept: dict[str, tuple[int, int | None, str]]) -> dict[int | None, str]:
    """The published label of each cluster with two photographs or more: its smallest id (kept is in that order)."""
    sizes = Counter(cluster for _, cluster, _ in kept.values() if cluster is not None)
    labels: dict[int | None, str] = {}
    for sha256, (_, cluster, _) in kept.items():
        if cluster is not None and sizes[cluster] > 1:
            labels.setdefault(cluster, photo_id(sha256))
    return labels
