"""ILGNet: two inception modules' own maps (local) and a deeper one's (global), joined to tell high from low quality.

Jin, Chi, Peng, Tian, Ye, Li (2016), Deep Image Aesthetics Classification using Inception Modules and Fine-tuning
Connected Layer, WCSP, arXiv 1610.02256. The layers are those of the authors' train.prototxt, with GoogLeNet's base
(Szegedy et al. 2014, arXiv 1409.4842). Sizes of pools are rounded up.

    layer                                  setting                        shape
    input                                  256 x 256 warp, window of 227  3 x 227 x 227
    conv1, pool, LRN                       7, s2, p3; max 3/2             64 x 114 x 114 -> 57 x 57
    conv2 reduce, conv2, LRN, pool         1x1; 3x3, p1; max 3/2          64 -> 192 x 57 x 57 -> 28 x 28
    inception 3a (1, r3, 3, r5, 5, pool)   64, 96, 128, 16, 32, 32        256 x 28 x 28: local 1
    inception 3b                           128, 128, 192, 32, 96, 64      480 x 28 x 28: local 2
    pool                                   max 3/2                        480 x 14 x 14
    inception 4a                           192, 96, 208, 16, 48, 64       512 x 14 x 14
    average pool 5/3, 1x1 convolution      128                            128 x 4 x 4: global
    each flattened, full, dropout .7       256, 256, 512                  joined: 1024
    full, dropout .7; classifier           1024; 2

ReLU after every layer but the last. 150,938,082 parameters: 148 million of them read the two local maps, unpooled.
The pool in each inception module is an average here (GoogLeNet: maximum). New layers begin with Caffe's xavier and a
bias of .2 (the classifier's is 0), and learn at ten times the base's rate; biases at twice their weights'.

stem="caffe" is that network. Its ImageNet weights are Caffe's own: base=FILE takes them as a safetensors file with
Caffe's names ("conv1/7x7_s2.weight", "inception_3a/5x5_reduce.bias", "loss1/conv.weight"); none is published in it.
stem="torchvision" has torchvision's GoogLeNet up to 4a in place of the base, whose weights can be had: batch norm and
no LRN, no biases, 3x3 for 5x5, maximum pools in the modules, RGB in -1..1. The maps' shapes are the same.
stem="lite0" has EfficientNet-Lite0's first eleven blocks there, whose weights are packaged: two maps of 40 x 28 x 28
for local 1 and 2, one of 112 x 14 x 14 in 4a's place.

A smaller network for a CPU: width=0.25 (of the caffe base and of all full layers) and side=96, say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torchvision.models.googlenet import BasicConv2d, GoogLeNet

from ml.nets import caffe, pretrained
from ml.nets.base import Net, NoWeights, Said
from ml.nets.catalog import register
from ml.nets.lite import Lite
from ml.recipes import RecipeError
from ml.views import View

SIDE, FRAME = 227, 256
STEMS = ("caffe", "torchvision", "lite0")
NEW = 10.0  # rate of the new layers, in the base's
BRANCHES = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")
INCEPTIONS = {  # input, then the widths of the branches
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
}


@dataclass(frozen=True)
class Arguments:
    """stem, base and weights: where the base comes from (see above); width, side: for smaller networks."""

    task: str = "binary"
    stem: str = "caffe"
    base: str = ""
    weights: str = "imagenet"
    side: int = SIDE
    width: float = 1.0
    dropout: float = 0.7

    def __post_init__(self) -> None:
        if self.stem not in STEMS or self.weights not in ("imagenet", "none"):
            raise RecipeError(f"stem: {', '.join(STEMS)}; weights: imagenet, none.")
        if self.base and self.stem != "caffe":
            raise RecipeError("base is a file of Caffe's weights: it needs stem=caffe.")
        if self.side < 75 or self.width <= 0 or not 0 <= self.dropout < 1:
            raise RecipeError("side: 75 or more; width above 0; dropout in 0-1.")

    def wide(self, count: int) -> int:
        """A layer's width."""
        return max(1, round(count * self.width))


class Inception(nn.Module):
    """Four branches side by side, each at the map's own size: 1x1, 3x3, 5x5, and the mean of 3x3."""

    def __init__(self, width: int, one: int, r3: int, three: int, r5: int, five: int, pool: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, one, 1)
        self.three_reduce, self.three = nn.Conv2d(width, r3, 1), nn.Conv2d(r3, three, 3, padding=1)
        self.five_reduce, self.five = nn.Conv2d(width, r5, 1), nn.Conv2d(r5, five, 5, padding=2)
        self.mean = nn.AvgPool2d(3, stride=1, padding=1)
        self.project = nn.Conv2d(width, pool, 1)
        self.layers = (self.one, self.three_reduce, self.three, self.five_reduce, self.five, self.project)

    def forward(self, x: Tensor) -> Tensor:
        three = self.three(self.three_reduce(x).relu())
        five = self.five(self.five_reduce(x).relu())
        return torch.cat([self.one(x), three, five, self.project(self.mean(x))], 1).relu()


