"""What a collection gives to training: a photograph with what people said of it, and which of them are wanted."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class TrainingRow:
    """One photograph: `image()` loads it (RGB); mean rating on 1-7 and its count; the mood most people felt, if any.

    `key` names the photograph (stable; used in the data hash); `group` is never split between folds (its creator).
    `count` is the effective number of ratings: those of some visitors count less. `kin`: groups of near-duplicates.
    """

    key: str
    group: str
    image: Callable[[], "Image"]
    aesthetic: float | None = None
    count: float = 0
    mood: str | None = None
    kin: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """What a network said of a photograph when it scored it: beauty on 1-7, six probabilities in MOODS order."""

    aesthetic: float
    moods: tuple[float, ...]


@dataclass(frozen=True)
class Selection:
    """Which photographs and answers teach a network; an empty tuple or None leaves nothing out."""

    moods: tuple[str, ...] = ()  # that people felt, or that the source's words name
    licences: tuple[str, ...] = ()
    since: date | None = None  # added to the collection then or later
    until: date | None = None  # ... then or earlier
    ratings: bool = True  # learn from what visitors rated
    felt: bool = True  # from what they said they felt
    tags: bool = False  # from the mood that a source's words name, where nobody said what they felt
    sets: tuple[str, ...] = ()  # data sets of this machine, by name

    @property
    def collection(self) -> bool:
        """Whether anything of the collection is learnt from."""
        return self.ratings or self.felt or self.tags

    def told(self) -> dict[str, Any]:
        """As plain values, without those that leave nothing out."""
        found = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if value != each.default:
                found[each.name] = value.isoformat() if isinstance(value, date) else value
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def selection_of(told: Mapping[str, Any]) -> Selection:
    """The selection that `Selection.told` tells of; what it does not know is left out."""
    known = {each.name for each in dataclasses.fields(Selection)}
    values: dict[str, Any] = {name: value for name, value in told.items() if name in known}
    for name in ("moods", "licences", "sets"):
        values[name] = tuple(values.get(name, ()))
    for name in ("since", "until"):
        values[name] = date.fromisoformat(values[name]) if values.get(name) else None
    return Selection(**values)


def rows_hash(rows: Iterable[TrainingRow], more: Iterable[str] = ()) -> str:
    """SHA-256 of what is known of the photographs, in any order, and of other facts that decide what is learnt."""
    names = [each.name for each in dataclasses.fields(TrainingRow) if each.name != "image"]
    lines = sorted(" ".join(str(getattr(row, name)) for name in names) for row in rows)
    return hashlib.sha256("\n".join([*lines, *sorted(more)]).encode()).hexdigest()
