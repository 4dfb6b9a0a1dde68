"""Multi-ResNet: residual units with several residual functions side by side.

Abdi, Nahavandi (2016), Multi-Residual Networks: Improving the Speed and Accuracy of Residual Networks,
arXiv 1609.05672. A unit is x + f_1(x) + ... + f_k(x); with k = 1 it is the pre-activation unit of He, Zhang, Ren, Sun
(2016), Identity Mappings in Deep Residual Networks, ECCV, arXiv 1603.05027.

    unit of one width    each f_i: BN-ReLU-1x1 (c/4), BN-ReLU-3x3 (c/4), BN-ReLU-1x1 (c), batch norms of its own
    unit that widens     one BN-ReLU for all: its output goes to every f_i (from the first 1x1 on, with the stride)
                         and to a 1x1 convolution in place of x

    form cifar           out              form imagenet             out
    conv 3x3, 16         16 x 32 x 32     conv 7x7 / 2, 64          64 x 112 x 112
                                          max-pool 3x3 / 2          64 x 56 x 56
    n units              64 x 32 x 32     units[0]                  256 x 56 x 56
    n units, first / 2   128 x 16 x 16    units[1], first / 2       512 x 28 x 28
    n units, first / 2   256 x 8 x 8      units[2], first / 2       1024 x 14 x 14
                                          units[3], first / 2       2048 x 7 x 7
    BN-ReLU, mean over places, fc -> classes

Of a depth of d layers n is (d - 2) / 9: the paper's Multi-ResNet-200, k = 5, is
    --set form=cifar --set units=22,22,22 --set branches=5
A signal takes one of f_1..f_k or the identity in every unit: (k + 1)^units paths (Veit et al. 2016). The paper's
claim is that many short paths do as well as one deep one, so compare at equal parameters: 3,4,6,3 with k = 1 (23.5 M)
against 1,2,3,1 with k = 2 (18.3 M) or 4 (33.7 M).

Ours: the imagenet form (the report asks how such units do on aesthetics; the paper has CIFAR alone); the warm start,
which copies a trained net with k = 1 into every branch. The report's "future outputs" is defined nowhere: left out.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.nets import catalog
from ml.nets.base import Net, Said
from ml.nets.catalog import register
from ml.recipes import RecipeError
from ml.views import View

INNER = 4  # a unit's width against that of its 3x3 convolution
NOISE = 0.01  # of a warm start, against the weights' own deviation
PAD = 4  # pixels of zeros around a CIFAR photograph, from which a window is cut


def _active(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())


class Branch(nn.Module):
    """One residual function f_i. activated: whether its input has gone through BN-ReLU already."""

    def __init__(self, channels: int, out: int, stride: int, activated: bool) -> None:
        super().__init__()
        inner = out // INNER
        self.before = nn.Identity() if activated else _active(channels)
        self.reduce = nn.Conv2d(channels, inner, 1, stride, bias=False)
        self.between = _active(inner)
        self.filter = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.after = _active(inner)
        self.expand = nn.Conv2d(inner, out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, s, s) -> (n, out, s / stride, s / stride)."""
        x = self.filter(self.between(self.reduce(self.before(x))))
        found: Tensor = self.expand(self.after(x))
        return found