class Base(nn.Module):
    """What the layers on top read from: three maps of a picture, and a convolution for the last of them."""

    norm: str  # of the pixels that its weights know
    bgr = False
    globe: nn.Module

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, 3, 227, 227) -> maps of 3a, 3b and 4a."""
        raise NotImplementedError

    def load(self, path: str) -> None:
        """ImageNet weights, from the file of that path where it takes one. Raises NoWeights."""
        raise NotImplementedError


class CaffeBase(Base):
    """BVLC GoogLeNet up to 4a and its first side branch's convolution, with ILGNet's average pools in the modules."""

    norm, bgr = "caffe", True
    globe: nn.Conv2d

    def __init__(self, arguments: Arguments) -> None:
        super().__init__()
        wide = arguments.wide
        self.conv1 = nn.Conv2d(3, wide(64), 7, stride=2, padding=3)
        self.reduce = nn.Conv2d(wide(64), wide(64), 1)
        self.conv2 = nn.Conv2d(wide(64), wide(192), 3, padding=1)
        self.pool, self.lrn = caffe.pool(), caffe.lrn()
        widths = {name: [wide(count) for count in counts] for name, counts in INCEPTIONS.items()}
        for near, far in (("3a", "3b"), ("3b", "4a")):  # rounded widths must meet
            widths[far][0] = sum(widths[near][place] for place in (1, 3, 5, 6))
        self.a3, self.b3, self.a4 = (Inception(*counts) for counts in widths.values())
        self.globe = nn.Conv2d(sum(widths["4a"][place] for place in (1, 3, 5, 6)), wide(128), 1)
        for layer in self.named_layers().values():
            caffe.xavier(layer)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.lrn(self.pool(self.conv1(x).relu()))
        x = self.pool(self.lrn(self.conv2(self.reduce(x).relu()).relu()))
        first = self.a3(x)
        second = self.b3(first)
        return first, second, self.a4(self.pool(second))

    def named_layers(self) -> dict[str, nn.Conv2d]:
        """All layers by Caffe's names."""
        layers = {
            "conv1/7x7_s2": self.conv1,
            "conv2/3x3_reduce": self.reduce,
            "conv2/3x3": self.conv2,
            "loss1/conv": self.globe,
        }
        for name, module in (("3a", self.a3), ("3b", self.b3), ("4a", self.a4)):
            for branch, layer in zip(BRANCHES, module.layers, strict=True):
                layers[f"inception_{name}/{branch}"] = layer
        return layers

    def load(self, path: str) -> None:
        """Weights of a safetensors file with Caffe's names. Raises NoWeights if there is none or it does not fit."""
        if not path:
            raise NoWeights(
                "no ImageNet weights: Caffe's GoogLeNet is not published for torch; give a converted file as --set "
                "base=FILE, or --set stem=torchvision, stem=lite0 or weights=none."
            )
        try:
            arrays = safetensors.torch.load_file(path)
            for name, layer in self.named_layers().items():
                layer.load_state_dict({"weight": arrays[f"{name}.weight"], "bias": arrays[f"{name}.bias"]})
        except (OSError, KeyError, RuntimeError, safetensors.SafetensorError) as error:
            name = Path(path).name
            raise NoWeights(f"no ImageNet weights: {name} does not hold those of Caffe's GoogLeNet.") from error


class TorchvisionBase(Base):
    """torchvision's GoogLeNet up to 4a and its first side branch's convolution."""

    norm = "half"  # TensorFlow's, where its weights come from
    globe: BasicConv2d
    PARTS = ("conv1", "conv2", "conv3", "inception3a", "inception3b", "inception4a")

    def __init__(self, arguments: Arguments) -> None:
        super().__init__()
        whole = GoogLeNet(aux_logits=False, init_weights=False)
        self.parts = nn.ModuleDict({name: getattr(whole, name) for name in self.PARTS})
        self.globe = BasicConv2d(512, arguments.wide(128), kernel_size=1)
        self.pool = caffe.pool()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        part = self.parts
        x = part["conv3"](part["conv2"](self.pool(part["conv1"](x))))
        first = part["inception3a"](self.pool(x))
        second = part["inception3b"](first)
        return first, second, part["inception4a"](self.pool(second))

    def load(self, path: str) -> None:
        """torchvision's weights; the side branch's only where the width is whole. Raises NoWeights."""
        state = pretrained.imagenet("googlenet")
        self.parts.load_state_dict({name: value for name, value in state.items() if name.split(".")[0] in self.PARTS})
        branch = {name[10:]: value for name, value in state.items() if name.startswith("aux1.conv.")}
        if branch["conv.weight"].shape == self.globe.conv.weight.shape:
            self.globe.load_state_dict(branch)


