"""The self-test of one engine: python -m ml.engines_test ENGINE MODEL.onnx NETWORK-FILE prints a Finding as JSON.

A process of its own, so that whoever scores never loads torch, and an engine that crashes takes nothing along.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import spearmanr

from ml import files
from ml.engines import RANKS, TOLERANCE, Engine, Finding, Floats, Pixels, open_engine, run_all
from ml.transforms import eval_view

COUNT = 32  # parts of photographs compared
ROUNDS = 3
SCORES = 1  # which of the outputs holds valence, arousal and beauty


def pictures(count: int = COUNT) -> list[Image.Image]:
    """Parts of the photographs that scikit-image brings along: random pixels take other times than photographs do."""
    from skimage import data

    whole = [Image.fromarray(read()) for read in (data.astronaut, data.chelsea, data.coffee, data.rocket)]
    rng = np.random.default_rng(0)
    parts = []
    for place in range(count):
        image = whole[place % len(whole)]
        side = [int(length * share) for length, share in zip(image.size, rng.uniform(0.5, 1, 2), strict=True)]
        left, top = (int(rng.integers(0, 1 + room - own)) for room, own in zip(image.size, side, strict=True))
        parts.append(image.crop((left, top, left + side[0], top + side[1])))
    return parts


def compare(found: list[Floats], expected: list[Floats]) -> tuple[float, float]:
    """The largest error: of moods and scores as it is, of the rest by its largest value; the least rank correlation."""
    errors = [np.abs(a - b).max() for a, b in zip(found, expected, strict=True)]
    for place in range(SCORES + 1, len(errors)):
        errors[place] /= max(1.0, np.abs(expected[place]).max())
    ranks = [spearmanr(a, b).statistic for a, b in zip(found[SCORES].T, expected[SCORES].T, strict=True)]
    return float(np.max(errors)), float(np.min(ranks))


def rate(engine: Engine, pixels: list[Pixels]) -> float:
    """Photographs a second on all the engine's lanes; the best of a few rounds."""
    batch = [np.resize(part, (engine.batch, *part.shape[1:])) for part in pixels]
    engine.run(batch)
    times = []
    with ThreadPoolExecutor(engine.lanes) as pool:
        for _ in range(ROUNDS):
            started = time.perf_counter()
            list(pool.map(engine.run, [batch] * (2 * engine.lanes)))
            times.append(time.perf_counter() - started)
    return 2 * engine.lanes * engine.batch / min(times)


def finding(name: str, model: Path, source: Path) -> Finding:
    """How fast an engine is here, and whether it says what fp32 eager torch says."""
    backbones = files.load(source).arguments["backbones"]
    images = pictures()
    pixels = [np.stack([eval_view(image, b["view"], b["size"]) for image in images]) for b in backbones]
    engine = open_engine(name, model, source, None)
    found, speed = run_all(engine, pixels), rate(engine, pixels)
    error, rank = compare(found, run_all(open_engine("torch", model, source, None), pixels))
    if not (error <= TOLERANCE and rank >= RANKS):
        why = f"it strays from fp32: by {error:.3f} at most, rank correlation {rank:.4f} at least"
        return Finding(name, speed, error, rank, why)
    return Finding(name, speed, error, rank)


if __name__ == "__main__":
    try:
        print(json.dumps(asdict(finding(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))))
    except (OSError, RuntimeError, ImportError, files.NetworkFileError) as error:
        sys.exit((str(error).splitlines() or [type(error).__name__])[0])
