"""What stands in a photograph's place until it arrives: its ThumbHash as a tiny picture, and its colour as a class.

ThumbHash: Evan Wallace, https://evanw.github.io/thumbhash/ (a few cosines of luminance and of two colour differences).
Decoded here because the `thumbhash` package, which encodes at intake, decodes every hash to one flat colour (0.1.2).
"""

import base64
import io
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONG_SIDE = 24  # pixels: seven cosines need no more
GREY_CHROMA = 0.025  # OKLCH chroma below which a colour has no hue to speak of
HUE_STEP = 15  # degrees between the hue classes of the style sheet


def decode(thumbhash: bytes, long_side: int = LONG_SIDE) -> NDArray[np.uint8]:
    """The picture (height, width, 3) that an opaque ThumbHash stands for. Raises ValueError for a damaged hash."""
    if len(thumbhash) < 5 or thumbhash[2] & 0x80:
        raise ValueError("Not the ThumbHash of an opaque photograph.")
    header = int.from_bytes(thumbhash[:3], "little")
    shape = int.from_bytes(thumbhash[3:5], "little")
    landscape, short = bool(shape >> 15), max(1, shape & 7)
    columns, rows = (7, short) if landscape else (short, 7)
    nibbles = [value for byte in thumbhash[5:] for value in (byte & 15, byte >> 4)]
    scale = long_side / max(columns, rows)
    size = max(1, round(rows * scale)), max(1, round(columns * scale))
    channels, start = [], 0
    for (nx, ny), mean, spread in (
        ((max(3, columns), max(3, rows)), (header & 63) / 63, (header >> 18 & 31) / 31),
        ((3, 3), (header >> 6 & 63) / 31.5 - 1, (shape >> 3 & 63) / 63 * 1.25),
        ((3, 3), (header >> 12 & 63) / 31.5 - 1, (shape >> 9 & 63) / 63 * 1.25),
    ):
        terms = [(x, y) for y in range(ny) for x in range(nx) if (x or y) and x * ny < nx * (ny - y)]
        weights = nibbles[start : start + len(terms)]
        if len(weights) < len(terms):
            raise ValueError("A ThumbHash cut short.")
        start += len(terms)
        channels.append(_channel(size, terms, [(w / 7.5 - 1) * spread for w in weights], mean))
    light, yellow, red = channels
    blue = light - 2 / 3 * yellow
    first = (3 * light - blue + red) / 2
    picture = np.stack([first, first - red, blue], -1)
    return (picture.clip(0, 1) * 255).round().astype(np.uint8)


def _channel(size: tuple[int, int], terms: list[tuple[int, int]], weights: list[float], mean: float) -> NDArray:
    """One channel (height, width): the mean and a sum of cosines."""
    height, width = size
    grid = np.full(size, mean)
    for (x, y), weight in zip(terms, weights, strict=True):
        across = np.cos(math.pi / width * x * (np.arange(width) + 0.5))
        down = np.cos(math.pi / height * y * (np.arange(height) + 0.5))
        grid += 2 * weight * np.outer(down, across)
    return grid


@lru_cache(maxsize=8192)
def data_uri(thumbhash: bytes) -> str:
    """The ThumbHash as a WebP of about a hundred bytes inside an address; "" for a damaged hash."""
    try:
        picture = Image.fromarray(decode(thumbhash))
    except ValueError:
        return ""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=30, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


@lru_cache(maxsize=8192)
def focus(thumbhash: bytes) -> int:
    """Where a crop to a narrow upright panel should look, in per cent from the left: the window that differs most."""
    try:
        picture = decode(thumbhash).astype(float)
    except ValueError:
        return 50
    contrast = np.square(picture - picture.mean((0, 1))).sum((0, 2))
    width = max(1, len(contrast) // 4)
    windows = np.convolve(contrast, np.ones(width), "valid")
    windows *= 1 - 0.5 * np.abs(np.linspace(-1, 1, len(windows)))  # in doubt the middle
    return round(100 * float(windows.argmax()) / max(1, len(windows) - 1))


def colour_class(colour: int) -> str:
    """The style sheet's class for a dominant colour 0xRRGGBB: `c-grey`, or `c-` and its OKLCH hue in steps of 15."""
    lightness, a, b = _oklab(colour)
    if math.hypot(a, b) < GREY_CHROMA or not 0.02 < lightness < 0.995:
        return "c-grey"
    hue = math.degrees(math.atan2(b, a)) % 360
    return f"c-{round(hue / HUE_STEP) * HUE_STEP % 360}"


def _oklab(colour: int) -> tuple[float, float, float]:
    """sRGB to OKLab: B. Ottosson (2020), A perceptual color space for image processing."""
    red, green, blue = (_linear((colour >> shift & 255) / 255) for shift in (16, 8, 0))
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
