"""OASIS: photographs with norms of valence, arousal and beauty, and the individual beauty ratings.

Kurdi, Lozano, Banaji (2017), Behavior Research Methods 49, 457-470;
Brielmann, Pelli (2019), Frontiers in Psychology 10, 2420.
Layout: photos/*.jpg, norms.csv (file, theme, subject, category, {valence,arousal,aesthetic}_{mean,sd}),
ratings.csv (person, file, rating; may be absent).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.data import distributions, photographs
from ml.data.affect import Affective
from ml.data.labelled import labels_of
from ml.data.photographs import Rule
from ml.data.tables import DataError, Row, photo_folder, rows
from ml.moods import MOODS, label_themes

SCALES = ("valence", "arousal", "aesthetic")
LOW, HIGH = 1, 7  # the raters' scale
CATEGORIES = ("Animal", "Object", "Person", "Scenery")


@dataclass(frozen=True)
class Norms:
    """Means and standard deviations over raters, one a photograph, on the 1-7 scale."""

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]


@dataclass(frozen=True)
class Ratings:
    """Individual beauty ratings: rows (person, index of the photograph in Oasis.files, rating 1-7)."""

    person: NDArray[np.int64]
    photo: NDArray[np.int64]
    rating: NDArray[np.float64]


@dataclass(frozen=True)
class Oasis:
    """Photographs in file-name order; `missing` counts rows of norms.csv whose photograph is not there."""

    files: list[str]
    paths: list[Path]
    subjects: list[str]
    themes: list[str]
    categories: list[str]
    valence: Norms
    arousal: Norms
    aesthetic: Norms
    ratings: Ratings
    missing: int


def read(folder: Path) -> Oasis:
    """Read an OASIS folder; DataError, naming file, line and column, if it is malformed or holds no photograph."""
    photos = photo_folder(Path(folder))
    named = _norms(Path(folder) / "norms.csv")
    files = sorted(file for file in named if (photos / file).is_file())
    if not files:
        raise DataError(f"{photos} holds none of the {len(named)} photographs that norms.csv names.")
    kept = [named[file] for file in files]
    return Oasis(
        files=files,
        paths=[photos / file for file in files],
        subjects=[row.text("subject") for row in kept],
        themes=[row.text("theme") for row in kept],
        categories=[row.text("category") for row in kept],
        **{scale: _column(kept, scale) for scale in SCALES},
        ratings=_ratings(Path(folder) / "ratings.csv", files),
        missing=len(named) - len(files),
    )


def photographs_in(folder: Path) -> Affective:
    """The same as rows to train on: beauty is the score, subjects are never split, high is above the median.

    Distributions are of the single ratings, and of mean and standard deviation where there are none. Labels: "emotion",
    the six moods by the subject's name (weak), and "category". Raises DataError.
    """
    data = read(folder)
    return Affective(
        name="oasis",
        paths=data.paths,
        groups=np.array(data.subjects),
        score=_to_unit(data.aesthetic.mean),
        distribution=_distribution(data),
        labels={
            "emotion": labels_of(MOODS, label_themes(data.subjects).moods),
            "category": labels_of(CATEGORIES, data.categories),
        },
        ratings=photographs.Ratings(
            data.ratings.person.astype(np.str_), data.ratings.photo, _to_unit(data.ratings.rating)
        ),
        rule=Rule(threshold=None),
        missing=data.missing,
        valence=_to_unit(data.valence.mean),
        arousal=_to_unit(data.arousal.mean),
    )


def _to_unit(rating: NDArray[np.float64]) -> NDArray[np.float64]:
    return (rating - LOW) / (HIGH - LOW)


def _distribution(data: Oasis) -> NDArray[np.float64]:
    """(n, 10) of beauty."""
    rated = distributions.of_ratings(data.ratings.photo, _to_unit(data.ratings.rating), len(data.files))
    guessed = distributions.of_normal(_to_unit(data.aesthetic.mean), data.aesthetic.sd / (HIGH - LOW))
    return np.where(np.isfinite(rated), rated, guessed)


def _norms(path: Path) -> dict[str, Row]:
    """Rows of norms.csv by file name."""
    numbers = tuple(f"{scale}_{part}" for scale in SCALES for part in ("mean", "sd"))
    named: dict[str, Row] = {}
    for row in rows(path, ("file", "theme", "subject", "category", *numbers)):
        file = row.file_name()
        if file in named:
            raise row.error("file", f"names {file!r} a second time (first on line {named[file].line})")
        named[file] = row
    return named


def _column(kept: list[Row], scale: str) -> Norms:
    mean = [row.number(f"{scale}_mean", LOW, HIGH) for row in kept]
    sd = [row.number(f"{scale}_sd", 0, HIGH - LOW) for row in kept]
    return Norms(np.array(mean), np.array(sd))


def _ratings(path: Path, files: list[str]) -> Ratings:
    """Ratings of the photographs at hand (those of others are left out); none if the file is absent."""
    index = {file: place for place, file in enumerate(files)}
    found = []
    if path.exists():
        for row in rows(path, ("person", "file", "rating")):
            person, rating = row.whole("person", 0, 2**31), row.number("rating", LOW, HIGH)
            if (place := index.get(row.file_name())) is not None:
                found.append((person, place, rating))
    table = np.array(found, dtype=np.float64).reshape(-1, 3)
    return Ratings(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2])
