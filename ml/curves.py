"""A training's curves as an SVG picture that stands alone: loss and validation metric by epoch, one above the other."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any
from xml.etree import ElementTree as xml

WIDTH, PANEL, GAP = 640, 150, 46
LEFT, RIGHT, TOP = 56, 16, 26
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #555 } .name { font-weight: 600; fill: #222 }
line { stroke: #ddd } path { fill: none; stroke-width: 2 }
.a { stroke: #3056d3 } .b { stroke: #c2410c } .chosen { stroke: #888; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) { text { fill: #aaa } .name { fill: #eee } line { stroke: #333 }
.a { stroke: #8fa8ff } .b { stroke: #ff9a62 } }
"""


def draw(history: Sequence[Mapping[str, Any]], chosen: int | None = None) -> str:
    """SVG of a history (a row an epoch with "loss" and "validation"; missing values leave a gap).

    chosen: the row whose weights were kept, marked by a dashed line.
    """
    root = xml.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {TOP + 2 * PANEL + GAP + 30}",
        role="img",
    )
    root.set("aria-label", f"Curves of {len(history)} epochs")
    xml.SubElement(root, "style").text = STYLE
    panels = (("Training loss", "loss", "a", TOP), ("Validation", "validation", "b", TOP + PANEL + GAP))
    for title, key, kind, top in panels:
        _panel(root, title, [row.get(key) for row in history], kind, top, chosen)
    last = xml.SubElement(root, "text", x=str(WIDTH - RIGHT), y=str(TOP + 2 * PANEL + GAP + 22))
    last.set("text-anchor", "end")
    last.text = f"epoch {len(history)}"
    return xml.tostring(root, encoding="unicode")


def _panel(
    root: xml.Element, title: str, values: Sequence[float | None], kind: str, top: float, chosen: int | None
) -> None:
    known = [value for value in values if value is not None and isfinite(value)]
    xml.SubElement(root, "text", {"class": "name", "x": str(LEFT), "y": str(top - 10)}).text = title
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    for limit, y in ((high, top), (low, top + PANEL)):
        xml.SubElement(root, "line", x1=str(LEFT), x2=str(WIDTH - RIGHT), y1=f"{y:.1f}", y2=f"{y:.1f}")
        label = xml.SubElement(root, "text", {"x": str(LEFT - 8), "y": f"{y + 4:.1f}", "text-anchor": "end"})
        label.text = f"{limit:.3g}"
    steps = max(len(values) - 1, 1)
    across = [LEFT + (WIDTH - LEFT - RIGHT) * place / steps for place in range(len(values))]
    if chosen is not None and chosen < len(across):
        ends = {"x1": f"{across[chosen]:.1f}", "x2": f"{across[chosen]:.1f}", "y1": str(top), "y2": str(top + PANEL)}
        xml.SubElement(root, "line", {"class": "chosen", **ends})
    path, pen = [], "M"
    for x, value in zip(across, values, strict=True):
        if value is None or not isfinite(value):
            pen = "M"
            continue
        share = (value - low) / (high - low) if high > low else 0.5
        path.append(f"{pen}{x:.1f} {top + PANEL * (1 - share):.1f}")
        pen = "L"
    if path:
        xml.SubElement(root, "path", {"class": kind, "d": "".join(path)})
