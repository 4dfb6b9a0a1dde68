"""What the columns see of a photograph: colours, light, sharpness and composition, each in a view of its own.

They stand beside ml.views.View and have its interface: train, eval, shape.

    colours      (3, 64, 64)  CIELAB of the shrunken photograph: L / 100, a / 110, b / 110
    light        (1, 64, 64)  lightness, taken at native resolution, then shrunk
    sharpness    (5, 96, 96)  lightness of five patches at native resolution: the middle, and the four of most edges
    composition  (4, 64, 64)  saliency, edges, and where each place is: x and y in -1..1

Lightness is CIELAB's L in steps of 1/255 at native resolution, as an 8-bit picture has it: what leaves it alone
(another hue of equal lightness) leaves light and sharpness alone to the bit.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as tv

SIDE = 64
# linear sRGB to CIE XYZ under D65, each row divided by the white point's
XYZ = torch.tensor(
    [
        [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883],
    ]
)
CHROMA = 110.0  # a and b are divided by it: within -1..1 for nearly all of sRGB
STRIP = 512  # rows a time: lightness of the largest photographs without as much memory again
_LINEAR = np.where(
    np.arange(256) / 255 <= 0.04045, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
).astype(np.float32)  # of the 256 values of sRGB


def lab(image: Tensor) -> Tensor:
    """CIELAB of sRGB in 0-1, (3, h, w) -> (3, h, w): L 0-100, a and b about -110 to 110."""
    linear = torch.where(image <= 0.04045, image / 12.92, ((image.clamp_min(0) + 0.055) / 1.055) ** 2.4)
    x, y, z = _curve(torch.einsum("ij,jhw->ihw", XYZ, linear))
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def lightness(image: Tensor) -> Tensor:
    """uint8 sRGB (3, h, w) -> CIELAB's L as (1, h, w) in 0-1, in steps of 1/255."""
    strips = []
    for top in range(0, image.shape[1], STRIP):
        red, green, blue = (torch.from_numpy(_LINEAR[plane.numpy()]) for plane in image[:, top : top + STRIP])
        luminance = XYZ[1, 0] * red + XYZ[1, 1] * green + XYZ[1, 2] * blue
        strips.append(((116 * _curve(luminance) - 16) * 2.55).round() / 255)
    return torch.cat(strips).clamp(0, 1)[None]


def _curve(t: Tensor) -> Tensor:
    """CIELAB's cube root with a straight foot."""
    return torch.where(t > (6 / 29) ** 3, t.clamp_min(1e-6) ** (1 / 3), t / (3 * (6 / 29) ** 2) + 4 / 29)


def shrunk(image: Tensor, side: int) -> Tensor:
    """(c, h, w) in 0-1 -> (c, side, side) in 0-1, each pixel the mean of what it stands for."""
    return tv.resize(image, [side, side], interpolation=tv.InterpolationMode.BILINEAR, antialias=True).clamp(0, 1)


class _Mirrored:
    """train and eval for views that differ only by mirroring."""

    def train(self, image: Tensor) -> Tensor:
        """uint8 (3, h, w) -> shape, of the photograph or, half the time, of its mirror image."""
        return self.seen(image.flip(-1) if torch.rand(()) < 0.5 else image)

    def eval(self, image: Tensor) -> Tensor:
        """uint8 (3, h, w) -> (1, *shape)."""
        return self.seen(image)[None]

    def seen(self, image: Tensor) -> Tensor:
        raise NotImplementedError


@dataclass(frozen=True)
class ColourView(_Mirrored):
    """CIELAB, small."""

    side: int = SIDE

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, side, side)."""
        return 3, self.side, self.side

    def seen(self, image: Tensor) -> Tensor:
        """L / 100, a / 110, b / 110."""
        return lab(shrunk(image.float() / 255, self.side)) / torch.tensor([100.0, CHROMA, CHROMA])[:, None, None]


@dataclass(frozen=True)
class LightView(_Mirrored):
    """Lightness, small."""

    side: int = SIDE

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, side, side)."""
        return 1, self.side, self.side

    def seen(self, image: Tensor) -> Tensor:
        """Lightness in 0-1."""
        return shrunk(lightness(image), self.side)


