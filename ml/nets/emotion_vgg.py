"""The report's emotion network: four VGG-like blocks, trained from nothing on photographs under six emotion words.

Suhail, Kumar, Balagopalan, "Aesthetic Rating and Emotion Analysis using deep learning", after Simonyan, Zisserman,
"Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, arXiv 1409.1556.

    input    256 x 256 (both sides: the aspect ratio is lost), window of 224, mirrored half of the time
    block i  conv 3x3 -> ReLU -> LRN over 5 channels -> batch norm -> max-pool 2     i = 1..4
             64 channels (112), 128 (56), 256 (28), 512 (14)
    fc1      100,352 -> 4096, ReLU, dropout .5
    fc2      4096 -> 4096, ReLU, dropout .6
    fc3      4096 -> 1024, ReLU, dropout .6
    out      1024 -> 6

The report gives: four blocks of conv, ReLU, LRN and batch norm in that order (batch norm after ReLU is unusual, but it
is what is written), three fc layers and an output layer, the dropouts, cross-entropy, SGD with lr .1 halved every five
epochs. Ours: channels, pools, widths of the fc layers; LRN as Caffe's (alpha 1e-4, beta .75, k 1); He initial values in
the blocks and torch's own in the fc layers, which have no batch norm: with He's there too a rate of .1 ends in NaN.

Presets: "full" as above; "two" has the unit conv-ReLU-LRN-BN twice in each block; "small" 32-64-128-256 channels and
fc 512-512-512; "small-112" the same on windows of 112 with fc 512-512-256: the one to train on a CPU.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from ml.nets.base import Net, Said
from ml.nets.catalog import register
from ml.nets.initial import he
from ml.views import View

DROPOUT = (0.5, 0.6, 0.6)
FRAMES = ("warp", "center-crop")  # both sides to the frame, or the shorter one


@dataclass(frozen=True)
class Preset:
    """Sizes of a variant."""

    channels: tuple[int, int, int, int] = (64, 128, 256, 512)
    hidden: tuple[int, int, int] = (4096, 4096, 1024)
    convs: int = 1  # units a block
    side: int = 224  # of the window; the frame's is 8/7 of it


SMALL = (32, 64, 128, 256)
PRESETS = {
    "full": Preset(),
    "two": Preset(convs=2),
    "small": Preset(SMALL, (512, 512, 512)),
    "small-112": Preset(SMALL, (512, 512, 256), side=112),
}


@dataclass(frozen=True)
class Arguments:
    """width: a factor of all channels and fc widths; side: of the window, 0 for the preset's."""

    task: str = "emotion"
    preset: str = "full"
    frame: str = "warp"
    width: float = 1.0
    side: int = 0


def unit(before: int, after: int) -> list[nn.Module]:
    """What a block is made of, in the report's order."""
    return [
        nn.Conv2d(before, after, 3, padding=1),
        nn.ReLU(),
        nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0),
        nn.BatchNorm2d(after),
    ]


@register(
    "emotion_vgg",
    arguments=Arguments,
    tasks=("emotion", "binary", "style", "category"),
    paper="Suhail, Kumar, Balagopalan, Aesthetic Rating and Emotion Analysis using deep learning; "
    "after Simonyan, Zisserman, Very Deep Convolutional Networks, 2014",
    about="Four blocks of convolution, ReLU, local response norm and batch norm, then three wide layers. "
    "It starts from random weights and learns one of six emotions, from the words that photographs are tagged with. "
    "Nearly all of its 434 million weights lie in the first wide layer.",
)
class EmotionVgg(Net):
    """The report's emotion network."""

    def __init__(self, arguments: Arguments, classes: int) -> None:
        super().__init__(arguments.task, classes)
        if arguments.preset not in PRESETS or arguments.frame not in FRAMES:
            raise ValueError(f"preset: {', '.join(PRESETS)}; frame: {', '.join(FRAMES)}")
        preset = PRESETS[arguments.preset]
        side = arguments.side or preset.side
        self.views = (View(arguments.frame, round(side * 8 / 7), side),)
        channels, hidden = ([max(1, round(w * arguments.width)) for w in ws] for ws in (preset.channels, preset.hidden))
        layers: list[nn.Module] = []
        before = 3
        for after in channels:
            for _ in range(preset.convs):
                layers += unit(before, after)
                before = after
            layers.append(nn.MaxPool2d(2))
        self.blocks = nn.Sequential(*layers)
        self.head = self._head(before * (side // 16) ** 2, hidden)
        he(self.blocks)

    def _head(self, width: int, hidden: list[int]) -> nn.Sequential:
        layers: list[nn.Module] = [nn.Flatten()]
        for after, dropout in zip(hidden, DROPOUT, strict=True):
            layers += [nn.Linear(width, after), nn.ReLU(), nn.Dropout(dropout)]
            width = after
        return nn.Sequential(*layers, nn.Linear(width, self.outputs))

    def forward(self, *inputs: Tensor) -> Said:
        """(n, 3, side, side) -> logits (n, classes)."""
        return {"logits": self.head(self.blocks(inputs[0]))}
