"""FI: photographs of Flickr and Instagram under the eight emotions of Mikels, each confirmed by most of five people.

You, Luo, Jin, Yang (2016), Building a large scale dataset for image emotion recognition, AAAI.
Layout: EMOTION/*.jpg; or {train,val,test}/EMOTION/*.jpg; or train.txt, val.txt and test.txt (see ml.data.emotions).
Copies differ in their photographs, and folders have no official split: the paper draws 80 : 5 : 15 (see SHARES).
"""

from pathlib import Path

import numpy as np

from ml.data import emotions
from ml.data.folder import classified
from ml.data.photographs import Photographs
from ml.data.tables import DataError

SHARES = (0.80, 0.05, 0.15)


def read(folder: Path, moods: bool = False) -> Photographs:
    """Label "emotion": one of the eight; moods: of our six, by a rough map. Raises DataError."""
    folder = Path(folder)
    named = emotions.listed(folder, emotions.MIKELS) or [
        (part, path, name.lower()) for part, path, name in classified(folder) if name.lower() in emotions.MIKELS
    ]
    if not named:
        raise DataError(f"{folder} holds neither train.txt nor folders named {', '.join(emotions.MIKELS)}.")
    found = [(part, path, name) for part, path, name in named if path.is_file()]
    parts = np.array([part for part, _, _ in found], np.str_)
    return Photographs(
        name="fi",
        paths=[path for _, path, _ in found],
        groups=emotions.groups(folder, [path for _, path, _ in found]),
        parts=parts if (parts != "").any() else None,
        labels={"emotion": emotions.labels(emotions.MIKELS, [name for _, _, name in found], moods)},
        missing=len(named) - len(found),
    )