@dataclass(frozen=True)
class SharpnessView(_Mirrored):
    """Patches at native resolution: shrinking hides blur, noise and compression."""

    side: int = 96
    patches: int = 5

    @property
    def shape(self) -> tuple[int, int, int]:
        """(patches, side, side)."""
        return self.patches, self.side, self.side

    def seen(self, image: Tensor) -> Tensor:
        """The patch in the middle, then those of most edges, far from each other where there is room."""
        light = self._large_enough(lightness(image))[0]
        height, width = light.shape
        places = [((height - self.side) // 2, (width - self.side) // 2), *self._places(light)]
        return torch.stack([light[top : top + self.side, left : left + self.side] for top, left in places])

    def _large_enough(self, light: Tensor) -> Tensor:
        """Photographs smaller than a patch are mirrored at their edges."""
        down, right = (np.pad(np.arange(n), (0, max(0, self.side - n)), "symmetric") for n in light.shape[1:])
        return light[:, torch.from_numpy(down)][:, :, torch.from_numpy(right)]

    def _places(self, light: Tensor) -> list[tuple[int, int]]:
        """Corners of the patches of most gradient energy, on a grid of half a patch."""
        step = self.side // 2
        energy = functional.pad(light.diff(dim=0) ** 2, (0, 0, 0, 1)) + functional.pad(light.diff(dim=1) ** 2, (0, 1))
        grid = functional.avg_pool2d(energy[None, None], self.side, step)[0, 0] + 1e-9
        rows, columns = torch.meshgrid(*(torch.arange(n) for n in grid.shape), indexing="ij")
        found = []
        for _ in range(self.patches - 1):
            row, column = divmod(int(grid.argmax()), grid.shape[1])
            found.append((row * step, column * step))
            grid = torch.where(((rows - row).abs() < 2) & ((columns - column).abs() < 2), grid * 1e-6, grid)
        return found


@dataclass(frozen=True)
class CompositionView(_Mirrored):
    """Where something is, and nothing of what it is."""

    side: int = SIDE

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, side, side)."""
        return 4, self.side, self.side

    def seen(self, image: Tensor) -> Tensor:
        """Saliency in 0-1, edges in 0-1, x and y in -1..1."""
        light = lab(shrunk(image.float() / 255, self.side))[0] / 100
        along = torch.linspace(-1, 1, self.side).expand(self.side, self.side)
        return torch.stack([saliency(light), edges(light), along, along.T])


def saliency(light: Tensor) -> Tensor:
    """Spectral residual of a small picture (s, s) -> (s, s), its largest value 1.

    Hou, Zhang (2007), Saliency Detection: A Spectral Residual Approach, CVPR: what of the log amplitudes stands out
    from their local mean, back in space with the phases kept, squared and smoothed.
    """
    spectrum = torch.fft.fft2(light)
    amplitude = torch.log(spectrum.abs() + 1e-6)
    around = functional.pad(amplitude[None, None], (1, 1, 1, 1), mode="circular")
    residual = amplitude - functional.avg_pool2d(around, 3, 1)[0, 0]
    back = torch.fft.ifft2(torch.polar(torch.exp(residual), spectrum.angle())).abs() ** 2
    smooth = tv.gaussian_blur(back[None], [9, 9], [2.5, 2.5])[0]
    return smooth / smooth.max().clamp_min(1e-9)


def edges(light: Tensor) -> Tensor:
    """Length of Sobel's gradient (s, s) -> (s, s), about 0-1."""
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4
    around = functional.pad(light[None, None], (1, 1, 1, 1), mode="replicate")
    across, down = functional.conv2d(around, torch.stack([sobel, sobel.T])[:, None])[0]
    return (across**2 + down**2).sqrt().clamp_max(1)
