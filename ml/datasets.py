"""Data sets that an operator put on this machine for trainings: folders of $EVOKE_VAR/datasets, named by their kind.

A folder is named KIND or KIND-ANYTHING (oasis, evoke-2026-11) with a kind of ml.data.kinds; a published version of a
collection is of kind evoke. What another name has is not listed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from django.conf import settings

from ml.data.kinds import KINDS
from ml.data.photographs import UNKNOWN, Photographs
from ml.data.tables import DataError
from ml.moods import MOODS
from ml.rows import TrainingRow

ONE_RATING = 10  # a mean of a data set counts as much as that of so many visitors: few publish how many they asked


@dataclass(frozen=True)
class DataSet:
    """A folder and its kind."""

    name: str
    kind: str
    folder: Path


def listed() -> list[DataSet]:
    """What is there, by name."""
    try:
        found = sorted(each for each in (Path(settings.VAR) / "datasets").iterdir() if each.is_dir())
    except OSError:
        return []
    pairs = [(each, kind_of(each.name)) for each in found]
    return [DataSet(each.name, kind, each) for each, kind in pairs if kind]


def named(names: tuple[str, ...]) -> list[DataSet]:
    """Those of these names. Raises DataError where one is not there."""
    known = {each.name: each for each in listed()}
    for name in names:
        if name not in known:
            raise DataError(f"There is no data set {name!r} in the folder datasets of this machine.")
    return [known[name] for name in names]


def kind_of(name: str) -> str:
    """The kind that a folder's name begins with; "" for none."""
    fitting = [kind for kind in KINDS if kind != "snapshot" and (name == kind or name.startswith(f"{kind}-"))]
    return max(fitting, key=len, default="")


def fingerprint(found: DataSet) -> Iterator[str]:
    """A line a file: its name, size and time. Reading all bytes of a large set would take as long as training."""
    for path in sorted(found.folder.rglob("*")):
        if path.is_file():
            facts = path.stat()
            yield f"{found.name} {path.relative_to(found.folder)} {facts.st_size} {facts.st_mtime_ns}"


def options_of(found: Sequence[DataSet], without: Path) -> dict[str, str]:
    """The readers' options: a version of our own collection leaves out the photographs that judge, listed in a file."""
    return {"without": str(without)} if any(each.kind == "evoke" for each in found) else {}


def training_rows(found: DataSet, without: Path) -> list[TrainingRow]:
    """A data set's photographs as the starter learns from them: ratings on 1-7, and one of the six moods.

    without: see options_of.
    """
    from ml.data import kinds
    from ml.examples import open_image

    photographs = kinds.read(found.kind, found.folder, **options_of([found], without))
    scores, moods = _scores(photographs), _moods(photographs)
    return [
        TrainingRow(
            key=f"{found.name}/{path.name}",
            group=f"{found.name}:{group}",
            image=partial(open_image, path),
            aesthetic=None if np.isnan(score) else 1 + 6 * float(score),
            count=0 if np.isnan(score) else ONE_RATING,
            mood=mood,
        )
        for path, group, score, mood in zip(photographs.paths, photographs.groups, scores, moods, strict=True)
        if mood or not np.isnan(score)
    ]


def _scores(photographs: Photographs) -> list[float]:
    return [np.nan] * len(photographs) if photographs.score is None else list(photographs.score)


def _moods(photographs: Photographs) -> list[str | None]:
    labels = photographs.labels.get("emotion")
    if labels is None:
        return [None] * len(photographs)
    names = [labels.classes[place] if place != UNKNOWN else None for place in labels.index]
    return [name if name in MOODS else None for name in names]
