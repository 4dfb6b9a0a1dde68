"""Photographs and what is known of them, as examples to learn from: features, norms, weak mood labels."""

import dataclasses
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ml import words
from ml.data import flickr8k, oasis
from ml.fitting import NONE, Examples
from ml.heads import Floats
from ml.moods import MOODS, label_captions, label_themes
from ml.recipes import Starter
from ml.scorer import BATCH, Session, features


class Extractor:
    """Photographs to features (n, d), with the number of columns of each group.

    What was seen is kept in the cache folder, batch by batch in float16: a training with other settings, or one that
    goes on after a stop, does not look again, and finds the same numbers.
    """

    def __init__(self, recipe: Starter, cache_dir: Path, threads: int | None = None) -> None:
        self._session: Session = features(recipe.arguments(), cache_dir, threads)
        self.sizes = self._session.sizes
        self._kept = Path(cache_dir) / self._session.name

    def __call__(self, paths: Sequence[Path], told: Callable[[int], None] = lambda done: None) -> NDArray[np.float32]:
        """Features of photographs, the mean over each and its mirror image. told: photographs done so far."""
        parts = []
        for start in range(0, len(paths), BATCH):
            parts.append(self._batch(paths[start : start + BATCH]))
            told(min(start + BATCH, len(paths)))
        return np.concatenate(parts).astype(np.float32)

    def _batch(self, paths: Sequence[Path]) -> NDArray[np.float16]:
        kept = self._kept / f"{hashlib.sha256(b''.join(map(_digest, paths))).hexdigest()[:32]}.npy"
        if kept.is_file():
            return np.load(kept)
        images = [open_image(path) for path in paths]
        plain, mirrored = self._session.run(images), self._session.run(images, mirror=True)
        found = ((np.hstack(plain) + np.hstack(mirrored)) / 2).astype(np.float16)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".part", delete=False) as file:
            np.save(file, found)
        os.replace(file.name, kept)
        return found

    def fill(
        self, examples: Examples, paths: Sequence[Path], told: Callable[[int], None] = lambda done: None
    ) -> Examples:
        """The examples, in the order of paths, with features."""
        return dataclasses.replace(examples, features=self(paths, told))


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def open_image(path: Path) -> Image.Image:
    """A photograph, upright, RGB. Raises OSError (of PIL) if it cannot be read."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def read_oasis(folder: Path) -> tuple[list[Path], Examples, oasis.Oasis]:
    """OASIS photographs with their norms and the moods of their themes (features empty as yet); and all of the set."""
    data = oasis.read(folder)
    targets = np.stack([data.valence.mean, data.arousal.mean, data.aesthetic.mean], 1)
    examples = describe(data.subjects, targets, label_themes(data.subjects).moods, "oasis")
    return data.paths, examples, data


def read_flickr8k(folder: Path) -> tuple[list[Path], Examples, list[list[str]]]:
    """Flickr8k photographs with the mood that their captions name, if one; and the captions."""
    data = flickr8k.read(folder)
    unknown = np.full((len(data.files), 3), np.nan)
    return data.paths, describe(data.files, unknown, label_captions(data.captions).moods, "flickr8k"), data.captions


def with_words(examples: Examples, texts: Sequence[Sequence[str]]) -> Examples:
    """The examples with the mean place of each one's texts (none: unknown). Raises RecipeError without the encoder."""
    flat = [text for some in texts for text in some]
    found, start = words.embed(flat).astype(np.float16).astype(np.float64), 0
    places = examples.words.copy()
    for row, some in enumerate(texts):
        if some:
            places[row] = found[start : start + len(some)].mean(0)
        start += len(some)
    return dataclasses.replace(examples, words=places)


def describe(groups: Sequence[str], targets: Floats, moods: Sequence[str | None], name: str) -> Examples:
    """What is known of a set of photographs, as examples without features. targets (n, 3), NaN where unknown."""
    count = len(groups)
    return Examples(
        features=np.zeros((count, 0), np.float32),
        targets=targets,
        moods=np.array([NONE if mood is None else MOODS.index(mood) for mood in moods], np.int64),
        groups=np.array([f"{name}:{group}" for group in groups]),
        sets=np.array([name] * count),
        noise=np.ones(count),
        words=np.full((count, words.WIDTH), np.nan),
    )
