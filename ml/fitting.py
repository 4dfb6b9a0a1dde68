"""A starter model in memory: fitted on examples, predicting scores and moods. Numpy only.

What the heads see of a photograph is its row, in four blocks: projected features (recipe.components), class cues (6),
text cues (7) and places among texts (recipe.places); the last two are empty where nothing was written to learn from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import emotion, words
from ml.emotion import NONE, Emotion
from ml.heads import (
    EMBEDDING,
    Floats,
    Projection,
    ScoreHead,
    Teacher,
    _components,
    fit_projection,
    fit_scores,
    fit_teacher,
    stretched,
)
from ml.moods import MOODS
from ml.recipes import Starter
from ml.threads import ONE_THREAD

EMOTION_ARRAYS = ("stretch", "alpha", "linear", "bias")
NAMED = 2.0  # weight of a subject's name beside a caption's: it teaches fewer photographs
__all__ = [
    "NONE",
    "Examples",
    "Heads",
    "Reader",
    "arrays_of",
    "embedded",
    "fit_heads",
    "fit_reader",
    "fit_score_head",
    "head_arrays",
    "useful",
    "whitening",
]


@dataclass(frozen=True)
class Examples:
    """Photographs to learn from, in rows: what was extracted from them and what is known of them."""

    features: Floats  # (n, d) of the backbones, or (n, w) rows already
    targets: Floats  # (n, 3) valence, arousal, aesthetic on 1-7; NaN where unknown
    moods: NDArray[np.int64]  # (n,) index in MOODS, NONE where unknown
    groups: NDArray[np.str_]  # (n,) never split between folds
    sets: NDArray[np.str_]  # (n,) which data set
    noise: Floats  # (n,) variance of the targets' error, relative to published norms (1)
    words: Floats  # (n, 384) place of what was written of it, see ml.words; NaN where nothing was

    def __len__(self) -> int:
        return len(self.features)

    def take(self, places: NDArray) -> "Examples":
        """Some of the rows."""
        return Examples(*(getattr(self, name)[places] for name in self.__dataclass_fields__))

    def join(self, other: "Examples") -> "Examples":
        """These rows, then the other's."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__)
        return Examples(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True)
class Reader:
    """From features (n, d) to rows (n, w)."""

    projection: Projection
    logits: NDArray[np.intp]  # (backbones, 1000) columns of the class logits
    teacher: Teacher | None

    def __call__(self, features: Floats) -> NDArray[np.float32]:
        """Rows of photographs that the teacher was not taught by."""
        return self._row(features, None if self.teacher is None else self.teacher(self.projection(features)))

    def taught(self, features: Floats, said: Floats) -> NDArray[np.float32]:
        """Rows of photographs of which `said` (n, 7 + t) is what the teacher says when taught by others alone."""
        return self._row(features, said)

    def _row(self, features: Floats, said: Floats | None) -> NDArray[np.float32]:
        cues = emotion.class_cues([features[:, columns] for columns in self.logits], emotion.class_table())
        blocks: list[Floats] = [self.projection(features), cues]
        return np.hstack(blocks if said is None else [*blocks, said]).astype(np.float32)


@dataclass(frozen=True)
class Heads:
    """Scores and moods from rows."""

    score: ScoreHead
    emotion: Emotion

    def __call__(self, rows: Floats) -> tuple[Floats, Floats]:
        """Scores (n, 3) within 1-7, moods (n, 6)."""
        return np.clip(self.score(rows), 1, 7), self.emotion(rows)


@ONE_THREAD
def fit_reader(examples: Examples, recipe: Starter, sizes: Sequence[int]) -> tuple[Reader, NDArray[np.float32]]:
    """The reader learnt from these photographs' features, and their rows.

    sizes: columns of each group of each backbone. A row's text cues come from a teacher that did not see its group.
    """
    rated = np.isfinite(examples.targets).any(1)  # weak labels' photographs are of fewer kinds: with them r fell by .02
    weights = [weight for _, weight in recipe.parts()]
    first, more = recipe.score_components, recipe.components - recipe.score_components
    others = examples.features[~rated]
    projection = fit_projection(examples.features[rated], sizes, weights, first, others, more)
    logits = _logit_columns(recipe, sizes)
    written = np.flatnonzero(np.isfinite(examples.words[:, 0]))
    if recipe.places == 0 or len(np.unique(examples.groups[written])) < 2:
        reader = Reader(projection, logits, None)
        return reader, reader(examples.features)
    taught = examples.take(written)
    projected = projection(examples.features)
    teacher, unseen = _fit_teacher(_rounded(projected[written]), taught, recipe.places)
    said = teacher(projected)
    said[written] = unseen
    reader = Reader(projection, logits, teacher)
    return reader, reader.taught(examples.features, said)


def _logit_columns(recipe: Starter, sizes: Sequence[int]) -> NDArray[np.intp]:
    """Columns (backbones with class logits, 1000) of the logits."""
    starts = np.cumsum([0, *sizes[:-1]])
    found = [start for start, (name, _) in zip(starts, recipe.parts(), strict=True) if name == "logits"]
    return np.array([np.arange(start, start + 1000) for start in found], np.intp)


