"""What flows where in a network: found by running it once, so that a drawing shows the network and not an idea of it.

Every tensor carries the names of the layers that it came from; a layer's hook reads them off its inputs. Layers without
numbers of their own (ReLU, dropout) are passed through; a layer that is used again and again stays one node.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_iter, tree_map

from ml.nets.base import Net

MOST = 26  # nodes; a network with more is shown by its blocks
POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


@dataclass
class Node:
    """A layer or a block. shape: of what leaves it, without the batch."""

    name: str
    kind: str  # "input", "conv", "full", "pool", "recurrent" or "block"
    shape: tuple[int, ...]
    parameters: int
    frozen: bool
    after: set[str]
    calls: int = 1


class Traced(Tensor):
    """A tensor that remembers the nodes it came from."""

    makers: frozenset[str] = frozenset()

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = super().__torch_function__(func, types, args, kwargs or {})
        before = frozenset().union(*(_makers(each) for each in tree_iter((args, kwargs or {}))))
        return tree_map(lambda each: _marked(each, before | _makers(each)), found)


def _makers(value: Any) -> frozenset[str]:
    return value.makers if isinstance(value, Traced) else frozenset()


def _marked(value: Any, makers: frozenset[str]) -> Any:
    if not isinstance(value, Tensor):
        return value
    marked = value if isinstance(value, Traced) else value.as_subclass(Traced)
    marked.makers = makers
    return marked


def of(net: Net) -> list[Node]:
    """The nodes in the order in which they first ran. The network is left as it was, in eval mode."""
    net.eval()
    nodes: dict[str, Node] = {}
    inputs = []
    for place, view in enumerate(net.views):
        name = f"input {place + 1}" if len(net.views) > 1 else "input"
        nodes[name] = Node(name, "input", view.shape, 0, False, set())
        inputs.append(_marked(torch.zeros((1, *view.shape)), frozenset({name})))
    with _watched(net, nodes), torch.no_grad():
        net(*inputs)
    return _collapsed(list(nodes.values()))


@contextmanager
def _watched(net: nn.Module, nodes: dict[str, Node]) -> Iterator[None]:
    handles = [layer.register_forward_hook(_hook(name, nodes)) for name, layer in net.named_modules() if _counts(layer)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _counts(layer: nn.Module) -> bool:
    """A layer that a drawing shows: it has no parts, and numbers of its own or a smaller map to give.

    A convolution may have a part: EfficientNet's hold the padding.
    """
    if not isinstance(layer, nn.Conv2d) and any(True for _ in layer.children()):
        return False
    norms = (nn.BatchNorm2d, nn.BatchNorm1d, nn.LayerNorm)
    return isinstance(layer, POOLS) or (not isinstance(layer, norms) and any(True for _ in layer.parameters()))


def _hook(name: str, nodes: dict[str, Node]) -> Any:
    def hook(layer: nn.Module, args: Any, output: Any) -> Any:
        before = frozenset().union(*(_makers(each) for each in tree_iter(args))) - {name}
        if name in nodes:
            nodes[name].after |= before
            nodes[name].calls += 1
        else:
            parameters = list(layer.parameters())
            frozen = bool(parameters) and not any(each.requires_grad for each in parameters)
            shape = next(tuple(each.shape[1:]) for each in tree_iter(output) if isinstance(each, Tensor))
            count = sum(each.numel() for each in parameters)
            nodes[name] = Node(name, _kind(layer), shape, count, frozen, set(before))
        return tree_map(lambda each: _marked(each, frozenset({name})), output)

    return hook


def _kind(layer: nn.Module) -> str:
    if isinstance(layer, POOLS):
        return "pool"
    if isinstance(layer, nn.RNNCellBase | nn.RNNBase):
        return "recurrent"
    return "conv" if isinstance(layer, nn.Conv2d) else "full"


def _collapsed(nodes: list[Node]) -> list[Node]:
    """At most MOST nodes: layers are joined to the blocks that hold them, by the first parts of their names."""
    depth = max(node.name.count(".") + 1 for node in nodes)
    while depth > 1 and len({_block(node, depth) for node in nodes}) > MOST:
        depth -= 1
    blocks: dict[str, Node] = {}
    names = {node.name: _block(node, depth) for node in nodes}
    for node in nodes:
        name = names[node.name]
        after = {names[each] for each in node.after} - {name}
        if name not in blocks:
            blocks[name] = Node(name, node.kind, node.shape, node.parameters, node.frozen, after, node.calls)
            continue
        block = blocks[name]
        block.kind, block.shape = "block" if node.kind != block.kind else block.kind, node.shape
        block.parameters, block.frozen = block.parameters + node.parameters, block.frozen and node.frozen
        block.after |= after
    return list(blocks.values())


def _block(node: Node, depth: int) -> str:
    return ".".join(node.name.split(".")[:depth])


def layers(nodes: Iterable[Node]) -> dict[str, int]:
    """How many steps after the input each node runs; what comes back from later (recurrence) is left out."""
    found: dict[str, int] = {}
    for node in nodes:
        found[node.name] = 1 + max((found[each] for each in node.after if each in found), default=-1)
    return found
