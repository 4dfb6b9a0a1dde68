"""Photographs from files as tensors; decoding is bounded."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

MOST_PIXELS = 100_000_000


class UnreadableError(OSError):
    """A file that is no photograph that can be read; the message names it in one sentence."""


def read_image(path: Path) -> Tensor:
    """A photograph, upright, as uint8 RGB (3, h, w). Raises UnreadableError."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UnreadableError(f"{path.name} has more than {MOST_PIXELS // 1_000_000} megapixels.")
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except UnreadableError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # PIL raises all of these
        raise UnreadableError(f"{path.name} cannot be read as a photograph.") from error
    return torch.from_numpy(np.array(upright)).permute(2, 0, 1).contiguous()
