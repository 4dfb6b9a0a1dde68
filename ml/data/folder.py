"""A folder of photographs whose subfolders are named by their classes.

FOLDER/CLASS/*.jpg                     no official split
FOLDER/{train,val,test}/CLASS/*.jpg    split by these folders (val, valid and validation are the same), others left out
"""

from pathlib import Path

import numpy as np

from ml.data.labelled import labels_of
from ml.data.photographs import TEST, TRAIN, VALIDATION, Photographs
from ml.data.tables import DataError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff"})
PART_NAMES = {"train": TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "test": TEST}


def read(folder: Path, task: str = "category") -> Photographs:
    """Photographs with the name of their folder as label of `task`. Raises DataError."""
    folder = Path(folder)
    found = classified(folder)
    classes = tuple(sorted({name for _, _, name in found}))
    if len(classes) < 2:
        raise DataError(f"{folder} needs at least two subfolders of photographs, named by their classes.")
    parts = np.array([part for part, _, _ in found])
    return Photographs(
        name=folder.name,
        paths=[path for _, path, _ in found],
        groups=np.array([path.relative_to(folder).as_posix() for _, path, _ in found]),
        parts=parts if (parts != "").any() else None,
        labels={task: labels_of(classes, [name for _, _, name in found])},
    )


def classified(folder: Path) -> list[tuple[str, Path, str]]:
    """Part ("" where there are none), path and class of the photographs, sorted. Raises DataError."""
    children = subfolders(folder)
    split = {child.name.lower(): child for child in children}
    parts = {name: PART_NAMES[name] for name in split if name in PART_NAMES}
    if {TRAIN, TEST} <= set(parts.values()):
        return [(parts[name], path, label) for name in sorted(parts) for path, label in _in_classes(split[name])]
    return [("", path, label) for path, label in _in_classes(folder)]


def photographs(folder: Path) -> list[Path]:
    """All photographs in a folder and its subfolders, by name; hidden files are no photographs."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())


def _in_classes(folder: Path) -> list[tuple[Path, str]]:
    return [(path, child.name) for child in subfolders(folder) for path in photographs(child)]


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, by name; hidden ones are left out. Raises DataError."""
    try:
        return sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from error
