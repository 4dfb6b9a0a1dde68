"""How likely a photograph shows nudity: Yahoo's OpenNSFW (Mahadeokar, Pesavento 2016) by ONNX Runtime.

A residual network ("ResNet-50 thin") of the Caffe of its day: it takes the middle 224 of 256 by 256 pixels, squeezed,
blue first, less the mean of its training photographs. Its authors call .8 and more likely, .2 and less unlikely, and
promise nothing. Violence, self-harm and who is in the picture it does not know. No Django, no torch.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

SIDE, MIDDLE = 256, 224  # pixels
MEAN = np.array([104, 117, 123], np.float32)  # blue, green, red


class SafetyClassifier:
    """Runs the installed file; one thread, so that it never crowds out the scoring."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def unsafe(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """(n,) of 0 to 1 for n RGB images of any size, at least one."""
        (found,) = self._session.run(None, {self._input: np.stack([prepared(image) for image in images])})
        return np.asarray(found[:, 1], np.float32)


def prepared(image: Image.Image) -> NDArray[np.float32]:
    """(224, 224, 3) as the network takes it, once through JPEG as it was trained (.21 apart for one of 188 if not)."""
    edge = (SIDE - MIDDLE) // 2
    squeezed = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    with io.BytesIO() as stream:
        squeezed.crop((edge, edge, SIDE - edge, SIDE - edge)).save(stream, "JPEG")
        pixels = np.asarray(Image.open(stream), np.float32)
    return pixels[:, :, ::-1] - MEAN