def _fit_teacher(projected: Floats, taught: Examples, places: int) -> tuple[Teacher, NDArray[np.float32]]:
    """Each set's texts are centred by themselves: a subject's name is written otherwise than a caption."""
    aims = taught.words.astype(np.float64)
    for name in np.unique(taught.sets):
        aims[taught.sets == name] -= aims[taught.sets == name].mean(0)
    axes = _components(aims.T @ aims, min(places, aims.shape[1] - 1))  # (384, t): those of the second moments
    axes = np.pad(axes, ((0, 0), (0, places - axes.shape[1])))
    named = np.isfinite(taught.targets).any(1)
    weights = np.where(named, NAMED, 1.0)
    return fit_teacher(projected, aims @ axes, weights, taught.groups, axes.T @ words.table())


def useful(examples: Examples) -> NDArray[np.intp]:
    """Places of the examples that the heads learn from: rated or of a mood, and of each set's others as many again.

    More of the others would only slow the fit down.
    """
    known = np.isfinite(examples.targets).any(1) | (examples.moods != NONE)
    kept = [np.flatnonzero(known)]
    for name in np.unique(examples.sets):
        others = np.flatnonzero(~known & (examples.sets == name))
        count = int((known & (examples.sets == name)).sum())
        kept.append(np.random.default_rng(0).permutation(others)[:count])
    return np.sort(np.concatenate(kept))


@ONE_THREAD
def fit_score_head(rows: Floats, examples: Examples, recipe: Starter) -> ScoreHead:
    """Fit the scores on the rows (n, w) of those examples that have some. Rows are rounded as in a file."""
    rated = np.flatnonzero(np.isfinite(examples.targets).any(1))
    some, known = examples.take(rated), _rounded(rows[rated])
    first, (projected, *others) = recipe.score_components, _blocks(rows, recipe)
    blocks = (first, projected - first, *others)
    stretch = stretched(known, blocks, (1.0, 0.0, recipe.cue_share, recipe.text_share, 0.0))
    return fit_scores(known, some.targets, some.groups, stretch, recipe.width, some.noise)


@ONE_THREAD
def fit_heads(rows: Floats, examples: Examples, recipe: Starter) -> Heads:
    """Fit both heads on rows (n, w) of the examples."""
    score = fit_score_head(rows, examples, recipe)
    places = useful(examples)
    some, known = examples.take(places), _rounded(rows[places])
    blocks = _blocks(rows, recipe)
    stretch = stretched(known, blocks, emotion.SHARES)
    start = sum(blocks[:2])
    linear = np.zeros((rows.shape[1], len(MOODS)))
    if blocks[2]:
        linear[start : start + len(MOODS)] = emotion.TEXT * np.eye(len(MOODS))
    return Heads(score, emotion.fit(known, stretch, linear, some.moods, some.sets, some.groups))


def _blocks(rows: Floats, recipe: Starter) -> tuple[int, int, int, int]:
    """Columns of each block of rows."""
    rest = rows.shape[1] - recipe.components - len(MOODS)
    return recipe.components, len(MOODS), words.CUES if rest else 0, rest - words.CUES if rest else 0


def _rounded(array: Floats) -> NDArray[np.float32]:
    return array.astype(np.float16).astype(np.float32)


def embedded(rows: Floats, recipe: Starter) -> NDArray[np.float32]:
    """The columns (n, 64) of rows in which taste is learned: the first components, and the class cues.

    With the cues in place of the last six components, ten ratings brought +.0148 instead of +.0126 to Spearman's rho.
    """
    cues = slice(recipe.components, recipe.components + len(MOODS))
    return np.hstack([rows[:, : EMBEDDING - len(MOODS)], rows[:, cues]]).astype(np.float32)


def whitening(rows: Floats, recipe: Starter) -> NDArray[np.float32]:
    """What scales the embedding's columns to variance 1 on these rows."""
    spread = embedded(rows, recipe).std(0, dtype=np.float64)
    return np.where(spread > 0, 1 / np.maximum(spread, 1e-9), 0).astype(np.float32)


def head_arrays(heads: Heads) -> dict[str, NDArray[Any]]:
    """The heads as arrays of a network file."""
    return {
        "score.stretch": heads.score.stretch.astype(np.float32),
        "score.support": heads.score.support.astype(np.float16),
        "score.gamma": np.array([heads.score.gamma], np.float32),
        "score.alpha": heads.score.alpha.astype(np.float32),
        "score.bias": heads.score.bias.astype(np.float32),
        "emotion.support": heads.emotion.support.astype(np.float16),
        **{f"emotion.{name}": getattr(heads.emotion, name).astype(np.float32) for name in EMOTION_ARRAYS},
    }


def arrays_of(reader: Reader, heads: Heads, scale: Floats) -> dict[str, NDArray[Any]]:
    """The arrays of a network file, without prior and rows. scale: see whitening."""
    projection, teacher = reader.projection, reader.teacher
    taught: dict[str, NDArray[Any]] = {}
    if teacher is not None:
        taught = {
            "teacher.support": teacher.support.astype(np.float16),
            "teacher.alpha": teacher.alpha.astype(np.float16),
            "teacher.scale": np.array([teacher.scale], np.float32),
            "teacher.table": teacher.table.astype(np.float32),
        }
    return {
        "project.center": projection.center.astype(np.float16),
        "project.scale": projection.scale.astype(np.float16),
        "project.weight": projection.weight,
        "project.step": projection.step.astype(np.float32),
        "embedding.scale": np.asarray(scale, np.float32),
        "cues.table": emotion.class_table().astype(np.int8),
        **taught,
        **head_arrays(heads),
    }
