"""What the sets of emotions share: Mikels' eight, a rough map to our six moods, and lists of photographs and labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ml.data.labelled import MOOD_OF, labels_of
from ml.data.lists import lines
from ml.data.photographs import TEST, TRAIN, VALIDATION, Labels
from ml.data.tables import DataError
from ml.moods import MOODS

# Mikels and others (2005), Behavior Research Methods 37(4), in alphabetical order
MIKELS = ("amusement", "anger", "awe", "contentment", "disgust", "excitement", "fear", "sadness")
LISTS = {TRAIN: ("train.txt",), VALIDATION: ("val.txt", "validation.txt"), TEST: ("test.txt",)}


def labels(classes: Sequence[str], names: Sequence[str], moods: bool) -> Labels:
    """The emotions as labels; moods: as our six moods, UNKNOWN where an emotion has none (a rough map, ours)."""
    if moods:
        return labels_of(MOODS, [MOOD_OF.get(name) for name in names])
    return labels_of(classes, names)


def listed(folder: Path, classes: Sequence[str]) -> list[tuple[str, Path, str]]:
    """Part, path and class by train.txt, val.txt and test.txt, [] if there is no train.txt. Raises DataError.

    A line is a path within the folder (or its images/) and a class, by name or by number from 0 in alphabetical order.
    """
    if not (folder / "train.txt").is_file():
        return []
    found = []
    for part, names in LISTS.items():
        place = next((folder / name for name in names if (folder / name).is_file()), None)
        for line in lines(place) if place is not None else ():
            name, _, label = line.text.replace(",", " ").rpartition(" ")
            if label.isdigit():
                label = classes[line.whole(label, 0, len(classes) - 1)]
            if label.lower() not in classes:
                raise line.error(f"has the label {label!r}, not one of {', '.join(classes)}")
            found.append((part, inside(folder, name.strip(), line.error("names no photograph of the folder")), label))
    return [(part, path, label.lower()) for part, path, label in found]


def inside(folder: Path, name: str, error: DataError) -> Path:
    """The path of a listed name in the folder or its images/, there or not; `error` if it would leave the folder."""
    name = name.replace("\\", "/")
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise error
    return next((path for path in (folder / name, folder / "images" / name) if path.is_file()), folder / name)


def groups(folder: Path, paths: Sequence[Path]) -> np.ndarray:
    """Each file is a group of its own: nothing is known of who took it."""
    return np.array([path.relative_to(folder).as_posix() for path in paths], np.str_)
