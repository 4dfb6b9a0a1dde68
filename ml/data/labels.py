"""A CSV of photographs and labels: column `file`, any of the scales, a mood, and a subject that folds keep together."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.data.oasis import SCALES
from ml.data.tables import DataError, Row, rows
from ml.moods import MOODS

MOOD_COLUMNS = ("emotion", "mood")
WIDEST = 1e6  # labels may be on any scale: correlations do not mind


@dataclass(frozen=True)
class Labels:
    """Photographs in file-name order; `missing` counts rows whose photograph is not in the folder."""

    files: list[str]
    paths: list[Path]
    subjects: list[str]
    targets: NDArray[np.float64]  # (n, 3) valence, arousal, aesthetic; NaN where the cell is empty or the column absent
    moods: list[str | None]
    missing: int


def read(photos: Path, path: Path) -> Labels:
    """Read labels of the photographs in a folder (or its subfolder `photos`); DataError in one sentence otherwise."""
    folder = photos / "photos" if (photos / "photos").is_dir() else photos
    if not folder.is_dir():
        raise DataError(f"{photos} is not a folder of photographs.")
    columns = _columns(path)
    wanted = {scale: _first(columns, (scale, f"{scale}_mean")) for scale in SCALES}
    mood = _first(columns, MOOD_COLUMNS)
    if mood is None and not any(wanted.values()):
        raise DataError(f"{path} has no column of labels: {', '.join((*SCALES, *MOOD_COLUMNS))}.")
    found = list(rows(path, ("file",)))
    kept = sorted((row for row in found if (folder / row.file_name()).is_file()), key=lambda row: row.file_name())
    if not kept:
        raise DataError(f"{folder} holds none of the {len(found)} photographs that {path.name} names.")
    return Labels(
        files=[row.file_name() for row in kept],
        paths=[folder / row.file_name() for row in kept],
        subjects=[row.cells.get("subject", "").strip() or row.file_name() for row in kept],
        targets=np.array([[_number(row, wanted[scale]) for scale in SCALES] for row in kept]),
        moods=[_mood(row, mood) for row in kept],
        missing=len(found) - len(kept),
    )


def _columns(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error


def _first(columns: list[str], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in columns), None)


def _number(row: Row, column: str | None) -> float:
    if column is None or not row.cells[column].strip():
        return float("nan")
    return row.number(column, -WIDEST, WIDEST)


def _mood(row: Row, column: str | None) -> str | None:
    """The mood, in any case; empty or another word: no mood of ours."""
    value = row.cells[column].strip().lower() if column else ""
    return value if value in MOODS else None
