"""What is in a photograph: the likeliest classes of a network that was trained to name them.

Objects: EfficientNet-Lite2 with its ImageNet weights (ml.nets.starter), or the report's ResNet-34 of torchvision (He,
Zhang, Ren, Sun 2016, CVPR, arXiv 1512.03385), the 1,000 classes of ILSVRC 2012.
Scenes: a ResNet of torchvision with Places365 weights (Zhou et al. 2017, IEEE TPAMI 40(6), arXiv 1610.02055).

pixels (n, s, s, 3) uint8 -> logits (n, c) -> classes (n, k) int64 and probabilities (n, k), the likeliest first
"""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import resnet18, resnet34, resnet50
from torchvision.models._meta import _IMAGENET_CATEGORIES

from ml.files import NetworkFileError
from ml.nets.starter import Backbone

IMAGENET_CLASSES: list[str] = _IMAGENET_CATEGORIES
RESNETS = {"resnet18": resnet18, "resnet34": resnet34, "resnet50": resnet50}  # names as in ml.data.places365
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


class Resnet(nn.Module):
    """The logits of a ResNet of torchvision: of places, or of objects."""

    mean: Tensor
    std: Tensor

    def __init__(self, architecture: str, arrays: Mapping[str, NDArray]) -> None:
        """arrays: torchvision's own names, float32 or float16. Raises NetworkFileError if they do not fit."""
        super().__init__()
        if "fc.weight" not in arrays:
            raise NetworkFileError("The classifier's weights have no last layer fc.weight.")
        self.count = len(arrays["fc.weight"])
        self.net = RESNETS[architecture](num_classes=self.count)
        tensors = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}
        try:
            self.net.load_state_dict(tensors)
        except RuntimeError as error:
            raise NetworkFileError(f"The classifier's weights are not those of a {architecture}.") from error
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])

    def forward(self, pixels: Tensor) -> Tensor:
        margin = (pixels.shape[1] - CROP) // 2
        middle = pixels[:, margin : margin + CROP, margin : margin + CROP]
        x = middle.permute(0, 3, 1, 2).float() / 255
        return self.net((x - self.mean) / self.std)  # (n, classes)


def objects(source: str) -> nn.Module:
    """The logits of ImageNet's classes. Raises NetworkFileError.

    source: "lite2", or torchvision's file of weights such as resnet34-b627a593.pth.
    """
    path = Path(source)
    if path.suffix != ".pth":
        return Objects(source)
    state = _numbers(path)
    return Resnet(path.stem.partition("-")[0], {name: tensor.numpy() for name, tensor in state.items()})


def from_checkpoint(path: Path, architecture: str, count: int) -> dict[str, Tensor]:
    """The weights in a checkpoint of Places365's authors, by torchvision's names. Raises NetworkFileError.

    Theirs were written by Python 2, from a DataParallel network, before batch norm counted its batches.
    """
    loaded = _numbers(path)
    state = loaded.get("state_dict")
    if not isinstance(state, dict):
        raise NetworkFileError(f"{path.name} holds no weights under state_dict.")
    found = {str(name).removeprefix("module."): tensor for name, tensor in state.items()}
    with torch.device("meta"):
        wanted = RESNETS[architecture](num_classes=count).state_dict()
    lacking = {name for name in wanted.keys() - found.keys() if not name.endswith("num_batches_tracked")}
    if lacking or any(name not in wanted or not _fits(tensor, wanted[name]) for name, tensor in found.items()):
        raise NetworkFileError(f"{path.name} does not hold the weights of a {architecture} of {count} classes.")
    return {name: tensor.contiguous() for name, tensor in found.items()}


def _numbers(path: Path) -> dict:
    """What torch.save wrote, read as numbers and text alone. Raises NetworkFileError for anything else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says that encoding is not heeded; it is
            loaded = torch.load(path, map_location="cpu", weights_only=True, encoding="latin1")
    except OSError as error:
        raise NetworkFileError(f"{path.name} cannot be read: {error.strerror}.") from error
    except Exception as error:  # a stranger's bytes make the reader fail in any way
        raise NetworkFileError(f"{path.name} is not a file of weights alone, and nothing else is read.") from error
    if not isinstance(loaded, dict):
        raise NetworkFileError(f"{path.name} is not a file of weights by name.")
    return loaded


def _fits(tensor: object, wanted: Tensor) -> bool:
    return isinstance(tensor, Tensor) and tensor.shape == wanted.shape and tensor.dtype == wanted.dtype


def scenes(architecture: str, weights: Path) -> Resnet:
    """The network of a safetensors file. Raises NetworkFileError."""
    try:
        arrays = safetensors.numpy.load_file(weights)
    except (OSError, safetensors.SafetensorError) as error:
        raise NetworkFileError(f"{weights.name} is not a safetensors file that can be read.") from error
    return Resnet(architecture, arrays)
