"""Where the dots of a reliability plot lie: numbers for SVG attributes, no markup. The plot is 100 by 100."""

from dataclasses import dataclass
from typing import Any

MOST, LEAST = 5.0, 1.5  # radii of dots: their area grows with the photographs


@dataclass(frozen=True)
class Dot:
    """A tenth of the photographs' certainty: its place (y downwards), its radius, and what it says."""

    x: float
    y: float
    radius: float
    said: str
    right: str
    n: int


@dataclass(frozen=True)
class Plot:
    """Dots from the least to the most certain, a path through them, and the expected calibration error."""

    dots: list[Dot]
    path: str
    ece: str
    n: int


def plot(calibration: dict[str, Any]) -> Plot | None:
    """The plot of a reliability table (see ml.evaluate.calibration); None where it is empty."""
    table = calibration.get("table") or []
    most = max((row[2] for row in table), default=0)
    dots = [
        Dot(
            round(100 * sure, 1),
            round(100 * (1 - right), 1),
            round(max(LEAST, MOST * (n / most) ** 0.5), 1),
            f"{sure:.2f}",
            f"{right:.2f}",
            n,
        )
        for _, _, n, sure, right in table
    ]
    if not dots:
        return None
    path = "M" + "L".join(f"{dot.x} {dot.y}" for dot in dots)
    return Plot(dots, path, f"{calibration['ece']:.3f}", calibration["n"])
