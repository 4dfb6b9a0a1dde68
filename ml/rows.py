"""What a collection gives to training: a photograph with what people said of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class TrainingRow:
    """One photograph: `image()` loads it (RGB); mean rating on 1-7 and its count; the mood most people felt, if any.

    `key` names the photograph (stable; used in the data hash); `group` is never split between folds (its creator).
    """

    key: str
    group: str
    image: Callable[[], "Image"]
    aesthetic: float | None = None
    count: int = 0
    mood: str | None = None
