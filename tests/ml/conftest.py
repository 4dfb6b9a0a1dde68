"""A small world for networks: coloured photographs, a network trained on them, made once."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ml.files import NetworkFile
from ml.recipes import Starter
from ml.train import train


def draw(path: Path, seed: int) -> None:
    """A photograph-like picture: a coloured ground with shapes, different for each seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (120, 90), tuple(int(v) for v in rng.integers(0, 256, 3)))
    pen = ImageDraw.Draw(image)
    for _ in range(6):
        x, y, r = (int(v) for v in (*rng.integers(0, 90, 2), rng.integers(5, 30)))
        pen.ellipse((x, y, x + r, y + r), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    image.save(path)


@pytest.fixture(scope="session")
def small_oasis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OASIS-shaped folder: 80 made-up pictures of 20 subjects, norms, and the ratings of 12 people."""
    folder = tmp_path_factory.mktemp("oasis")
    (folder / "photos").mkdir()
    themes = _labelled_subjects()
    rng = np.random.default_rng(0)
    with (folder / "norms.csv").open("w", newline="") as norms, (folder / "ratings.csv").open("w", newline="") as rated:
        scales = [f"{scale}_{part}" for scale in ("valence", "arousal", "aesthetic") for part in ("mean", "sd")]
        table, ratings = csv.writer(norms), csv.writer(rated)
        table.writerow(["file", "theme", "subject", "category", *scales])
        ratings.writerow(["person", "file", "rating"])
        for number in range(80):
            subject = themes[number % len(themes)]
            name = f"{subject} {number}.jpg"
            draw(folder / "photos" / name, number)
            means = rng.uniform(1.5, 6.5, 3).round(3)
            table.writerow([name, name[:-4], subject, "Object", means[0], 1, means[1], 1, means[2], 1])
            for person in range(12):
                ratings.writerow([person, name, int(np.clip(round(means[2] + rng.normal()), 1, 7))])
    return folder


def _labelled_subjects() -> list[str]:
    """Two subjects that name each mood, and eight that name none."""
    from ml.moods import MOODS, THEMES

    return [name for mood in MOODS for name in sorted(THEMES[mood])[:2]] + [f"thing {n}" for n in range(8)]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where networks are exported to, once for all tests of this room."""
    return tmp_path_factory.mktemp("onnx")


SMALL = Starter(backbones=("lite0",), views=("crop",), components=80, score_components=64, places=0)


@pytest.fixture(scope="session")
def small_network(small_oasis: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> NetworkFile:
    """A real network trained on the small world."""
    return train([("oasis", small_oasis)], tmp_path_factory.mktemp("networks"), cache, recipe=SMALL)
