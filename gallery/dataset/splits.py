"""Train, validation and test photographs: by creator, frozen once published, near-duplicates on one side.

Creators whose photographs are near-duplicates of each other form one group (union-find, R. E. Tarjan 1975), and a group
goes to one split: that of its published photographs, else one drawn by the hash of its first creator. A photograph that
would join groups of different splits is left out, for neither split could hold it without a leak; so is one by which
groups would grow beyond GROUP of all photographs, for a few chains of copies would else draw everything into one split.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scipy.cluster.hierarchy import DisjointSet

from gallery.collect import creators

GROUP, LEAST_GROUP = 0.01, 1000  # share of all photographs that joined creators may have; it may be so many at least
SHARES = (("train", 150), ("val", 50), ("test", 100))  # the report's proportions


@dataclass(frozen=True, slots=True)
class Member:
    """A photograph as far as splits go. `creators` are keys of made_by(); `split` is that of earlier versions."""

    sha256: str
    creators: tuple[bytes, ...]
    cluster: int | None = None
    split: str = ""


def made_by(sha256: str, source: str, owner: str, name: str, url: str) -> tuple[bytes, ...]:
    """Short keys of who made it: their ids and addresses, else their name at the source, else the photograph alone."""
    who = sorted(creators.keys(source, owner, url)) or [(source, name) if name else ("", sha256)]
    return tuple(hashlib.sha256("\n".join(key).encode()).digest()[:12] for key in who)


def assign(members: Iterable[Member]) -> dict[str, str]:
    """The split of each photograph by its sha256; one that is left out has none.

    Published photographs come first, then new ones by their hash, so that the order of rows changes nothing.
    """
    members = list(members)
    weights = Counter(member.creators[0] for member in members)
    groups, kept = _Groups(weights, max(LEAST_GROUP, int(GROUP * len(members)))), {}
    for member in sorted(members, key=lambda one: (not one.split, one.sha256)):
        if groups.takes(member):
            kept[member.sha256] = member.creators[0]
    return {sha256: groups.split(key) for sha256, key in kept.items()}


class _Groups:
    """Creators and clusters that belong together, and the split of each group where one is settled."""

    def __init__(self, weights: Counter[bytes], most: int) -> None:
        self._weights, self._most = weights, most
        self._weight: dict[bytes | int, int] = {}  # photographs of a group, by its root
        self._sets: DisjointSet = DisjointSet()
        self._settled: dict[bytes | int, str] = {}  # by a group's root
        self._first: dict[bytes | int, bytes] = {}  # the smallest creator's key, by a group's root

    def takes(self, member: Member) -> bool:
        """Join the photograph's creators and cluster, unless different splits would meet or the group be too large."""
        nodes = (*member.creators, *(() if member.cluster is None else (member.cluster,)))
        roots = list(dict.fromkeys(self._root(node) for node in nodes))
        splits = {self._settled[root] for root in roots if root in self._settled} | ({member.split} - {""})
        weights = [self._weight[root] for root in roots if self._weight[root]]
        if len(splits) > 1 or (not member.split and len(weights) > 1 and sum(weights) > self._most):
            return False
        firsts = [self._first.pop(root) for root in roots if root in self._first]
        for root in roots[1:]:
            self._sets.merge(roots[0], root)
        root = self._sets[roots[0]]
        self._first[root], self._weight[root] = min(firsts), sum(weights)
        if splits:
            self._settled[root] = splits.pop()
        return True

    def _root(self, node: bytes | int) -> bytes | int:
        if node not in self._sets:
            self._sets.add(node)
            self._weight[node] = self._weights[node] if isinstance(node, bytes) else 0
            if isinstance(node, bytes):
                self._first[node] = node
        return self._sets[node]

    def split(self, key: bytes) -> str:
        root = self._sets[key]
        return self._settled.get(root) or drawn(self._first[root])


def drawn(key: bytes) -> str:
    """A split by the key's hash, in the proportions of SHARES."""
    number = int.from_bytes(hashlib.sha256(b"split\n" + key).digest()[:8])
    place = number * sum(share for _, share in SHARES) >> 64
    for split, share in SHARES:
        if place < share:
            return split
        place -= share
    raise AssertionError("The shares cover every place.")
