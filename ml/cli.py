"""What the commands of this room share: errors as one sentence, networks by name, photographs with a progress bar."""

import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import CommandError
from PIL import Image
from tqdm import tqdm

from ml import files
from ml.data import kinds, labels
from ml.data.tables import DataError
from ml.examples import Extractor, describe, open_image
from ml.files import NetworkFile, NetworkFileError
from ml.prior import prior_of
from ml.recipes import RecipeError, from_card
from ml.scorer import BATCH, Scorer, Scores
from ml.taste_trials import HALVES, Trial, as_is, by_folds, of_data_set, rated_files, read_people
from ml.train import FOLDS, TooLittleData

_MENDABLE = (DataError, NetworkFileError, RecipeError, TooLittleData)
# By name, since importing them would load torch into commands that do without it.
_MENDABLE_OF_TORCH = ("NoWeights", "Diverged", "CheckpointError")


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn the errors that people can mend into CommandError: one sentence, no traceback."""
    try:
        yield
    except ValueError as error:
        if not isinstance(error, _MENDABLE) and type(error).__name__ not in _MENDABLE_OF_TORCH:
            raise
        raise CommandError(str(error)) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{where}{error.strerror or error}") from error


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Whether the user (or the system) asked to stop; a training then saves its checkpoint and ends in one sentence."""
    from ml.loop import Interrupted

    asked: list[int] = []
    former = {name: signal.signal(name, lambda number, frame: asked.append(number)) for name in _STOPS}
    try:
        yield lambda: bool(asked)
    except Interrupted as error:
        raise CommandError("Stopped; the same command with --resume goes on from here.") from error
    finally:
        for name, handler in former.items():
            signal.signal(name, handler)


_STOPS = (signal.SIGINT, signal.SIGTERM)


def networks_folder() -> Path:
    """Where networks made on this machine lie."""
    return Path(settings.NETWORKS_DIR)


def runs_folder() -> Path:
    """Where trainings from the command line keep checkpoints and curves."""
    return Path(settings.RUNS_DIR)


def cache_folder() -> Path:
    """Where exported networks lie."""
    return networks_folder() / "onnx"


def network_named(name: str | None) -> NetworkFile:
    """The network named (or its file), the shipped one for None."""
    return files.find(name, networks_folder()) if name else files.shipped()


def score_paths(scorer: Scorer, paths: Iterable[Path], message: str) -> tuple[list[Path], Scores, list[str]]:
    """Score the photographs that can be read: their paths, their scores, and a sentence for each that cannot."""
    kept, parts, problems = [], [scorer.score([])], []
    queue = list(paths)
    with ThreadPoolExecutor() as pool, tqdm(total=len(queue), desc=message, unit="photo", file=sys.stderr) as bar:
        for start in range(0, len(queue), BATCH):
            batch = queue[start : start + BATCH]
            images = []
            for path, (image, problem) in zip(batch, pool.map(_open, batch), strict=True):
                if image is None:
                    problems.append(problem)
                else:
                    kept.append(path)
                    images.append(image)
            parts.append(scorer.score(images))
            bar.update(len(batch))
    return kept, _joined(parts), problems


def _open(path: Path) -> tuple[Image.Image | None, str]:
    try:
        return open_image(path), ""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # PIL raises all of these
        return None, f"{path.name} cannot be read as a photograph ({str(error).splitlines()[0]})."


