"""The views by which the starter scores a photograph. PIL and numpy only: scoring goes without torch.

They end in uint8 (height, width, 3); the network itself scales to (x - 127) / 128.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

VIEWS = ("squeeze", "crop")
CROP = 0.875  # share of the shorter side that a centre crop keeps (EfficientNet's own evaluation)


def eval_view(image: Image.Image, view: str, size: int) -> NDArray[np.uint8]:
    """The one view by which a photograph is scored: (size, size, 3), bicubic.

    `squeeze` keeps the whole frame and gives up the aspect ratio; `crop` keeps the ratio and gives up the margins.
    """
    if image.mode != "RGB":  # converting RGB to RGB would copy it
        image = image.convert("RGB")
    if view == "squeeze":
        return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0))
    if view != "crop":
        raise ValueError(f"there is no view {view!r}: {', '.join(VIEWS)}")
    side = min(image.size) * CROP
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0))
