"""Photographs of which it is known how pleasant and how stirring they are, and which emotions they evoke."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.data.photographs import Photographs


@dataclass(frozen=True)
class Affective(Photographs):
    """As Photographs; rows of `emotions` are probabilities of the classes `felt`, NaN where unknown."""

    valence: NDArray[np.float64] | None = None  # (n,) in 0-1, NaN where unknown
    arousal: NDArray[np.float64] | None = None  # (n,) in 0-1
    emotions: NDArray[np.float64] | None = None  # (n, len(felt))
    felt: tuple[str, ...] = ()
