"""What changed between two versions, from their tables of photographs: both are in order of sha256, so both stream."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from typing import Any

from gallery.dataset.columns import Row

UNTOLD = {"shard"}  # which file holds it says nothing of a photograph


@dataclass
class Changes:
    """Ids that came and left, how often each column changed, and the licences that did."""

    before: str
    added: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    changed: Counter[str] = field(default_factory=Counter)
    licences: list[dict[str, str]] = field(default_factory=list)

    def as_json(self, version: str) -> dict[str, Any]:
        return {
            "version": version, "before": self.before, "counts": self.counts(),
            "changed": dict(sorted(self.changed.items())),
            "licences": self.licences, "added": self.added, "left": self.left,
        }  # fmt: skip

    def counts(self) -> dict[str, int]:
        return {"added": len(self.added), "left": len(self.left), "licences_changed": len(self.licences)}

    def as_text(self, version: str) -> str:
        """The same for a reader."""
        if not self.before:
            return f"# Changes in {version}\n\nThis is the first version.\n"
        lines = [f"# Changes in {version}, since {self.before}", ""]
        lines += [
            f"- {len(self.added)} photographs came in.",
            f"- {len(self.left)} left{_listed(self.left)}.",
        ]
        lines += [f"- The column `{name}` changed for {count}." for name, count in sorted(self.changed.items())]
        lines += [f"- {one['id']}: the licence was {one['before']}, now it is {one['now']}." for one in self.licences]
        return "\n".join([*lines, "", "Splits never change. Ids of all that came in are in `changes.json`.", ""])


def compare(before: str, old: Iterable[Row], new: Iterable[Row]) -> Changes:
    """The differences between the version named `before` ("": there is none) and a new one."""
    changes = Changes(before)
    if not before:
        return changes
    both = merge(_tagged(old, 0), _tagged(new, 1), key=lambda one: one[:2])
    for _, group in groupby(both, key=lambda one: one[0]):
        _note(changes, {which: row for _, which, row in group})
    return changes


def _listed(ids: list[str]) -> str:
    return f": {', '.join(ids)}" if ids else ""


def _tagged(rows: Iterable[Row], which: int) -> Iterator[tuple[str, int, Row]]:
    return ((row["sha256"], which, row) for row in rows)


def _note(changes: Changes, found: dict[int, Row]) -> None:
    if 0 not in found:
        changes.added.append(found[1]["id"])
    elif 1 not in found:
        changes.left.append(found[0]["id"])
    else:
        old, new = found[0], found[1]
        changes.changed.update(
            name for name in old.keys() & new.keys() if old[name] != new[name] and name not in UNTOLD
        )
        if old["licence"] != new["licence"]:
            changes.licences.append({"id": new["id"], "before": old["licence"], "now": new["licence"]})
