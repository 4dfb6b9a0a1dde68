"""Where the lines, bars and dots of the data set's plots lie: numbers for SVG attributes, no markup, no styles.

A plot that stands among words is 360 by 240; rows of a table hold strips that are 100 wide and stretched to their cell.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 34, 70, 10, 30  # margins: numbers, names of lines, air, numbers and a title
LINE = 11.5  # height of a line's name
NAME = 64  # width that a line's name may take
HEAT = 10  # steps of a cell's shade
LIKERT = (1, 7)  # the scale of valence and arousal


@dataclass(frozen=True)
class Tick:
    """A number on an axis: its place, where the text stands, the text."""

    at: float
    text: str


@dataclass
class Line:
    """A mood's curve: an SVG path, its end, and where its name stands beside it."""

    slug: str
    name: str
    path: str
    x: float
    y: float
    name_y: float


@dataclass(frozen=True)
class Curves:
    """Expected classes by number of photographs, a line a mood; equal_x: the number at which all are compared."""

    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    equal_x: float
    equal_n: int


def curves(report: dict[str, Any]) -> Curves | None:
    """The rarefaction curves; None where no mood has two photographs that were looked at."""
    drawn = [mood for mood in report["moods"] if len(mood["objects"]["curve"]) > 1]
    if not drawn:
        return None
    most_x = max(mood["objects"]["curve"][-1][0] for mood in drawn)
    most_y = max(mood["objects"]["curve"][-1][1] for mood in drawn)
    lines = [_line(mood, most_x, most_y) for mood in drawn]
    _part_names(lines)
    return Curves(
        lines,
        [Tick(_x(value, most_x), f"{value:,}") for value in steps(most_x)],
        [Tick(_y(value, most_y), f"{value:,}") for value in steps(most_y)],
        _x(report["equal_n"], most_x),
        report["equal_n"],
    )


def _x(value: float, most: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * value / most, 1)


def _y(value: float, most: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / most, 1)


def _line(mood: dict[str, Any], most_x: float, most_y: float) -> Line:
    points = [(_x(m, most_x), _y(expected, most_y)) for m, expected in mood["objects"]["curve"]]
    path = "M" + "L".join(f"{x} {y}" for x, y in points)
    return Line(mood["slug"], mood["name"], path, *points[-1], points[-1][1])


def _part_names(lines: list[Line]) -> None:
    """Push names down until none stands on one above it that is near enough to touch."""
    placed: list[Line] = []
    for line in sorted(lines, key=lambda line: line.y):
        above = [other.name_y for other in placed if abs(other.x - line.x) < NAME]
        line.name_y = max([line.y, *(y + LINE for y in above)])
        placed.append(line)


def steps(most: float) -> list[int]:
    """Round numbers from 0 to at most `most`, three to six of them: the ticks of an axis."""
    if most < 1:
        return [0]
    size = 10 ** math.floor(math.log10(most))
    step = next(step for step in (size / 5, size / 2, size, 2 * size, 5 * size) if most / step <= 5)
    step = max(1, round(step))
    return list(range(0, math.floor(most) + 1, step))


@dataclass(frozen=True)
class Strip:
    """An interval on 0 to 100: its ends, its point, and marks to hold it against (None: no such mark)."""

    low: float
    value: float
    high: float
    others: float | None = None
    strangers: float | None = None


def strip(estimate: dict[str, Any], others: float | None = None, strangers: float | None = None) -> Strip:
    """A share with its interval."""
    low, value, high = (round(100 * estimate[key], 1) for key in ("low", "value", "high"))
    return Strip(low, value, high, *(None if mark is None else round(100 * mark, 1) for mark in (others, strangers)))


@dataclass(frozen=True)
class Box:
    """Quantiles on 0 to 100: the middle 90 and the middle 50 per cent, and the median."""

    least: float
    lower: float
    median: float
    upper: float
    most: float


def box(quantiles: dict[str, float]) -> Box:
    """Quantiles of a scale from 1 to 7."""
    least, most = LIKERT
    return Box(*(round(100 * (quantiles[key] - least) / (most - least), 1) for key in ("5", "25", "50", "75", "95")))


def heat(count: int, row: Sequence[int]) -> int:
    """The shade of a cell by its share of the row, 0 to HEAT."""
    return round(HEAT * count / sum(row)) if sum(row) else 0


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    height: float
    year: int
    n: int


def years(rows: Sequence[dict[str, Any]], span: Sequence[dict[str, Any]]) -> list[Bar]:
    """Bars of one unit a year over the years of `span`, the highest 40 high; empty years have none."""
    first, most = span[0]["year"], max((row["n"] for row in rows), default=1)
    bars = []
    for row in rows:
        height = round(40 * row["n"] / most, 1)
        bars.append(Bar(row["year"] - first, 40 - height, height, row["year"], row["n"]))
    return bars


@dataclass(frozen=True)
class Piece:
    """A part of a bar that is 100 wide."""

    x: float
    width: float
    shade: int


def pieces(counts: Iterable[int]) -> list[Piece]:
    """Parts side by side, in their order; the shades lighten from 0 to 3."""
    counts = list(counts)
    total, done, made = sum(counts), 0, []
    for place, count in enumerate(counts):
        made.append(Piece(round(100 * done / total, 2), round(100 * count / total, 2), min(place, 3)))
        done += count
    return made
