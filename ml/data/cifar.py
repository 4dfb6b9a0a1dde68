"""CIFAR-10 and CIFAR-100: 60,000 pictures of 32 x 32 pixels in ten or a hundred classes.

Krizhevsky (2009), Learning multiple layers of features from tiny images, University of Toronto.
Read by torchvision (which checks the files' sums before it opens them) and written out once as {train,test}/CLASS/*.png
beside them, for everything here reads photographs from files.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from ml.data import folder as folders
from ml.data.photographs import Photographs
from ml.data.tables import DataError

PARTS = {"train": True, "test": False}


def read_10(folder: Path, download: bool = False) -> Photographs:
    """CIFAR-10 of a folder that holds cifar-10-batches-py; download: fetch it. Raises DataError."""
    return _read(Path(folder), "CIFAR10", download)


def read_100(folder: Path, download: bool = False) -> Photographs:
    """CIFAR-100 of a folder that holds cifar-100-python; download: fetch it. Raises DataError."""
    return _read(Path(folder), "CIFAR100", download)


def _read(folder: Path, name: str, download: bool) -> Photographs:
    written = folder / f"{name.lower()}-photographs"
    if not written.is_dir():
        _write(folder, written, name, download)
    return replace(folders.read(written), name=name.lower())


def _write(folder: Path, written: Path, name: str, download: bool) -> None:
    """All pictures as files, in a folder that takes its name when it is whole."""
    from torchvision import datasets  # here: reading another set needs none of it

    scratch = written.with_name(f".{written.name}.unfinished")
    shutil.rmtree(scratch, ignore_errors=True)
    for part, training in PARTS.items():
        try:
            pictures = getattr(datasets, name)(str(folder), train=training, download=download)
        except (RuntimeError, OSError) as error:
            raise DataError(f"{folder} holds no whole {name}; the option download=yes fetches it.") from error
        for label in pictures.classes:
            (scratch / part / label).mkdir(parents=True, exist_ok=True)
        for number, (picture, label) in enumerate(pictures):
            picture.save(scratch / part / pictures.classes[label] / f"{number:05}.png", compress_level=1)
    scratch.rename(written)
