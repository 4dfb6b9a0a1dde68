"""A network's drawing as an SVG picture that stands alone: a box a layer, as high as its map, in the order of flow."""

import math
from collections.abc import Sequence
from xml.etree import ElementTree as xml

from ml import graph
from ml.graph import Node
from ml.nets.base import Net

STEP, ROW, LEFT, TOP = 58, 112, 34, 64
LONGEST = 9  # letters of a label
STYLE = """
text { font: 10px system-ui, sans-serif; fill: #555 } .name { font-size: 11px; fill: #222 }
path { fill: none; stroke: #bbb; stroke-width: 1.5 } rect { stroke: none }
.input { fill: #9aa0a6 } .conv { fill: #3056d3 } .full { fill: #c2410c } .pool { fill: #7c9cf0 }
.recurrent { fill: #15803d } .block { fill: #5b4bc4 } .frozen { opacity: .45 }
@media (prefers-color-scheme: dark) { text { fill: #aaa } .name { fill: #eee } path { stroke: #555 }
.conv { fill: #8fa8ff } .full { fill: #ff9a62 } .pool { fill: #566dc9 } .recurrent { fill: #63c98a }
.block { fill: #a79cff } }
"""


def draw(net: Net, title: str) -> str:
    """SVG of what the network is when it runs; frozen layers are pale."""
    nodes = graph.of(net)
    place = graph.layers(nodes)
    rows = _rows(nodes, place)
    width = LEFT * 2 + STEP * max(place.values()) + 40
    height = TOP + ROW * (max(rows.values()) + 1) + 6
    root = xml.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", role="img")
    xml.SubElement(root, "title").text = title
    xml.SubElement(root, "style").text = STYLE
    spots = {node.name: (LEFT + STEP * place[node.name], TOP + ROW * rows[node.name]) for node in nodes}
    for node in nodes:
        for before in sorted(node.after & spots.keys()):
            _arrow(root, spots[before], spots[node.name])
    for node in nodes:
        _box(root, node, *spots[node.name])
    return xml.tostring(root, encoding="unicode")


def _rows(nodes: Sequence[Node], place: dict[str, int]) -> dict[str, int]:
    """A row for each node: that of the node before it where it is free, else the next free one of its column."""
    rows: dict[str, int] = {}
    taken: set[tuple[int, int]] = set()
    for node in nodes:
        wanted = min((rows[each] for each in node.after if each in rows), default=0)
        row = next(row for row in range(wanted, len(nodes) + wanted) if (place[node.name], row) not in taken)
        rows[node.name] = row
        taken.add((place[node.name], row))
    return rows


def _arrow(root: xml.Element, start: tuple[int, int], end: tuple[int, int]) -> None:
    x, y, to_x, to_y = start[0] + 6, start[1], end[0] - 6, end[1]
    bend = (to_x - x) / 2 if to_x > x else 24
    xml.SubElement(root, "path", d=f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}")


def _box(root: xml.Element, node: Node, x: int, y: int) -> None:
    side = node.shape[-1] if len(node.shape) == 3 else 1
    high = 14 + 8 * math.log2(max(side, 1))
    wide = 5 + 1.6 * math.log2(max(node.shape[0] if node.shape else 1, 1))
    kind = f"{node.kind} frozen" if node.frozen else node.kind
    box = xml.SubElement(root, "rect", {"class": kind, "rx": "2"})
    for name, value in (("x", x - wide / 2), ("y", y - high / 2), ("width", wide), ("height", high)):
        box.set(name, f"{value:.1f}")
    times = f", used {node.calls} times" if node.calls > 1 else ""
    xml.SubElement(box, "title").text = f"{node.name}: {_shape(node)}, {node.parameters:,} parameters{times}"
    for text, kind, dy in ((_short(node), "name", high / 2 + 13), (_shape(node), "shape", high / 2 + 25)):
        label = xml.SubElement(
            root, "text", {"class": kind, "x": str(x), "y": f"{y + dy:.1f}", "text-anchor": "middle"}
        )
        label.text = text


def _shape(node: Node) -> str:
    return f"{node.shape[0]}×{node.shape[1]}²" if len(node.shape) == 3 else "×".join(map(str, node.shape))


def _short(node: Node) -> str:
    """What fits under a box: the name, its last part where that says something, else the kind of layer."""
    last = node.name.split(".")[-1]
    if len(node.name) <= LONGEST:
        return node.name
    return last if not last.isdigit() and len(last) <= LONGEST else node.kind
