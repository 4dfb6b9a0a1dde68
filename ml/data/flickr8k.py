"""Flickr8k: photographs with five captions each, written by people asked to say what they see.

Hodosh, Young, Hockenmaier (2013), Journal of Artificial Intelligence Research 47, 853-899.
The photographs were given out for research and educational use only.
Layout: photos/*.jpg, captions.csv (file, number 1-5, caption).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.data.labelled import labels_of
from ml.data.photographs import Photographs
from ml.data.tables import DataError, photo_folder, rows
from ml.moods import MOODS, label_captions

CAPTIONS = 5  # a photograph


@dataclass(frozen=True)
class Flickr8k:
    """Photographs in file-name order; `missing` counts captioned photographs that are not there."""

    files: list[str]
    paths: list[Path]
    captions: list[list[str]]
    missing: int


def read(folder: Path) -> Flickr8k:
    """Read a Flickr8k folder; DataError, naming file, line and column, if it is malformed or holds no photograph."""
    photos = photo_folder(Path(folder))
    named = _captions(Path(folder) / "captions.csv")
    files = sorted(file for file in named if (photos / file).is_file())
    if not files:
        raise DataError(f"{photos} holds none of the {len(named)} photographs that captions.csv names.")
    return Flickr8k(
        files=files,
        paths=[photos / file for file in files],
        captions=[[named[file][number] for number in sorted(named[file])] for file in files],
        missing=len(named) - len(files),
    )


def photographs_in(folder: Path) -> Photographs:
    """The same as rows to train on: label "emotion", the one mood that the captions name (weak). Raises DataError."""
    data = read(folder)
    return Photographs(
        name="flickr8k",
        paths=data.paths,
        groups=np.array(data.files),
        labels={"emotion": labels_of(MOODS, label_captions(data.captions).moods)},
        missing=data.missing,
    )


def _captions(path: Path) -> dict[str, dict[int, str]]:
    """Captions by file name and number."""
    named: dict[str, dict[int, str]] = {}
    for row in rows(path, ("file", "number", "caption")):
        file, number = row.file_name(), row.whole("number", 1, CAPTIONS)
        captions = named.setdefault(file, {})
        if number in captions:
            raise row.error("number", f"gives caption {number} of {file!r} a second time")
        captions[number] = row.text("caption")
    return named
