"""The frozen copy of a collection's photographs that a training begun in the admin learns from (ml.snapshot).

photos.csv (file, group, aesthetic on 1-7, count, mood) and photos/. There are no official parts; groups are creators.
High quality: above the median of the training photographs.
"""

from pathlib import Path

import numpy as np

from ml.data.labelled import labels_of
from ml.data.photographs import Photographs, Rule
from ml.data.tables import DataError, rows
from ml.moods import MOODS


def read(folder: Path) -> Photographs:
    """Scores by ratings, and the label "emotion". Raises DataError."""
    folder = Path(folder)
    found = list(rows(folder / "photos.csv", ("file", "group", "aesthetic", "mood")))
    if not found:
        raise DataError("Nothing of the collection is rated or has a mood, as far as it was chosen.")
    known = [row.number("aesthetic", 1, 7) if row.cells["aesthetic"] else np.nan for row in found]
    moods = [row.cells["mood"] for row in found]
    return Photographs(
        name="collection",
        paths=[folder / "photos" / row.file_name() for row in found],
        groups=np.array([row.cells["group"] or row.file_name() for row in found], np.str_),
        score=(np.array(known) - 1) / 6 if np.isfinite(known).any() else None,
        labels={"emotion": labels_of(MOODS, moods)} if any(moods) else {},
        rule=Rule(threshold=None),
    )
