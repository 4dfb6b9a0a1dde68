"""Learning rates by layer: a new layer learns faster than those that come with weights."""

from typing import Any

from torch import nn


def faster(trunk: nn.Module, new: nn.Module, times: float, lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """An optimiser's groups: what learns of the trunk at `lr`, the new layer at `times` that."""
    learning = [parameter for parameter in trunk.parameters() if parameter.requires_grad]
    return [
        {"params": learning, "lr": lr, "weight_decay": weight_decay},
        {"params": list(new.parameters()), "lr": lr * times, "weight_decay": weight_decay},
    ]
