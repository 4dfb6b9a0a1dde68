"""EmoSet-118K: photographs under the eight emotions of Mikels, each checked by ten people.

Yang, Huang, Ding, Lischinski, Cohen-Or, Huang (2023), EmoSet: a large-scale visual emotion dataset with rich
attributes, ICCV. Layout: image/EMOTION/*.jpg; train.json, val.json and test.json, lists of ["amusement",
"image/amusement/amusement_12865.jpg", "annotation/amusement/amusement_12865.json"] (with "amusement_12865" as a second
of four in the authors' own text).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ml.data import emotions
from ml.data.photographs import TEST, TRAIN, VALIDATION, Photographs
from ml.data.tables import DataError

LISTS = {TRAIN: "train.json", VALIDATION: "val.json", TEST: "test.json"}


def read(folder: Path, moods: bool = False) -> Photographs:
    """Label "emotion": one of the eight; moods: of our six, by a rough map. Raises DataError."""
    folder = Path(folder)
    named = [(part, *entry) for part, name in LISTS.items() for entry in _entries(folder, folder / name)]
    found = [(part, path, name) for part, path, name in named if path.is_file()]
    return Photographs(
        name="emoset",
        paths=[path for _, path, _ in found],
        groups=emotions.groups(folder, [path for _, path, _ in found]),
        parts=np.array([part for part, _, _ in found], np.str_),
        labels={"emotion": emotions.labels(emotions.MIKELS, [name for _, _, name in found], moods)},
        missing=len(named) - len(found),
    )


def _entries(folder: Path, path: Path) -> list[tuple[Path, str]]:
    """Paths and emotions of one list."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # not UTF-8, or not JSON
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{path}{line}: not a list in JSON.") from error
    if not isinstance(entries, list):
        raise DataError(f"{path}: not a list in JSON.")
    return [_entry(folder, entry, f"{path}, entry {number}") for number, entry in enumerate(entries, 1)]


def _entry(folder: Path, entry: Any, where: str) -> tuple[Path, str]:
    error = DataError(f"{where}: not an emotion with the paths of a photograph and its annotation.")
    if not isinstance(entry, list) or len(entry) not in (3, 4) or not all(isinstance(text, str) for text in entry):
        raise error
    name = entry[0].strip().lower()
    if name not in emotions.MIKELS:
        raise DataError(f"{where}: {entry[0]!r} is not one of {', '.join(emotions.MIKELS)}.")
    return emotions.inside(folder, entry[-2].strip(), error), name
