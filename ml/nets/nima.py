"""NIMA: a distribution of ratings instead of one score.

Talebi, Milanfar (2018), NIMA: Neural Image Assessment, IEEE TIP 27(8), arXiv 1709.05424.

    trunk                     features  parameters
    mobilenet_v2 (default)    1280      2,236,682 in all
    vgg16, up to fc7          4096      134,301,514 in all
    lite0, packaged weights   1280
    dropout .75 -> fc 10 -> softmax: p, how the votes of 1 to 10 are spread; score = sum_k k p_k

Loss: the earth mover's distance with r = 2 between the spread said and the votes' own (ml.losses.emd): unlike
cross-entropy it knows that a vote of 7 is nearer to 8 than to 1.
Input: both sides to 256, a 224 x 224 window at random, mirrored; the middle window in tests.
The paper trains by SGD, momentum .9, rate 3e-7 (last layer 3e-6), x 0.95 every 10 epochs.
Ours: Adam, 1e-5 (last layer 1e-4), as the paper's rate hardly moves; MobileNetV2 for the paper's MobileNet, which
torchvision lacks; without its Inception-v2 for the same reason. The paper's rates:
    --set optimiser=sgd --set lr=3e-7 --set schedule=step --set every=10 --set factor=0.95

task "score", also ours: for photographs whose votes are not known the mean of the spread learns the mean rating.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from ml.nets import pretrained
from ml.nets.base import BINS, DISTRIBUTION, Net, Said
from ml.nets.catalog import register
from ml.nets.lite import Lite
from ml.nets.rates import faster
from ml.nets.vgg16_ft import Vgg16
from ml.recipes import RecipeError
from ml.views import View

NEW = 10  # times the rate, of the last layer


class MobileNet(nn.Module):
    """MobileNetV2 (Sandler et al. 2018, CVPR, arXiv 1801.04381) without its last layer."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        net = mobilenet_v2(weights=None, width_mult=width)
        self.features, self.width = net.features, net.last_channel

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, s, s) -> (n, 1280)."""
        found: Tensor = self.features(x)
        return found.mean((2, 3))

    def load(self) -> None:
        """ImageNet weights, torchvision's. Raises NoWeights."""
        pretrained.load(self, "mobilenet_v2", new=("classifier.",))


@dataclass(frozen=True)
class Arguments:
    """What nima is built from."""

    task: str = "distribution"
    trunk: str = "mobilenet_v2"  # or "vgg16", "lite0"
    weights: str = "imagenet"  # or "none"
    width: float = 1.0  # of every layer; ImageNet weights fit 1 only
    side: int = 224
    dropout: float = 0.75


@register(
    "nima",
    arguments=Arguments,
    tasks=("distribution", "score"),
    paper="Talebi, Milanfar, NIMA: Neural Image Assessment, IEEE TIP 2018",
    about="A network trained on ImageNet says how people's ratings of a photograph are spread from 1 to 10. It learns "
    "by the earth mover's distance, which counts how far votes would have to move. The spread's mean is the score.",
)
class Nima(Net):
    """A trunk, dropout, ten bins."""

    def __init__(self, arguments: Arguments, classes: int) -> None:
        super().__init__(arguments.task, classes)
        self.arguments = arguments
        self.trunk = _trunk(arguments)
        self.dropout = nn.Dropout(arguments.dropout)
        self.last = nn.Linear(self.trunk.width, BINS)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)
        norm = "lite" if arguments.trunk == "lite0" else "imagenet"
        self.views = (View("warp", round(arguments.side * 256 / 224), arguments.side, norm),)

    def forward(self, *inputs: Tensor) -> Said:
        """(n, 3, s, s) -> logits of the ten bins (n, 10); for task "score" also the mean of the spread (n,), 0-1."""
        bins = self.last(self.dropout(self.trunk(inputs[0])))
        if self.task == DISTRIBUTION:
            return {"logits": bins}
        return {"logits": mean_of(torch.softmax(bins, 1))[:, None], "bins": bins}

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """The last layer at ten times the rate."""
        return faster(self.trunk, self.last, NEW, lr, weight_decay)

    def start(self) -> None:
        """The trunk's ImageNet weights; Lite's are packaged."""
        if self.arguments.weights == "imagenet":
            self.trunk.load()


def _trunk(arguments: Arguments) -> MobileNet | Vgg16 | Lite:
    match arguments.trunk:
        case "mobilenet_v2":
            return MobileNet(arguments.width)
        case "vgg16":
            return Vgg16(arguments.width)
        case "lite0":
            return Lite()
    raise RecipeError(f"trunk must be mobilenet_v2, vgg16 or lite0, not {arguments.trunk!r}.")


def mean_of(spread: Tensor) -> Tensor:
    """Spreads of votes (n, 10) -> their means (n,), 1-10 scaled to 0-1."""
    return spread @ torch.linspace(0, 1, BINS, device=spread.device, dtype=spread.dtype)
