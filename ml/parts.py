"""The frozen split of a collection: which photographs teach networks, and which only judge them.

By a hash of the photograph's group (its creator), so that no list is kept and nothing ever moves from one part to the
other. What is near a photograph of the other part belongs to neither: it could teach one part about the other.
"""

import hashlib
from collections.abc import Iterable
from typing import Literal

TEST = 0.2  # share of the groups that only judge
Part = Literal["train", "test", ""]


def is_test(group: str) -> bool:
    """Whether a group's photographs only judge: its hash falls in the lowest fifth."""
    number = int.from_bytes(hashlib.sha256(b"gate\n" + group.encode()).digest()[:8])
    return number < TEST * 2**64


def part_of(group: str, kin: Iterable[str] = ()) -> Part:
    """The part of a photograph by its group and those of its near-duplicates; "" where they fall on both sides."""
    sides = {is_test(one) for one in (group, *kin)}
    if len(sides) > 1:
        return ""
    return "test" if sides.pop() else "train"
