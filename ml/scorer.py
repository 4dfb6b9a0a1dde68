"""Scoring by ONNX Runtime: photographs to moods, scores and embeddings. This process never loads torch.

A network is exported once, by a subprocess (ml.export), into a cache folder; every later scorer reads that file.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from ml.files import SUFFIX, NetworkFile, NetworkFileError, save
from ml.transforms import eval_view

BATCH = 16  # larger batches were no faster on a CPU
EXPORT_SECONDS = 600
OUTPUTS = 4  # of a starter: moods, scores, embedding, rows
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """Scores of n photographs, in rows."""

    moods: NDArray[np.float32]  # (n, 6) probabilities in MOODS order, rows sum to 1
    valence: NDArray[np.float32]  # (n,) 1-7
    arousal: NDArray[np.float32]  # (n,) 1-7
    aesthetic: NDArray[np.float32]  # (n,) 1-7
    embedding: NDArray[np.float32]  # (n, 64), whitened on the training photographs


class Session:
    """An exported module and the eval transform of each of its inputs."""

    def __init__(self, model: Path, backbones: Sequence[dict[str, Any]], threads: int | None) -> None:
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._backbones = list(backbones)
        self.name = model.stem
        self.sizes = [output.shape[1] for output in self._session.get_outputs()]  # columns of each output
        self.notes: dict[str, str] = self._session.get_modelmeta().custom_metadata_map  # what the export wrote into it

    def run(self, images: Sequence[Image.Image], mirror: bool = False) -> list[NDArray[np.float32]]:
        """The module's outputs for RGB images of any size, in batches. mirror: of their mirror images."""
        batches = [self._batch(images[start : start + BATCH], mirror) for start in range(0, len(images), BATCH)]
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]

    def _batch(self, images: Sequence[Image.Image], mirror: bool) -> list[NDArray[np.float32]]:
        feed = {}
        for place, backbone in enumerate(self._backbones):
            pixels = np.stack([eval_view(image, backbone["view"], backbone["size"]) for image in images])
            feed[f"pixels{place}"] = np.ascontiguousarray(pixels[:, :, ::-1]) if mirror else pixels
        return self._session.run(None, feed)


class Scorer:
    """Scores photographs with one network. The first use of a network exports it (some seconds)."""

    def __init__(self, network: NetworkFile, cache_dir: Path, threads: int | None = None) -> None:
        """threads: of ONNX Runtime (None: one a core). Raises NetworkFileError if the export fails."""
        self.name = network.name
        self._session = Session(exported(network, cache_dir), network.arguments["backbones"], threads)
        if len(self._session.sizes) != OUTPUTS:
            raise NetworkFileError(f"{network.name} was exported by another version of Evoke, and cannot score here.")

    def score(self, images: Sequence[Image.Image]) -> Scores:
        """Scores of RGB images of any size, in order; an empty sequence gives arrays of no rows."""
        return self.score_with_rows(images)[0]

    def score_with_rows(self, images: Sequence[Image.Image]) -> tuple[Scores, Floats]:
        """The same, with what the heads work on, for training new ones: rows (n, w), see ml.fitting."""
        blank = [Image.new("RGB", (8, 8))]
        found = self._session.run(images) if images else [part[:0] for part in self._session.run(blank)]
        moods, scores, embedding, rows = found
        return Scores(moods, scores[:, 0], scores[:, 1], scores[:, 2], embedding), rows


def exported(network: NetworkFile, cache_dir: Path) -> Path:
    """The network's ONNX file in `cache_dir`, made if it is not there yet."""
    out = Path(cache_dir) / f"{network.name}.onnx"
    if out.is_file():
        return out
    if network.path is not None:
        return export("network", str(network.path), out)
    with tempfile.TemporaryDirectory() as folder:
        written = save(folder, network.name.rsplit("-", 1)[0], network.arrays, network.card)
        return export("network", str(Path(folder) / f"{written.name}{SUFFIX}"), out)


def features(arguments: dict[str, Any], cache_dir: Path, threads: int | None = None) -> Session:
    """A session of the backbones alone, for training: images to groups of features, each (n, columns)."""
    wanted = {"backbones": arguments["backbones"], "groups": arguments["groups"]}
    source = json.dumps(wanted, sort_keys=True)
    name = hashlib.sha256(source.encode()).hexdigest()[:8]
    out = Path(cache_dir) / f"features-{name}.onnx"
    if not out.is_file():
        export("features", source, out)
    return Session(out, arguments["backbones"], threads)


def export(kind: str, source: str, out: Path) -> Path:
    """Run ml.export into a file of its own name, then put it in place: two processes may do so at once."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as folder:
        made = Path(folder) / out.name
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "ml.export", kind, source, str(made)]
        done = subprocess.run(  # noqa: S603  (our own module, no shell)
            command, capture_output=True, text=True, timeout=EXPORT_SECONDS, env={**os.environ, "PYTHONPATH": path}
        )
        if done.returncode != 0 or not made.is_file():
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise NetworkFileError(f"{out.stem} could not be exported for scoring: {reason}")
        os.replace(made, out)
    return out
