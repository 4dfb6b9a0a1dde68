"""Photographs to moods, scores and embeddings. This process never loads torch, unless the self-test of ml.engines
found that torch scores fastest here (on a CUDA device, that is).

A network is exported once, by a subprocess (ml.export), into a cache folder; every later scorer reads that file.
"""

import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from ml import engines
from ml.files import SUFFIX, NetworkFile, NetworkFileError, save
from ml.transforms import eval_view

log = logging.getLogger(__name__)
# Pixels of a photograph's shorter side that suffice. 260 would do for the shipped network and save 1.4 ms of decoding a
# photograph; but of 64 a fifth would be read from a smaller rendition, and the largest change of a score was .3.
SIDE = 320
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


Prepared = tuple[NDArray[np.uint8], ...]  # a photograph's view for each backbone, (s, s, 3)


class Scoring(Protocol):
    """What the site asks of a network that scores: a Scorer, or one joined to it."""

    side: int
    lanes: int
    batch: int

    def __call__(self, images: Sequence[Image.Image]) -> Scores: ...

    def prepare(self, image: Image.Image) -> Any: ...

    def score_prepared(self, prepared: Sequence[Any]) -> Scores: ...


class Scorer:
    """Scores photographs with one network. The first use of a network exports it (some seconds).

    `score` does all of it. Who decodes elsewhere calls `prepare` there (any thread) and `score_prepared` on `lanes`
    threads at once, `batch` photographs a time. side: pixels of a photograph's shorter side that suffice.
    """

    def __init__(
        self, network: NetworkFile, cache_dir: Path, threads: int | None = None, engine: str | None = engines.DEFAULT
    ) -> None:
        """threads: of a CPU (None: one a core); engine: see ml.engines (None: what the self-test chose here, if any).

        What is learnt of scores names no engine, so that it does not depend on the machine.
        Raises NetworkFileError if the export fails.
        """
        self.name = network.name
        self._backbones = network.arguments["backbones"]
        self._engine = _opened(network, cache_dir, threads, engine)
        if self._engine.outputs != OUTPUTS:
            raise NetworkFileError(f"{network.name} was exported by another version of Evoke, and cannot score here.")
        self.engine, self.lanes, self.batch = self._engine.name, self._engine.lanes, self._engine.batch
        self.side = SIDE

    def __call__(self, images: Sequence[Image.Image]) -> Scores:
        return self.score(images)

    def score(self, images: Sequence[Image.Image]) -> Scores:
        """Scores of RGB images of any size, in order; an empty sequence gives arrays of no rows."""
        return self.score_with_rows(images)[0]

    def score_with_rows(self, images: Sequence[Image.Image]) -> tuple[Scores, Floats]:
        """The same, with what the heads work on, for training new ones: rows (n, w), see ml.fitting."""
        prepared = [self.prepare(image) for image in images or [Image.new("RGB", (8, 8))]]
        found = engines.run_all(self._engine, _stacked(prepared))
        return _scores([part[: len(images)] for part in found])

    def prepare(self, image: Image.Image) -> Prepared:
        """What the network looks at of an RGB image."""
        return tuple(eval_view(image, backbone["view"], backbone["size"]) for backbone in self._backbones)

    def score_prepared(self, prepared: Sequence[Prepared]) -> Scores:
        """Scores of at least one and at most `batch` photographs, on the thread that calls."""
        return _scores(engines.run_padded(self._engine, _stacked(prepared)))[0]


def _opened(network: NetworkFile, cache_dir: Path, threads: int | None, engine: str | None) -> engines.Engine:
    """The engine asked for, or chosen before; ONNX Runtime where that one cannot be opened any more."""
    model, cache_dir = exported(network, cache_dir), Path(cache_dir)
    known = engines.recorded(network.name, cache_dir) if engine is None else None
    wanted = engine or (known["chosen"] if known and network.path is not None else engines.DEFAULT)
    try:
        return engines.open_engine(wanted, model, network.path, threads)
    except (RuntimeError, ImportError, OSError) as error:
        if engine is not None or wanted == engines.DEFAULT:
            raise
        log.warning("Engine %s cannot be used (%s): %s scores instead.", wanted, error, engines.DEFAULT)
        return engines.open_engine(engines.DEFAULT, model, network.path, threads)


def choose_engine(network: NetworkFile, cache_dir: Path) -> str:
    """Test the engines of this machine on the network, unless that was done before; the fastest one's name."""
    if network.path is None:
        return engines.DEFAULT
    return engines.choose(network.name, exported(network, cache_dir), network.path, Path(cache_dir))


def _stacked(prepared: Sequence[Prepared]) -> list[NDArray[np.uint8]]:
    return [np.stack(views) for views in zip(*prepared, strict=True)]


def _scores(found: Sequence[Floats]) -> tuple[Scores, Floats]:
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
