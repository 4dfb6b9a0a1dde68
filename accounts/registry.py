"""What other rooms tell accounts at the start: their moods, what they know of a visitor, how they forget it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import Visitor

Row = dict[str, Any]


@dataclass(frozen=True)
class Mood:
    """A mood as the settings page offers it."""

    slug: str
    name: str
    opt_in: bool


@dataclass(frozen=True)
class Exporter:
    """One table of somebody's own data: its file's name, what it is, its columns and their meaning, its rows."""

    name: str
    about: str
    columns: dict[str, str]
    rows: Callable[[Visitor], Iterable[Row]]


moods: list[Mood] = []
exporters: list[Exporter] = []
erasers: list[Callable[[Visitor], None]] = []


def register_moods(offered: Sequence[Mood]) -> None:
    """Name the moods that visitors may choose from; replaces what was said before."""
    moods[:] = offered


def register_exporter(exporter: Exporter) -> None:
    """Add a table to everybody's own data; names must differ."""
    if any(known.name == exporter.name for known in exporters):
        raise ValueError(f"There is an exporter {exporter.name} already.")
    exporters.append(exporter)


def register_eraser(eraser: Callable[[Visitor], None]) -> None:
    """Add what forgets a visitor's taste: everything they said and were shown, and what was learnt from it."""
    erasers.append(eraser)
