"""Photographs and what is known of them, as examples to learn from: features, norms, weak mood labels."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ml.data import flickr8k, oasis
from ml.emotion import class_cues, class_table
from ml.fitting import NONE, Examples
from ml.heads import Floats
from ml.moods import MOODS, label_captions, label_themes
from ml.recipes import Starter
from ml.scorer import BATCH, Session, features


class Extractor:
    """Photographs to features (n, d), with the number of columns of each group."""

    def __init__(self, recipe: Starter, cache_dir: Path, threads: int | None = None) -> None:
        self._session: Session = features(recipe.arguments(), cache_dir, threads)
        self.sizes = self._session.sizes
        self._names = list(recipe.groups) * len(recipe.backbones)

    def __call__(self, paths: Sequence[Path], told: Callable[[int], None] = lambda done: None) -> NDArray[np.float32]:
        """Features of photographs, the mean over each and its mirror image. told: photographs done so far."""
        parts = []
        for start in range(0, len(paths), BATCH):
            images = [open_image(path) for path in paths[start : start + BATCH]]
            plain, mirrored = self._session.run(images), self._session.run(images, mirror=True)
            parts.append((np.hstack(plain) + np.hstack(mirrored)) / 2)
            told(min(start + BATCH, len(paths)))
        return np.concatenate(parts)

    def fill(
        self, examples: Examples, paths: Sequence[Path], told: Callable[[int], None] = lambda done: None
    ) -> Examples:
        """The examples, in the order of paths, with features and class cues."""
        found = self(paths, told)
        groups = np.split(found, np.cumsum(self.sizes)[:-1], axis=1)
        logits = [group for group, name in zip(groups, self._names, strict=True) if name == "logits"]
        return dataclasses.replace(examples, features=found, cues=class_cues(logits, class_table()))


def open_image(path: Path) -> Image.Image:
    """A photograph, upright, RGB. Raises OSError (of PIL) if it cannot be read."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def read_oasis(folder: Path) -> tuple[list[Path], Examples, oasis.Ratings]:
    """OASIS photographs with their norms and the moods of their themes (features empty as yet)."""
    data = oasis.read(folder)
    targets = np.stack([data.valence.mean, data.arousal.mean, data.aesthetic.mean], 1)
    examples = describe(data.subjects, targets, label_themes(data.subjects).moods, "oasis")
    return data.paths, examples, data.ratings


def read_flickr8k(folder: Path, seed: int = 0) -> tuple[list[Path], Examples]:
    """Flickr8k photographs whose captions name one mood, and as many drawn from the others, which have none."""
    data = flickr8k.read(folder)
    moods = label_captions(data.captions).moods
    labelled = [place for place, mood in enumerate(moods) if mood is not None]
    others = [place for place, mood in enumerate(moods) if mood is None]
    drawn = np.random.default_rng(seed).permutation(others)[: len(labelled)]
    kept = sorted([*labelled, *drawn.tolist()])
    unknown = np.full((len(kept), 3), np.nan)
    examples = describe([data.files[place] for place in kept], unknown, [moods[place] for place in kept], "flickr8k")
    return [data.paths[place] for place in kept], examples


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
        cues=np.zeros((count, len(MOODS))),
    )