class Unit(nn.Module):
    """x + f_1(x) + ... + f_k(x)."""

    def __init__(self, channels: int, out: int, stride: int, branches: int) -> None:
        super().__init__()
        widens = channels != out or stride > 1
        self.shared = _active(channels) if widens else nn.Identity()
        self.shortcut = nn.Conv2d(channels, out, 1, stride, bias=False) if widens else nn.Identity()
        self.branches = nn.ModuleList([Branch(channels, out, stride, widens) for _ in range(branches)])

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, s, s) -> (n, out, s / stride, s / stride)."""
        x = self.shared(x)
        total: Tensor = self.shortcut(x)
        for branch in self.branches:
            total = total + branch(x)
        return total


class CifarView(View):
    """Photographs of 32 x 32: a window of the picture within four pixels of zeros, as is the custom for CIFAR."""

    def train(self, image: Tensor) -> Tensor:
        """uint8 (3, h, w) -> float (3, side, side)."""
        padded = functional.pad(self.eval(image)[0], (PAD,) * 4)
        top, left = (int(torch.randint(2 * PAD + 1, ())) for _ in range(2))
        window = padded[:, top : top + self.side, left : left + self.side]
        return window.flip(2) if torch.rand(()) < 0.5 else window


@dataclass(frozen=True)
class Arguments:
    """What multiresnet is built from."""

    task: str = "binary"
    form: str = "imagenet"  # or "cifar"
    units: tuple[int, ...] = (3, 4, 6, 3)  # a stage each; cifar has three
    branches: int = 2  # k
    width: float = 1.0  # of every layer
    side: int = 224  # of form imagenet; cifar's is 32
    warm: str = ""  # a network file of the same units and width with branches=1, copied into every branch


@register(
    "multiresnet",
    arguments=Arguments,
    tasks=("binary", "score", "emotion", "category", "objects"),
    paper="Abdi, Nahavandi, Multi-Residual Networks, arXiv 1609.05672, 2016",
    about="A residual network whose units add several residual functions instead of one. It trades depth for width: "
    "many short paths side by side. With one function a unit it is the pre-activation ResNet.",
)
class MultiResNet(Net):
    """Stem, stages of units, one linear layer."""

    def __init__(self, arguments: Arguments, classes: int) -> None:
        super().__init__(arguments.task, classes)
        self.arguments = arguments
        if arguments.form not in ("imagenet", "cifar") or min(*arguments.units, arguments.branches) < 1:
            raise RecipeError("form must be imagenet or cifar, units and branches at least 1.")
        cifar = arguments.form == "cifar"
        channels = _even((16 if cifar else 64) * arguments.width)
        self.stem: nn.Module = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        if not cifar:
            self.stem = nn.Sequential(nn.Conv2d(3, channels, 7, 2, 3, bias=False), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList()
        for stage, count in enumerate(arguments.units):
            out = _even((64 if cifar else 256) * arguments.width) * 2**stage
            first = Unit(channels, out, 2 if stage else 1, arguments.branches)
            others = [Unit(out, out, 1, arguments.branches) for _ in range(count - 1)]
            self.stages.append(nn.Sequential(first, *others))
            channels = out
        self.last = nn.Sequential(_active(channels), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(channels, self.outputs)
        self.views = (_view(arguments),)
        self._initial()

    @property
    def paths(self) -> int:
        """The ways a signal can take from the stem to the last layer."""
        return (self.arguments.branches + 1) ** sum(self.arguments.units)

    def forward(self, *inputs: Tensor) -> Said:
        """(n, 3, s, s) -> logits (n, outputs)."""
        x = self.stem(inputs[0])
        for stage in self.stages:
            x = stage(x)
        return {"logits": self.fc(self.last(x))}

    def start(self) -> None:
        """The warm start, if one is asked for. RecipeError if its file holds a net of another shape."""
        if self.arguments.warm:
            single = catalog.from_file(self.arguments.warm)
            same = replace(self.arguments, branches=1, warm="")
            if not isinstance(single, MultiResNet) or replace(single.arguments, warm="") != same:
                raise RecipeError("warm needs a multiresnet's file with branches=1 and otherwise the same arguments.")
            warm(self, single)

    def _initial(self) -> None:
        """The paper's: normal with variance 2 / (k k outputs)."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                size = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels
                nn.init.normal_(layer.weight, std=math.sqrt(2 / size))
        nn.init.zeros_(self.fc.bias)


def warm(net: MultiResNet, single: MultiResNet) -> None:
    """Copy a net with k = 1 into every branch of another, so that both answer the same.

    Each last convolution is divided by k. Noise sets the branches apart; it sums to zero, so that the answer stays.
    """
    of_single = single.state_dict()
    with torch.no_grad():
        for name, value in net.state_dict().items():
            value.copy_(of_single[_of_first(name)])
        for unit in net.modules():
            if isinstance(unit, Unit):
                weights = [branch.expand.weight for branch in unit.branches if isinstance(branch, Branch)]
                apart = torch.stack([torch.randn_like(weight) for weight in weights]) * (NOISE * weights[0].std())
                apart = apart - apart.mean(0)
                for weight, noise in zip(weights, apart, strict=True):
                    weight.copy_((weight + noise) / len(weights))


def _of_first(name: str) -> str:
    """The name of the same weights in branch 0."""
    unit, dot, rest = name.partition(".branches.")
    return f"{unit}{dot}0.{rest.split('.', 1)[1]}" if dot else name


def _even(width: float) -> int:
    """A width that a unit's 3x3 convolution divides, at least one channel for it."""
    return max(INNER, round(width / INNER) * INNER)


def _view(arguments: Arguments) -> View:
    if arguments.form == "cifar":
        return CifarView("warp", 32, 32)
    return View("warp", round(arguments.side * 256 / 224), arguments.side)
