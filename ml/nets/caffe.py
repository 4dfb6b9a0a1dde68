"""Habits that the networks of 2012-2016 share, written for cuda-convnet and Caffe, and that torch has otherwise."""

from collections.abc import Iterable
from typing import Any

from torch import nn


def lrn() -> nn.LocalResponseNorm:
    """Response normalisation over 5 channels; alpha is divided by the window's size, in Caffe as in torch."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)


def pool(kernel: int = 3, stride: int = 2) -> nn.MaxPool2d:
    """Max-pooling whose output size is rounded up, so that no pixel at the edge is lost."""
    return nn.MaxPool2d(kernel, stride, ceil_mode=True)


def pooled(side: int, kernel: int = 3, stride: int = 2) -> int:
    """The side that such a pool makes of `side` (without padding)."""
    return -(-(side - kernel) // stride) + 1


def xavier(layer: nn.Conv2d | nn.Linear, bias: float = 0.2) -> None:
    """Caffe's "xavier": uniform in +-sqrt(3 / fan in). torch's xavier_uniform_ also counts the fan out."""
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")  # gain 1: the same bound, by fan in alone
    if layer.bias is not None:
        nn.init.constant_(layer.bias, bias)


def groups(parts: Iterable[tuple[Iterable[nn.Module], float]], lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups with Caffe's multipliers "1 / 2": biases learn at twice the rate of weights and never decay.

    parts: modules and the multiple of `lr` at which they learn; what is frozen is left out.
    """
    found: list[dict[str, Any]] = []
    for modules, times in parts:
        named = [pair for module in modules for pair in module.named_parameters() if pair[1].requires_grad]
        weights = [parameter for name, parameter in named if not name.endswith("bias")]
        biases = [parameter for name, parameter in named if name.endswith("bias")]
        found.append({"params": weights, "lr": lr * times, "weight_decay": weight_decay})
        found.append({"params": biases, "lr": lr * times * 2, "weight_decay": 0.0})
    return [group for group in found if group["params"]]