class LiteBase(Base):
    """EfficientNet-Lite0 up to the last of its maps of 14 x 14."""

    norm = "lite"

    def __init__(self, arguments: Arguments) -> None:
        super().__init__()
        body = Lite().body  # three layers, then the blocks
        self.first, self.second, self.third = body[:7], body[7:8], body[8:14]
        self.globe = nn.Conv2d(112, arguments.wide(128), 1)
        caffe.xavier(self.globe)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, 3, 227, 227) -> maps (n, 40, 28, 28) twice and (n, 112, 14, 14)."""
        first = self.first(x)
        second = self.second(first)
        return first, second, self.third(second)

    def load(self, path: str) -> None:
        """The packaged ImageNet weights."""
        lite = Lite()
        lite.load()
        parts = ((self.first, lite.body[:7]), (self.second, lite.body[7:8]), (self.third, lite.body[8:14]))
        for own, packaged in parts:
            own.load_state_dict(packaged.state_dict())


BASES: dict[str, Callable[[Arguments], Base]] = {"caffe": CaffeBase, "torchvision": TorchvisionBase, "lite0": LiteBase}


@register(
    "ilgnet",
    arguments=Arguments,
    tasks=("binary",),
    paper="Jin, Chi, Peng, Tian, Ye, Li, Deep Image Aesthetics Classification using Inception Modules and Fine-tuning "
    "Connected Layer, WCSP 2016",
    about="The first half of GoogLeNet, whose inception modules see fine detail first and larger things later. "
    "Two early maps (local) and a late one (global) are each summed up by a full layer, and the three are joined. "
    "One more full layer tells high from low quality.",
)
class Ilgnet(Net):
    """Base, three readers of its maps, and the layers that join them."""

    def __init__(self, arguments: Arguments, classes: int) -> None:
        super().__init__(arguments.task, classes)
        self.arguments = arguments
        self.base = BASES[arguments.stem](arguments)
        self.average = nn.AvgPool2d(5, stride=3, ceil_mode=True)
        frame, wide = round(FRAME * arguments.side / SIDE), arguments.wide
        self.views = (View("warp", frame, arguments.side, norm=self.base.norm, bgr=self.base.bgr),)
        first, second, globe = self._sizes()
        self.read_first, self.read_second = self._read(first, wide(256)), self._read(second, wide(256))
        self.read_globe = self._read(globe, wide(512))
        self.join = self._read(2 * wide(256) + wide(512), wide(1024))
        self.classifier = nn.Linear(wide(1024), self.outputs)
        caffe.xavier(self.classifier, bias=0.0)

    @torch.no_grad()
    def _sizes(self) -> list[int]:
        """Values in each of the three maps, flattened: seen by showing the base a blank picture."""
        self.base.eval()  # batch norm learns nothing from it
        sizes = [found.numel() for found in self._maps(*self.base(torch.zeros(1, *self.views[0].shape)))]
        self.base.train()
        return sizes

    def _maps(self, first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Local 1, local 2 and global, from the base's maps."""
        return first, second, self.base.globe(self.average(third)).relu()

    def _read(self, count: int, width: int) -> nn.Sequential:
        layer = nn.Linear(count, width)
        caffe.xavier(layer)
        return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), nn.Dropout(self.arguments.dropout))

    def forward(self, *inputs: Tensor) -> Said:
        """(n, 3, 227, 227) -> logits (n, 2)."""
        first, second, globe = self._maps(*self.base(inputs[0]))
        joined = torch.cat([self.read_first(first), self.read_second(second), self.read_globe(globe)], 1)
        return {"logits": self.classifier(self.join(joined))}

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """lr is that of the base, which is tuned too."""
        new = [self.read_first, self.read_second, self.read_globe, self.join, self.classifier]
        return caffe.groups([([self.base], 1.0), (new, NEW)], lr, weight_decay)

    def start(self) -> None:
        """The base's ImageNet weights. Raises NoWeights."""
        if self.arguments.weights == "imagenet":
            self.base.load(self.arguments.base)
