"""RAPID: rating pictures by columns of one small network that see the whole picture, a part of it, and its style.

Lu, Lin, Jin, Yang, Wang (2014), RAPID: Rating Pictorial Aesthetics using Deep Learning, ACM Multimedia; longer as
Rating Image Aesthetics using Deep Learning (2015), IEEE Transactions on Multimedia. There is no official code.

The column (all three networks are made of it):

    layer   kernel, stride, pad   then                               shape
    input                                                            3 x 224 x 224
    conv1   11, 2, 0              ReLU, max-pool 3/2, LRN            64 x 107 x 107 -> 53 x 53
    conv2   5, 1, 2               ReLU, max-pool 3/2, LRN            64 x 53 x 53 -> 26 x 26
    conv3   3, 1, 1               ReLU                               64 x 26 x 26
    conv4   3, 1, 1               ReLU                               64 x 26 x 26
    fc1     43,264 -> 1000        ReLU, dropout                      1000
    fc2     1000 -> 256           ReLU, dropout                      256, the column's feature

    rapid_scnn     one column                     256 -> classes    43,721,386 parameters for two classes
    rapid_dcnn     two columns, warp and crop     512 -> 2          87,442,770
    rapid_rdcnn    and a frozen third             768 -> 2          131,164,154, of which 87,443,282 learn

The paper's: kernels, widths, pooling and normalisation after the first two layers; a 224 x 224 window and its mirror
image, taken at random from a 256 x 256 frame that is made in four ways (ml.views); softmax and its negative
log-likelihood; the columns share no weights and meet only in the last layer; DCNN starts from the two trained SCNNs
and all of it learns; RDCNN's third column is an SCNN trained on AVA's 14 styles, without its last layer, frozen.
The journal version puts a column of semantic categories in the place of the style's.

Ours, where the paper is silent: padding; dropout .5; ten test views, and 50 windows for "crop" (10 in the networks of
several columns); the columns of a DCNN learn at a tenth of the rate in their first epoch. The first weights are He's,
the pixels' standard deviations are 1, and all layers learn at one rate. init="gaussian" is cuda-convnet's way instead,
likely the paper's: Gaussians of .01 and .005, pixels of 0-255 less a mean, fully connected layers at ten times the rate
of convolutions (remembered, not certain); it needs thousands of steps before it begins to learn. Which of the two
inputs the style column saw is not known, so it is an argument.

A smaller network for a CPU: width=0.25 and side=112, say. The frame and the resolution at which "crop" is taken shrink
with the side, so that every window still shows the same part of the photograph.

AVA's style lists share photographs with its official test list (951 of the 11,270 for training): train a third column
without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ml.nets import caffe, catalog
from ml.nets.base import Net, Said
from ml.nets.catalog import register
from ml.recipes import RecipeError
from ml.views import CORNERS, FRAMES, View

SIDE, FRAME = 224, 256
INITS = ("he", "gaussian")
SETTLE = "settle"  # the stage in which trained columns learn slowly, until the new last layer has its bearings
SLOW = 0.1
FULL = 10.0  # with Gaussian weights: rate of the fully connected layers, in convolutions' rates
UNTRAINED = "random"
THIRD_TASKS = ("style", "category")


@dataclass(frozen=True)
class Size:
    """What every network of columns has. width: of the paper's 64, 1000 and 256; side: of the window, in pixels."""

    task: str = "binary"
    side: int = SIDE
    width: float = 1.0
    dropout: float = 0.5
    init: str = "he"

    def __post_init__(self) -> None:
        if self.init not in INITS or self.side < 32 or self.width <= 0 or not 0 <= self.dropout < 1:
            raise RecipeError(f"init: {', '.join(INITS)}; side: 32 or more; width above 0; dropout in 0-1.")

    @property
    def features(self) -> int:
        """Width of a column's feature."""
        return max(1, round(256 * self.width))

    def sees(self, frame: str, tests: str = "one", windows: int = 1) -> View:
        """The input of one column."""
        shrink, norm = self.side / SIDE, "caffe" if self.init == "gaussian" else "imagenet"
        return View(frame, round(FRAME * shrink), self.side, norm, tests=tests, windows=windows, shrink=shrink)


