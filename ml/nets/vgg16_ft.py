"""VGG-16 fine-tuned to tell photographs of high from low quality: only its last layers learn.

Simonyan, Zisserman (2015), Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR, arXiv 1409.1556.
The report takes it with ImageNet weights and trains the last convolution and the three fully connected layers on AADB.

    layers                            out             learns
    conv 3x3 64, twice;  max-pool 2   64 x 112 x 112  no
    conv 3x3 128, twice; max-pool 2   128 x 56 x 56   no
    conv 3x3 256, 3 times; max-pool   256 x 28 x 28   no
    conv 3x3 512, 3 times; max-pool   512 x 14 x 14   no
    conv 3x3 512, twice               512 x 14 x 14   no
    conv5_3 3x3 512 (features.28)     512 x 14 x 14   yes; max-pool 2 -> 512 x 7 x 7
    fc6, fc7 4096, ReLU, dropout .5   4096            yes
    fc8                               classes         yes, new, at ten times the rate

A ReLU follows every convolution. Input: both sides to 256, a 224 x 224 window, ImageNet's mean and deviation.
Ours, as the report says nothing of it: every rate (ml/recipes.py), dropout, the new layer's initial values.

trunk "lite0": the same recipe on EfficientNet-Lite0, whose weights are packaged: its last convolution and its one
fully connected layer learn.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.nets import initial, pretrained
from ml.nets.catalog import register
from ml.nets.finetuned import FineTuned
from ml.nets.lite import Lite

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # a max-pool after each
LAST_CONVOLUTION = 28  # its place in features


class Vgg16(nn.Module):
    """VGG-16 without its last layer; layers are named as torchvision names them."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for block in BLOCKS:
            for full in block:
                layers += [nn.Conv2d(channels, round(full * width), 3, padding=1), nn.ReLU()]
                channels = round(full * width)
            layers.append(nn.MaxPool2d(2))
        self.width = round(4096 * width)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)  # as it is at 224; lets other sides through
        self.classifier = nn.Sequential(
            nn.Linear(channels * 49, self.width), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(self.width, self.width), nn.ReLU(), nn.Dropout(0.5),
        )  # fmt: skip
        initial.he(self)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, s, s) -> fc7 (n, 4096)."""
        found: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return found

    def load(self) -> None:
        """ImageNet weights, torchvision's; its last layer, of 1,000 classes, is left out. Raises NoWeights."""
        pretrained.load(self, "vgg16", new=("classifier.6.",))


@dataclass(frozen=True)
class Arguments:
    """What vgg16_ft is built from."""

    task: str = "binary"
    trunk: str = "vgg16"  # or "lite0"
    weights: str = "imagenet"  # or "none"
    width: float = 1.0  # of every layer; VGG-16's weights fit 1 only
    side: int = 224


@register(
    "vgg16_ft",
    arguments=Arguments,
    tasks=("binary", "score", "emotion", "category"),
    paper="Simonyan, Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015",
    about="VGG-16 as trained on ImageNet, turned to another question. Only its last convolution and its fully "
    "connected layers learn; all below stays as it was. It asks how far features of objects tell of beauty.",
)
class Vgg16Ft(FineTuned):
    """VGG-16, most of it frozen, with a new last layer."""

    def __init__(self, arguments: Arguments, classes: int) -> None:
        super().__init__(arguments, classes, "vgg16", lambda: Vgg16(arguments.width))
        self.frozen.requires_grad_(False)

    @property
    def frozen(self) -> nn.Module:
        """All layers below the last convolution."""
        return self.trunk.body if isinstance(self.trunk, Lite) else self.trunk.features[:LAST_CONVOLUTION]

    def train(self, mode: bool = True) -> "Vgg16Ft":
        """The frozen layers' statistics stay as they were, too (Lite has them)."""
        super().train(mode)
        self.frozen.eval()
        return self