def _joined(parts: list[Scores]) -> Scores:
    names = Scores.__dataclass_fields__
    return Scores(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def taste_trials(
    *, photos: Path, ratings: Path, labels_file: Path | None, network: str | None, folds: int | None
) -> list[Trial]:
    """Trials of personal taste (see ml.taste_trials): as the network is, or by folds over people and subjects.

    Raises CommandError, one sentence, on anything that people can mend.
    """
    with one_sentence():
        chosen = network_named(network)
        if folds:
            return _trials_by_folds(chosen, photos, ratings, labels_file, folds)
        folder = photos / "photos" if (photos / "photos").is_dir() else photos
        named = rated_files(ratings)
        paths = [folder / name for name in named if (folder / name).is_file()]
        if not paths:
            raise DataError(f"{folder} holds none of the {len(named)} photographs that {ratings.name} rates.")
        kept, scores, problems = score_paths(Scorer(chosen, cache_folder()), paths, "Scoring")
        for problem in problems:
            tqdm.write(problem, file=sys.stderr)
        return list(as_is(scores, prior_of(chosen), read_people(ratings, [path.name for path in kept])))


def taste_trials_of(kind: str, folder: Path, options: Mapping[str, Any], network: str | None, seed: int) -> list[Trial]:
    """Trials of the people of a data set (see ml.taste_trials.of_data_set). Raises CommandError, one sentence."""
    with one_sentence():
        chosen = network_named(network)
        photographs = kinds.read_several([(kind, folder)], options, seed)
        kept, scores, problems = score_paths(Scorer(chosen, cache_folder()), photographs.paths, "Scoring")
        for problem in problems:
            tqdm.write(problem, file=sys.stderr)
        readable = set(kept)
        rows = np.array([row for row, path in enumerate(photographs.paths) if path in readable], np.int64)
        return list(of_data_set(photographs, rows, scores, prior_of(chosen)))


def _trials_by_folds(
    network: NetworkFile, photos: Path, ratings: Path, labels_file: Path | None, folds: int
) -> list[Trial]:
    if labels_file is None:
        raise DataError("--folds trains anew, so it needs --labels with subject, valence, arousal and aesthetic.")
    found = labels.read(photos, labels_file)
    people = read_people(ratings, found.files)
    if not np.isfinite(found.targets).all() or len(set(found.subjects)) < 2 * HALVES * FOLDS:
        raise DataError(
            f"{labels_file} must give valence, arousal and aesthetic for each photograph, of many subjects."
        )
    if not 2 <= folds <= len(people):
        raise DataError(f"--folds must be from 2 to {len(people)}, the number of people.")
    recipe = from_card(network.card)
    extract = Extractor(recipe, cache_folder())
    described = describe(found.subjects, found.targets, [None] * len(found.files), "labels")
    told = bar("Looking at photographs")
    steps = len(found.paths) + HALVES * folds
    message = {"steps": steps, "message": "Looking at photographs"}
    examples = extract.fill(described, found.paths, lambda done: told({"step": done, **message}))
    trials = by_folds(
        examples, recipe, extract.sizes, people, folds, lambda done: told({**message, "step": len(found.paths) + done})
    )
    return list(trials)


def bar(message: str) -> Callable[[dict[str, Any]], None]:
    """A progress function that draws a bar on stderr."""
    line = tqdm(total=1, desc=message, file=sys.stderr)

    def told(state: dict[str, Any]) -> None:
        line.total = state["steps"]
        line.n = state["step"]
        line.set_description(state["message"])

    return told


def epochs_bar(name: str) -> Callable[[Mapping[str, Any]], None]:
    """A progress function for trainings by epochs: the steps of the epoch, and the best metric so far."""
    line = tqdm(desc=name, file=sys.stderr, unit="batch")

    def told(state: Mapping[str, Any]) -> None:
        if state["step"] == 1:
            line.reset(total=state["steps"])
        line.set_description(f"{name}, epoch {state['epoch'] + 1}", refresh=False)
        if state["best"] > -1:
            line.set_postfix(best=f"{state['best']:.3f}", refresh=False)
        line.update(state["step"] - line.n)

    return told


def figures_table(figures: Mapping[str, Any]) -> str:
    """Figures of one task as lines: each with its interval, and what chance would give."""
    lines = [f"photographs        {figures['n']}"]
    for name, value in figures.items():
        if isinstance(value, float):
            bounds = figures.get(f"{name}_interval")
            interval = f"  ({bounds[0]:.3f} to {bounds[1]:.3f})" if bounds else ""
            lines.append(f"{name.replace('_', ' '):<18} {value:.3f}{interval}")
    for name in ("recall", "ap"):
        if name in figures:
            parts = (f"{key} {value:.2f}" for key, value in figures[name].items() if value is not None)
            lines.append(f"{name:<18} " + "  ".join(parts))
    if "confusion" in figures:
        lines += ["confusion (truth in rows)", *("  ".join(f"{n:5d}" for n in row) for row in figures["confusion"])]
    return "\n".join(lines)


def kind_and_folder(word: str) -> tuple[str, Path]:
    """KIND:DIR of --data. Raises CommandError."""
    kind, colon, folder = word.partition(":")
    if not colon or not folder:
        raise CommandError(f"--data takes KIND:DIR, such as oasis:photos/oasis, not {word!r}.")
    return kind, Path(folder)


def command_line(command: str, arguments: Iterable[str]) -> str:
    """How the command was called, for a card, with folders by their last name only: a card names no machine."""
    words = [_last_name(word) for word in arguments]
    return shlex.join(["manage.py", command, *words])


def _last_name(word: str) -> str:
    kind, colon, folder = word.partition(":")
    return f"{kind}:{Path(folder).name}" if colon else word
