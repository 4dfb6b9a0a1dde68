"""Labels from names of classes."""

from collections.abc import Iterable, Sequence

import numpy as np

from ml.data.photographs import UNKNOWN, Labels

# A rough map of the emotions of FI, Emotion6 and EmoSet to the six moods (networks.md, section 16): our choice. Awe,
# disgust, surprise and neutral have no mood; nothing maps to motivation and solitude.
MOOD_OF = {
    "amusement": "happy", "excitement": "happy", "contentment": "happy", "joy": "happy",
    "sadness": "sad", "fear": "fear", "anger": "anger",
}  # fmt: skip


def labels_of(classes: Sequence[str], names: Iterable[str | None]) -> Labels:
    """The class of each photograph by its name; UNKNOWN for None and for names that are no class."""
    place = {name: index for index, name in enumerate(classes)}
    return Labels(tuple(classes), np.array([place.get(name or "", UNKNOWN) for name in names], np.int64))
