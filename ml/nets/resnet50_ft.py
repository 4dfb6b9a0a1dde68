"""ResNet-50 fine-tuned as a whole.

He, Zhang, Ren, Sun (2016), Deep Residual Learning for Image Recognition, CVPR, arXiv 1512.03385.
The report takes it with ImageNet weights and trains it on Photonet.

    layer                                         out             units
    conv 7x7 / 2, 64; batch norm, ReLU            64 x 112 x 112
    max-pool 3x3 / 2                              64 x 56 x 56
    layer1: (1x1 64, 3x3 64, 1x1 256)             256 x 56 x 56   3
    layer2: (1x1 128, 3x3 128 / 2, 1x1 512)       512 x 28 x 28   4
    layer3: (1x1 256, 3x3 256 / 2, 1x1 1024)      1024 x 14 x 14  6
    layer4: (1x1 512, 3x3 512 / 2, 1x1 2048)      2048 x 7 x 7    3
    mean over places; fc                          classes         new, at ten times the rate

A unit answers ReLU(x + f(x)): f learns what to add to its input, the residual. Batch norm follows every convolution;
the first unit of a layer brings x to f's shape by a 1x1 convolution. As in torchvision's weights ("v1.5"), the 3x3
convolution carries the stride, not the first 1x1 as in the paper.
Input: both sides to 256, a 224 x 224 window, ImageNet's mean and deviation.
Ours, as the report says nothing of it: every rate (ml/recipes.py); everything learns.

trunk "lite0": the same recipe on EfficientNet-Lite0, whose weights are packaged.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from ml.nets import pretrained
from ml.nets.catalog import register
from ml.nets.finetuned import FineTuned

EXPANSION = 4  # a unit's output against its inner width


class Bottleneck(nn.Module):
    """One unit: ReLU(x + f(x)), f = 1x1, 3x3, 1x1 convolutions with batch norm."""

    def __init__(self, channels: int, inner: int, stride: int) -> None:
        super().__init__()
        out = inner * EXPANSION
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU()
        self.downsample: nn.Module | None = None
        if stride > 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, s, s) -> (n, 4 inner, s / stride, s / stride)."""
        f = self.relu(self.bn1(self.conv1(x)))
        f = self.relu(self.bn2(self.conv2(f)))
        f = self.bn3(self.conv3(f))
        same = x if self.downsample is None else self.downsample(x)
        done: Tensor = self.relu(same + f)
        return done


class ResNet(nn.Module):
    """A residual network of bottlenecks without its last layer; layers are named as torchvision names them."""

    def __init__(self, units: tuple[int, ...] = (3, 4, 6, 3), width: float = 1.0) -> None:
        super().__init__()
        stem = channels = round(64 * width)
        self.conv1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for number, count in enumerate(units):
            inner = stem * 2**number
            layer = []
            for place in range(count):
                layer.append(Bottleneck(channels, inner, 2 if number and not place else 1))
                channels = inner * EXPANSION
            self.add_module(f"layer{number + 1}", nn.Sequential(*layer))
        self.layers, self.width = len(units), channels
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, s, s) -> (n, 2048)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(self.layers):
            x = self.get_submodule(f"layer{number + 1}")(x)
        return x.mean((2, 3))

    def load(self) -> None:
        """ImageNet weights, torchvision's first; its last layer, of 1,000 classes, is left out. Raises NoWeights."""
        pretrained.load(self, "resnet50", new=("fc.",))


@dataclass(frozen=True)
class Arguments:
    """What resnet50_ft is built from."""

    task: str = "binary"
    trunk: str = "resnet50"  # or "lite0"
    weights: str = "imagenet"  # or "none"
    units: tuple[int, ...] = (3, 4, 6, 3)
    width: float = 1.0  # of every layer; ResNet-50's weights fit 1 only
    side: int = 224


@register(
    "resnet50_ft",
    arguments=Arguments,
    tasks=("binary", "score", "emotion", "category"),
    paper="He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, CVPR 2016",
    about="ResNet-50 as trained on ImageNet, turned to another question. Each unit adds a residual to what it gets, "
    "which lets fifty layers learn. All of them learn on, the new last one ten times as fast.",
)
class ResNet50Ft(FineTuned):
    """ResNet-50 with a new last layer; everything learns."""

    def __init__(self, arguments: Arguments, classes: int) -> None:
        super().__init__(arguments, classes, "resnet50", lambda: ResNet(arguments.units, arguments.width))
