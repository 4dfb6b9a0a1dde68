"""How a photograph becomes a network's input: train and eval side by side, on tensors, by torchvision's v2 transforms.

Two steps, as the papers of 2014-2016 have them: a frame of fixed size, then a window in it (and its mirror image).
Frames are RAPID's four (Lu et al. 2014, section 3.1):

    center-crop  the shorter side becomes `frame`, the middle square is kept
    warp         both sides become `frame`; the aspect ratio is lost
    padding      the longer side becomes `frame`, centred; zeros around it (after normalising)
    crop         a window of frame x frame at the photograph's own resolution, wherever it falls; a photograph that is
                 smaller is enlarged first
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

FRAMES = ("center-crop", "warp", "padding", "crop")
# mean and standard deviation of RGB in 0-1; Caffe's nets see BGR in 0-255 less a mean
NORMS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": ((122.7 / 255, 116.7 / 255, 104.0 / 255), (1 / 255, 1 / 255, 1 / 255)),
    "half": ((0.5,) * 3, (0.5,) * 3),
    "lite": ((127 / 255,) * 3, (128 / 255,) * 3),
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
CORNERS = ("one", "ten")  # test views: the middle window; or four corners and the middle, each mirrored


class Input(Protocol):
    """How a photograph, uint8 (3, h, w), becomes one input of a network."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, side, side)."""

    def train(self, image: Tensor) -> Tensor:
        """As it is trained on: one view, random choices from torch's global generator."""

    def eval(self, image: Tensor) -> Tensor:
        """(v, *shape): the views whose answers are averaged; no randomness."""


@dataclass(frozen=True)
class View:
    """One input of a network. Random choices come from torch's global generator."""

    frame: str = "warp"
    resize: int = 256  # side of the frame
    side: int = 224  # of the window
    norm: str = "imagenet"
    mirror: bool = True  # half of the training windows
    tests: str = "one"  # or "ten"; frame "crop" takes a number of windows instead
    windows: int = 1  # of frame "crop", at test, spread evenly
    bgr: bool = False
    shrink: float = 1.0  # of frame "crop": the photograph first becomes this many times as large, for small networks

    def __post_init__(self) -> None:
        if self.frame not in FRAMES or self.norm not in NORMS or self.tests not in CORNERS:
            raise ValueError(f"frame: {', '.join(FRAMES)}; norm: {', '.join(NORMS)}; tests: {', '.join(CORNERS)}.")
        if not 1 <= self.side <= self.resize:
            raise ValueError(f"A window of {self.side} pixels does not fit in a frame of {self.resize}.")

    def train(self, image: Tensor) -> Tensor:
        """uint8 (3, h, w) -> float (3, side, side): a window at random, mirrored half the time."""
        framed = self._framed(image, *torch.rand(2).tolist())
        room = self.resize - self.side
        top, left = (int(torch.randint(room + 1, ())) for _ in range(2))
        window = framed[:, top : top + self.side, left : left + self.side]
        return tv.horizontal_flip(window) if self.mirror and torch.rand(()) < 0.5 else window

    def eval(self, image: Tensor) -> Tensor:
        """uint8 (3, h, w) -> float (v, 3, side, side): the views whose answers are averaged; no randomness."""
        if self.frame == "crop":
            whole = self._shortest(image)
            return torch.stack([self._middle(self._cut(whole, *place)) for place in self._places])
        framed = self._framed(image, 0.5, 0.5)
        if self.tests == "ten":
            return torch.stack(tv.ten_crop(framed, [self.side, self.side]))
        return self._middle(framed)[None]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, side, side) of the network's input."""
        return 3, self.side, self.side

    @cached_property
    def _places(self) -> list[tuple[float, float]]:
        """Where the windows of frame "crop" lie, as shares of the room: the middle, then a Weyl sequence."""
        steps = (0.7548776662, 0.5698402910)  # of the plastic number: evenly spread in two dimensions
        return [((0.5 + n * steps[0]) % 1, (0.5 + n * steps[1]) % 1) for n in range(self.windows)]

    def _middle(self, framed: Tensor) -> Tensor:
        return tv.center_crop(framed, [self.side, self.side])

    def _framed(self, image: Tensor, down: float, right: float) -> Tensor:
        """The normalised frame, float (3, resize, resize). down, right: where frame "crop" falls, 0-1."""
        height, width = image.shape[1:]
        side = self.resize
        if self.frame == "warp":
            return self._normalised(_resized(image, side, side))
        if self.frame == "padding":
            scale = side / max(height, width)
            small = self._normalised(_resized(image, max(1, round(height * scale)), max(1, round(width * scale))))
            return tv.center_crop(small, [side, side])  # pads with zeros where the picture is smaller
        where = (down, right) if self.frame == "crop" else (0.5, 0.5)
        return self._cut(self._shortest(image), *where)

    def _shortest(self, image: Tensor) -> Tensor:
        """The picture at the size that frames are cut from: its shorter side is `resize`, or more for frame "crop"."""
        height, width = image.shape[1:]
        scale = max(self.resize / min(height, width), self.shrink if self.frame == "crop" else 0)
        return image if scale == 1 else _resized(image, *(max(self.resize, round(e * scale)) for e in (height, width)))

    def _cut(self, whole: Tensor, down: float, right: float) -> Tensor:
        """A normalised frame of the picture. down, right: where it falls, as shares of the room (0-1)."""
        side = self.resize
        top, left = round(down * (whole.shape[1] - side)), round(right * (whole.shape[2] - side))
        return self._normalised(whole[:, top : top + side, left : left + side])

    def _normalised(self, image: Tensor) -> Tensor:
        mean, std = (torch.tensor(values)[:, None, None] for values in NORMS[self.norm])
        done = (image.float() / 255 - mean) / std
        return done.flip(0) if self.bgr else done


def _resized(image: Tensor, height: int, width: int) -> Tensor:
    return tv.resize(image, [height, width], interpolation=tv.InterpolationMode.BICUBIC, antialias=True)
