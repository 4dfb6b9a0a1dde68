"""What a network says of photographs: the mean of its answers over the views of each."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.feed import Batch
from ml.nets.base import Net


@torch.no_grad()
def predict(net: Net, batches: Iterable[Batch], device: torch.device | str = "cpu") -> dict[str, NDArray[Any]]:
    """Answers by name and "row" (n,), the photographs that could be read. Leaves the network in eval mode."""
    net.eval()
    parts: dict[str, list[NDArray[Any]]] = {"row": []}
    for batch in batches:
        if not len(batch.rows):
            continue
        for name, value in answers(net, tuple(views.to(device) for views in batch.inputs)).items():
            parts.setdefault(name, []).append(value.float().cpu().numpy())
        parts["row"].append(np.asarray(batch.rows))
    return {name: np.concatenate(arrays) for name, arrays in parts.items() if arrays}


def answers(net: Net, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Mean answers (n, ...) over views; inputs (n, v, ...). An input of one view goes with all of another's."""
    most = max(views.shape[1] for views in inputs)
    said = [net.answers(net(*(views[:, k % views.shape[1]] for views in inputs))) for k in range(most)]
    return {name: torch.stack([one[name] for one in said]).mean(0) for name in said[0]}
