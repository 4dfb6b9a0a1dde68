"""Drawings show what a network does when it runs."""

from xml.etree import ElementTree as xml

import pytest
import torch
from torch import nn

from ml import described, drawing, graph
from ml.nets import catalog
from ml.nets.base import Net
from ml.views import View


class Forked(Net):
    """Two branches that meet, a layer used twice, a frozen one."""

    def __init__(self) -> None:
        super().__init__("binary", 2)
        self.views = (View("warp", 16, 8), View("warp", 16, 8))
        self.left, self.right = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 6, 3, padding=1)
        self.again, self.last = nn.Linear(10, 10), nn.Linear(10, 2)
        self.left.requires_grad_(False)

    def forward(self, one, other):
        x = torch.cat([torch.relu(self.left(one)).mean((2, 3)), self.right(other).amax((2, 3))], 1)
        return {"logits": self.last(self.again(self.again(x)))}


def test_branches_meet_where_they_are_joined():
    nodes = {node.name: node for node in graph.of(Forked())}
    assert list(nodes) == ["input 1", "input 2", "left", "right", "again", "last"]
    assert nodes["left"].after == {"input 1"} and nodes["right"].after == {"input 2"}
    assert nodes["again"].after == {"left", "right"} and nodes["last"].after == {"again"}
    assert nodes["again"].calls == 2
    assert nodes["left"].frozen and not nodes["right"].frozen
    assert nodes["right"].shape == (6, 8, 8) and nodes["right"].parameters == 6 * 3 * 9 + 6


def test_steps_count_from_the_input():
    assert graph.layers(graph.of(Forked())) == {
        "input 1": 0,
        "input 2": 0,
        "left": 1,
        "right": 1,
        "again": 2,
        "last": 3,
    }


def test_tracing_changes_nothing_in_the_network():
    net = Forked().eval()
    before = net(torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8))["logits"]
    graph.of(net)
    after = net(torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8))["logits"]
    assert type(after) is torch.Tensor and torch.equal(before, after)


@pytest.mark.parametrize("name", ["rapid_scnn", "ram", "columns", "multiresnet"])
def test_a_drawing_has_a_box_for_each_node_and_no_more_than_fit(name):
    entry = catalog.entry(name)
    settings = {"width": 0.25} if name in ("rapid_scnn", "multiresnet") else {}
    net = entry.build(entry.arguments(**settings), 2)
    root = xml.fromstring(drawing.draw(net, name))
    boxes = [each for each in root if each.tag.endswith("rect")]
    assert len(boxes) == len(graph.of(net)) <= graph.MOST
    assert all("parameters" in box[0].text for box in boxes)
    assert "style=" not in drawing.draw(net, name), "the site's policy allows no style attributes"


def test_the_starter_is_drawn_too():
    nodes = graph.of(described.built("starter"))
    assert [node.shape for node in nodes if node.kind == "input"] == [(3, 224, 224), (3, 260, 260)]
    assert len(nodes) > 6 and all(node.frozen for node in nodes if node.kind != "input")