@dataclass(frozen=True)
class Single(Size):
    """Arguments of rapid_scnn. tests: of frames that show the whole picture; windows: of "crop", at test."""

    view: str = "crop"
    tests: str = "ten"
    windows: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.view not in FRAMES or self.tests not in CORNERS or self.windows < 1:
            raise RecipeError(f"view: {', '.join(FRAMES)}; tests: {', '.join(CORNERS)}; windows: 1 or more.")


@dataclass(frozen=True)
class Double(Size):
    """Arguments of rapid_dcnn. warp, crop: files of the trained rapid_scnn that each column starts from, or ""."""

    warp: str = ""
    crop: str = ""
    windows: int = 10


@dataclass(frozen=True)
class Triple(Double):
    """Arguments of rapid_rdcnn.

    third: file of a rapid_scnn trained with task=style or task=category, or "random": a column that knows nothing.
    third_view: which of the two inputs it sees, "warp" or "crop"; its file must have been trained so.
    """

    third: str = ""
    third_view: str = "crop"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.third_view not in ("warp", "crop"):
            raise RecipeError("third_view must be warp or crop.")


class Column(nn.Module):
    """A picture's feature: (n, 3, side, side) -> (n, 256)."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        channels, hidden = (max(1, round(count * size.width)) for count in (64, 1000))
        side = caffe.pooled(caffe.pooled((size.side - 11) // 2 + 1))
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, channels, 11, stride=2), nn.ReLU(), caffe.pool(), caffe.lrn(),
            nn.Conv2d(channels, channels, 5, padding=2), nn.ReLU(), caffe.pool(), caffe.lrn(),
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.full = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * side * side, hidden), nn.ReLU(), nn.Dropout(size.dropout),
            nn.Linear(hidden, size.features), nn.ReLU(), nn.Dropout(size.dropout),
        )  # fmt: skip
        initialise(self, size.init)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.full(self.convolutions(pictures))


def initialise(module: nn.Module, init: str) -> None:
    """First weights: He's (2015, arXiv 1502.01852), or AlexNet's Gaussians with biases of 1 after the first layer."""
    for layer in module.modules():
        if not isinstance(layer, nn.Conv2d | nn.Linear) or layer.bias is None:
            continue
        if init == "he":
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        else:
            nn.init.normal_(layer.weight, std=0.01 if isinstance(layer, nn.Conv2d) else 0.005)
            nn.init.constant_(layer.bias, 0.0 if getattr(layer, "in_channels", 0) == 3 else 1.0)


class Columns(Net):
    """Columns side by side and one layer upon their features."""

    def __init__(self, arguments: Any, classes: int, count: int) -> None:
        super().__init__(arguments.task, classes)
        self.arguments = arguments
        self.last = nn.Linear(count * arguments.features, self.outputs)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)
        self.slow = 1.0

    @property
    def learning(self) -> Sequence[Column]:
        """The columns that learn."""
        raise NotImplementedError

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """lr is that of the convolutions."""
        full = FULL if self.arguments.init == "gaussian" else 1.0
        parts: list[tuple[list[nn.Module], float]] = [
            ([column.convolutions for column in self.learning], self.slow),
            ([column.full for column in self.learning], full * self.slow),
            ([self.last], full),
        ]
        return caffe.groups(parts, lr, weight_decay)

    def enter(self, stage: str, epoch: int) -> None:
        self.slow = SLOW if stage == SETTLE else 1.0


@register(
    "rapid_scnn",
    arguments=Single,
    tasks=("binary", *THIRD_TASKS),
    paper="Lu, Lin, Jin, Yang, Wang, RAPID: Rating Pictorial Aesthetics using Deep Learning, ACM MM 2014",
    about="One column of four convolutions and three full layers tells high from low quality. "
    "It sees the whole picture (centre-crop, warp or padding) or a part of it at its own resolution (crop). "
    "Trained on photographic styles it becomes the third column of rapid_rdcnn.",
)
class RapidScnn(Columns):
    """One column: section 3.1 of the paper."""

    arguments: Single

    def __init__(self, arguments: Single, classes: int) -> None:
        super().__init__(arguments, classes, 1)
        self.column = Column(arguments)
        self.views = (arguments.sees(arguments.view, arguments.tests, arguments.windows),)

    @property
    def learning(self) -> Sequence[Column]:
        return [self.column]

    def forward(self, *inputs: Tensor) -> Said:
        """(n, 3, 224, 224) -> logits (n, classes), features (n, 256)."""
        features = self.column(inputs[0])
        return {"logits": self.last(features), "features": features}


@register(
    "rapid_dcnn",
    arguments=Double,
    tasks=("binary",),
    paper="Lu, Lin, Jin, Yang, Wang, RAPID: Rating Pictorial Aesthetics using Deep Learning, ACM MM 2014",
    about="Two columns see the whole picture, squeezed to a square, and a part of it at its own resolution. "
    "They share no weights and meet only in the last layer, which tells high from low quality. "
    "Each starts from a trained rapid_scnn, then both learn together.",
)
class RapidDcnn(Columns):
    """Two columns, a global and a local one: section 3.2."""

    arguments: Double

    def __init__(self, arguments: Double, classes: int, count: int = 2) -> None:
        super().__init__(arguments, classes, count)
        self.whole, self.part = Column(arguments), Column(arguments)
        self.views = (arguments.sees("warp"), arguments.sees("crop", windows=arguments.windows))

    @property
    def learning(self) -> Sequence[Column]:
        return [self.whole, self.part]

    def features(self, whole: Tensor, part: Tensor) -> Tensor:
        """What the columns found, side by side: (n, 512)."""
        return torch.cat([self.whole(whole), self.part(part)], 1)

    def forward(self, *inputs: Tensor) -> Said:
        """Whole and part of each picture, (n, 3, 224, 224) each -> logits (n, 2), features."""
        features = self.features(*inputs)
        return {"logits": self.last(features), "features": features}

    def start(self) -> None:
        """Raises RecipeError if a file is no rapid_scnn that fits."""
        for column, path, view in ((self.whole, self.arguments.warp, "warp"), (self.part, self.arguments.crop, "crop")):
            if path:
                fill(column, path, view, ("binary",))


@register(
    "rapid_rdcnn",
    arguments=Triple,
    tasks=("binary",),
    paper="Lu, Lin, Jin, Yang, Wang, RAPID: Rating Pictorial Aesthetics using Deep Learning, ACM MM 2014; "
    "Rating Image Aesthetics using Deep Learning, IEEE TMM 2015",
    about="The two columns of rapid_dcnn, and a third that knows photographic styles and does not learn any more. "
    "The third is a rapid_scnn trained on styles, or on semantic categories, without its last layer. "
    "What each column found is joined, and one layer tells high from low quality.",
)
class RapidRdcnn(RapidDcnn):
    """Two columns that learn and a frozen one: section 3.3."""

    arguments: Triple

    def __init__(self, arguments: Triple, classes: int) -> None:
        super().__init__(arguments, classes, 3)
        self.third = Column(arguments).requires_grad_(False)

    def features(self, whole: Tensor, part: Tensor) -> Tensor:
        """What the columns found, side by side: (n, 768)."""
        third = self.third(whole if self.arguments.third_view == "warp" else part)
        return torch.cat([super().features(whole, part), third], 1)

    def train(self, mode: bool = True) -> "RapidRdcnn":
        super().train(mode)
        self.third.eval()  # a frozen column drops nothing out
        return self

    def start(self) -> None:
        """Raises RecipeError if there is no third column, or a file is no rapid_scnn that fits."""
        super().start()
        if not self.arguments.third:
            raise RecipeError(
                "rapid_rdcnn needs a style column: train rapid_scnn with --set task=style (or category) and give its "
                f"file as --set third=FILE, or --set third={UNTRAINED} for one that knows nothing."
            )
        if self.arguments.third != UNTRAINED:
            fill(self.third, self.arguments.third, self.arguments.third_view, THIRD_TASKS)


def fill(column: Column, path: str, view: str, tasks: Sequence[str]) -> None:
    """Give a column the weights of the trained rapid_scnn of a file.

    Raises RecipeError if it is none, or saw another view, learned none of `tasks`, or is of another size.
    """
    net, name = catalog.from_file(path), Path(path).name
    if not isinstance(net, RapidScnn):
        raise RecipeError(f"{name} is no rapid_scnn.")
    if net.arguments.view != view or net.task not in tasks:
        wanted = f"view {view} and task {' or '.join(tasks)}"
        raise RecipeError(f"{name} was trained with view {net.arguments.view} and task {net.task}, not {wanted}.")
    try:
        column.load_state_dict(net.column.state_dict())
    except RuntimeError as error:
        raise RecipeError(f"{name} is of another width or side than this network.") from error
