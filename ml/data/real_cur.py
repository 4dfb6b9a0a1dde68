"""REAL-CUR: fourteen people's own albums of about 200 photographs, each rated by its owner.

Ren, Shen, Lin, Mech, Foran (2017), Personalized image aesthetics, ICCV.
No original list was at hand, so this is read: one folder an album, named for its owner, with the photographs
(subfolders are fine) and one text file of lines "NAME.jpg 3" or "NAME.jpg, 3", whole or broken scores of 1-5.
"""

from pathlib import Path

import numpy as np

from ml.data.folder import subfolders
from ml.data.lists import Album, Line, lines
from ml.data.photographs import Photographs, Ratings, Rule
from ml.data.tables import DataError

LOW, HIGH = 1, 5  # the owners' scale


def read(folder: Path) -> Photographs:
    """All albums; nobody's is split. A photograph's score is its owner's. Raises DataError."""
    albums = subfolders(Path(folder))
    named = [(place, Album(place), line) for place in albums for line in lines(_list(place))]
    found = [(path, place.name, score) for place, album, line in named for path, score in _rated(album, line)]
    owners = np.array([owner for _, owner, _ in found], np.str_)
    scores = (np.array([score for _, _, score in found], np.float64) - LOW) / (HIGH - LOW)
    return Photographs(
        name="real-cur",
        paths=[path for path, _, _ in found],
        groups=owners,
        score=scores,
        ratings=Ratings(owners, np.arange(len(found)), scores),
        rule=Rule(None),
        missing=len(named) - len(found),
    )


def _list(album: Path) -> Path:
    found = sorted(path for path in album.iterdir() if path.suffix.lower() in {".txt", ".csv"})
    if len(found) != 1:
        raise DataError(f"{album} needs one text file of names and scores; it has {len(found)}.")
    return found[0]


def _rated(album: Album, line: Line) -> list[tuple[Path, float]]:
    """The photograph of a line with its score, or nothing if it is not there."""
    name, _, number = line.text.replace(",", " ").rpartition(" ")
    if not name.strip():
        raise line.error("is not a name and a score")
    score = line.real(number, LOW, HIGH)
    path = album.path(name.strip())
    return [] if path is None else [(path, score)]
