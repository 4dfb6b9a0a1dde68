"""What is in a photograph: the likeliest classes of a network that was trained to name them.

Objects: EfficientNet-Lite2 with its ImageNet weights (ml.nets.starter), the 1,000 classes of ILSVRC 2012.
Scenes: a ResNet of torchvision with Places365 weights (Zhou et al. 2017, IEEE TPAMI 40(6), arXiv 1610.02055).

pixels (n, s, s, 3) uint8 -> logits (n, c) -> classes (n, k) int64 and probabilities (n, k), the likeliest first
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import resnet18, resnet50
from torchvision.models._meta import _IMAGENET_CATEGORIES

from ml.files import NetworkFileError
from ml.nets.starter import Backbone

IMAGENET_CLASSES: list[str] = _IMAGENET_CATEGORIES
RESNETS = {"resnet18": resnet18, "resnet50": resnet50}  # names as in ml.data.places365
CROP = 224  # of 256: Places365's own evaluation squeezes to 256 x 256 and keeps the middle
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Top(nn.Module):
    """The k likeliest classes of a network of logits."""

    def __init__(self, net: nn.Module, k: int) -> None:
        super().__init__()
        self.net, self.k = net.eval().requires_grad_(False), k

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(n, s, s, 3) uint8 -> classes (n, k), probabilities (n, k)."""
        probabilities, classes = torch.softmax(self.net(pixels), 1).topk(self.k, 1)
        return classes, probabilities


class Objects(nn.Module):
    """The ImageNet logits of a packaged backbone."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.backbone = Backbone(name)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.backbone(pixels)["logits"]  # (n, 1000)


class Scenes(nn.Module):
    """The logits of a ResNet trained on places."""

    mean: Tensor
    std: Tensor

    def __init__(self, architecture: str, arrays: Mapping[str, NDArray]) -> None:
        """arrays: torchvision's own names, float32 or float16. Raises NetworkFileError if they do not fit."""
        super().__init__()
        if "fc.weight" not in arrays:
            raise NetworkFileError("The scene classifier's weights have no last layer fc.weight.")
        self.count = len(arrays["fc.weight"])
        self.net = RESNETS[architecture](num_classes=self.count)
        tensors = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}
        try:
            self.net.load_state_dict(tensors)
        except RuntimeError as error:
            raise NetworkFileError(f"The scene classifier's weights are not those of a {architecture}.") from error
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])

    def forward(self, pixels: Tensor) -> Tensor:
        margin = (pixels.shape[1] - CROP) // 2
        middle = pixels[:, margin : margin + CROP, margin : margin + CROP]
        x = middle.permute(0, 3, 1, 2).float() / 255
        return self.net((x - self.mean) / self.std)  # (n, places)


def scenes(architecture: str, weights: Path) -> Scenes:
    """The network of a safetensors file. Raises NetworkFileError."""
    try:
        arrays = safetensors.numpy.load_file(weights)
    except (OSError, safetensors.SafetensorError) as error:
        raise NetworkFileError(f"{weights.name} is not a safetensors file that can be read.") from error
    return Scenes(architecture, arrays)
