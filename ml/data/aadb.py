"""AADB: photographs of Flickr rated by five people each, with eleven attributes.

Kong, Shen, Lin, Mech, Fowlkes (2016), Photo aesthetics ranking network with attributes and content adaptation, ECCV.
Layout: imgListFiles_label/imgList{Train,Validation,TestNew}Regression_X.txt (X: score, or an attribute), photographs of
training and validation in datasetImages_originalSize/ or datasetImages_warp256/, those of the new test list in
AADB_newtest_originalSize/ (or AADB_newtest/; names there may begin with the score: 0.500_NAME.jpg); AllinAll.csv, the
single ratings, may be absent. A line of a list: name, one blank, score in 0-1 or attribute in -1..1. Where a copy has
no lists of attributes, attMat.mat beside the lists tells them: a cell `dataset` of training, test and validation, with
a row a photograph in the order of the lists of scores, score first.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from ml.data import distributions
from ml.data.lists import Album, first, lines
from ml.data.photographs import ATTRIBUTES, TEST, TRAIN, VALIDATION, Photographs, Ratings, Rule
from ml.data.tables import DataError, Row, rows

LISTS = {TRAIN: "Train", VALIDATION: "Validation", TEST: "TestNew"}
SPELLED = {"BalancingElements": ("BalacingElements", "BalancingElements")}  # as the authors' files spell it, first
ORIGINAL, WARPED = "datasetImages_originalSize", "datasetImages_warp256"
NEW_TEST = ("AADB_newtest_originalSize", "AADB_newtest_warp256", "AADB_newtest")
MATRIX, CELLS = "attMat.mat", (TRAIN, TEST, VALIDATION)
LOW, HIGH = 1, 5  # the raters' scale
ASKED = 10  # photographs of one assignment
ROUNDING = 0.006  # of the scores in the lists

Known = dict[str, float]  # by photograph


def read(folder: Path, warped: bool = False, at_least: bool = True) -> Photographs:
    """The photographs of the three lists with scores, attributes and single ratings. Raises DataError.

    warped: take those of 256 x 256 pixels where there are both. at_least: whether a score of exactly .5 is high.
    """
    folder = Path(folder)
    lists, albums = _lists(folder), _albums(folder, warped)
    scores = {part: _list(lists, part, "score", 0, 1) for part in LISTS}
    attributes = _of_matrix(lists / MATRIX, scores) or {
        part: _attributes(lists, part, list(scores[part])) for part in LISTS
    }
    found = [
        (path, part, name) for part in LISTS for name in scores[part] if (path := _path(albums, part, name)) is not None
    ]
    ratings = _ratings(folder, [name for _, _, name in found])
    return Photographs(
        name="aadb",
        paths=[path for path, _, _ in found],
        groups=np.array([name for _, _, name in found], np.str_),
        parts=np.array([part for _, part, _ in found], np.str_),
        score=np.array([scores[part][name] for _, part, name in found]),
        distribution=None if ratings is None else distributions.of_ratings(ratings.photo, ratings.score, len(found)),
        attributes=np.array([attributes[part][name] for _, part, name in found]).reshape(-1, len(ATTRIBUTES)),
        ratings=ratings,
        rule=Rule(0.5, at_least),
        missing=sum(map(len, scores.values())) - len(found),
    )


def _lists(folder: Path) -> Path:
    """The folder of the lists; DataError if it lacks the new test list."""
    places = [folder / "imgListFiles_label", folder / "imgListFiles_label" / "imgListFiles_label", folder]
    place = next((place for place in places if (place / _file(TRAIN, "score")).is_file()), None)
    if place is None:
        raise DataError(f"{folder} holds no imgListFiles_label/{_file(TRAIN, 'score')}.")
    if not (place / _file(TEST, "score")).is_file():
        old = " The old Test lists do not count: photographs of theirs were taken out later."
        raise DataError(f"{place} holds no {_file(TEST, 'score')}, the new test list.{old}")
    return place


def _file(part: str, what: str) -> str:
    return f"imgList{LISTS[part]}Regression_{what}.txt"


def _albums(folder: Path, warped: bool) -> tuple[Album, Album | None]:
    """The photographs of training and validation, and those of the new test list, by name without the score."""
    place = first(folder, *((WARPED, ORIGINAL) if warped else (ORIGINAL, WARPED)))
    tested = next((folder / name for name in NEW_TEST if (folder / name).is_dir()), None)
    return Album(place, _plain), None if tested is None else Album(tested, _plain)


def _path(albums: tuple[Album, Album | None], part: str, name: str) -> Path | None:
    """New test photographs also stand in the folder of all where a copy has put them there."""
    everyday, tested = albums
    found = tested.path(name) if tested is not None and part == TEST else None
    return found or everyday.path(name)


def _plain(name: str) -> str:
    return re.sub(r"^[01]\.\d+_", "", name)


def _list(lists: Path, part: str, what: str, low: float, high: float) -> Known:
    """A list by photograph."""
    found: Known = {}
    for line in lines(lists / _file(part, what)):
        name, number = line.words(2)
        if _plain(name) in found:
            raise line.error(f"names {name!r} a second time")
        found[_plain(name)] = line.real(number, low, high)
    return found


def _attributes(lists: Path, part: str, names: list[str]) -> dict[str, list[float]]:
    """The eleven attributes of each photograph, in the official order."""
    columns = []
    for attribute in ATTRIBUTES:
        spellings = SPELLED.get(attribute, (attribute,))
        path = first(lists, *(_file(part, spelling) for spelling in spellings))
        column = _list(lists, part, path.stem.rpartition("_")[2], -1, 1)
        if absent := next((name for name in names if name not in column), None):
            raise DataError(f"{path} does not name {absent!r}, which the list of scores names.")
        columns.append(column)
    return {name: [column[name] for column in columns] for name in names}


def _of_matrix(path: Path, scores: dict[str, Known]) -> dict[str, dict[str, list[float]]]:
    """Attributes by part and photograph; {} where the lists tell them. Raises DataError if the scores do not agree."""
    if not path.is_file() or any(path.parent.glob(_file(TRAIN, "B*Elements"))):
        return {}
    try:
        cells = loadmat(path)["dataset"].ravel()
        tables = {part: np.asarray(cell, np.float64) for part, cell in zip(CELLS, cells, strict=True)}
    except (OSError, KeyError, ValueError, TypeError, MatReadError) as error:
        raise DataError(f"{path} holds no cell `dataset` of three tables.") from error
    for part, known in scores.items():
        column = np.fromiter(known.values(), np.float64)
        table = tables[part]
        if table.shape != (len(known), 1 + len(ATTRIBUTES)) or np.abs(table[:, 0] - column).max(initial=0) > ROUNDING:
            raise DataError(f"{path}: the scores of {part} are not those of {_file(part, 'score')}.")
    return {part: dict(zip(scores[part], tables[part][:, 1:].tolist(), strict=True)) for part in LISTS}


def _ratings(folder: Path, names: list[str]) -> Ratings | None:
    """Single ratings of the photographs at hand; None if the file is not there.

    Their scale: a mean of five ratings as (r - 1) / 4 gives steps of .05, as the lists have; r / 5 would give .04.
    """
    path = next((path for path in sorted(folder.iterdir()) if path.name.lower() == "allinall.csv"), None)
    if path is None:
        return None
    place = {name: row for row, name in enumerate(names)}
    found = [(who, place[name], (rating - LOW) / (HIGH - LOW)) for who, name, rating in _answers(path) if name in place]
    person, photo, score = zip(*found, strict=True) if found else ((), (), ())
    return Ratings(np.array(person, np.str_), np.array(photo, np.int64), np.array(score, np.float64))


def _answers(path: Path) -> Iterator[tuple[str, str, int]]:
    """Worker, photograph and rating 1-5 of the ten that each row asks for; 0 and an empty cell are no answer."""
    numbers = range(1, ASKED + 1)
    columns = ("WorkerId", *(f"{name}{n}" for name in ("Input.image_url", "Answer.overallScore") for n in numbers))
    for row in rows(path, columns):
        for number in numbers:
            answer, url = f"Answer.overallScore{number}", f"Input.image_url{number}"
            asked = row.cells[answer].strip() and row.cells[url].strip()
            if asked and (rating := row.whole(answer, 0, HIGH)):
                yield row.text("WorkerId"), _of_address(row, url), rating


def _of_address(row: Row, column: str) -> str:
    """https://farm1.staticflickr.com/450/20131843366_5df791e881_b.jpg to farm1_450_20131843366_5df791e881_b.jpg."""
    parts = row.text(column).split("/")
    if len(parts) < 3:
        raise row.error(column, f"is {row.text(column)!r}, not the address of a photograph at Flickr")
    return "_".join([parts[-3].partition(".")[0], *parts[-2:]])
