"""New photographs shown to the safety model: two thresholds, one for a person's look, one that holds until then.

Off where the model is not installed. A photograph is looked at once, before it is scored; killed half-way it goes on.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any, Protocol

from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image

from gallery import locks, reports
from gallery.models import Decision, Photo, Rendition, SafetyCheck
from gallery.models.photos import PhotoQuerySet
from ml import interface

log = logging.getLogger(__name__)
NAME = "open-nsfw"
# Of 188 photographs of the sample collection, none of them nude, one passes .5: many hands held together, at .94.
REVIEW, HOLD = 0.5, 0.95
BATCH = 16
TURN = 60.0  # seconds; then scoring has its turn
LEAST_SIDE = 256  # pixels that the model looks at
LOCK = 0x45564F53  # advisory lock: one process at a time


class SafetyClassifier(Protocol):
    """As ml.safety has it."""

    def unsafe(self, images: Sequence[Image.Image]) -> Any: ...


def lacking() -> PhotoQuerySet:
    """Photographs that the model has not looked at, newest first: they are the ones about to be seen."""
    checked = SafetyCheck.objects.filter(model=NAME).values("photo_id")
    ready = Photo.objects.filter(status__in=(Photo.Status.SHOWN, Photo.Status.HELD))
    return ready.exclude(pk__in=checked).order_by("-pk")


def check_pending(seconds: float = TURN) -> int:
    """Look at what was not looked at, for so long at most; how many. Nothing where no model is installed."""
    if not interface.safety_installed() or not lacking().exists():
        return 0
    try:
        model = interface.safety_classifier()
    except interface.NetworkFileError as error:
        log.error("No photograph is checked: %s", error)
        return 0
    count, until = 0, time.monotonic() + seconds
    with locks.alone(LOCK) as mine:
        while mine and model is not None and time.monotonic() < until:
            ids = list(lacking().values_list("pk", flat=True)[:BATCH])
            if not ids:
                break
            _check(model, ids)
            count += len(ids)
    return count


def _check(model: "SafetyClassifier", ids: Sequence[int]) -> None:
    """Look at a few photographs and keep what the model says of them, in one transaction."""
    images: dict[int, Image.Image] = {}
    failures: dict[int, str] = {}
    names = Rendition.objects.sufficient(ids, LEAST_SIDE)
    for photo_id in ids:
        try:
            images[photo_id] = _opened(names.get(photo_id, ""))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            failures[photo_id] = f"Its rendition cannot be read: {error}"[:300]
    found = model.unsafe(list(images.values())) if images else []
    keep({pk: float(value) for pk, value in zip(images, found, strict=True)}, failures)


def _opened(name: str) -> Image.Image:
    if not name:
        raise FileNotFoundError("there is none")
    with default_storage.open(name) as stream:
        return Image.open(stream, formats=("WEBP",)).convert("RGB")


@transaction.atomic
def keep(found: dict[int, float], failures: dict[int, str]) -> None:
    """Keep what the model says; what lies above the upper threshold is held until a person decides."""
    photos = Photo.objects.select_for_update(no_key=True).order_by("pk").in_bulk([*found, *failures])
    SafetyCheck.objects.bulk_create(
        [
            SafetyCheck(photo_id=pk, model=NAME, unsafe=found.get(pk), failure=failures.get(pk, ""))
            for pk in sorted(photos)
        ],
        ignore_conflicts=True,
    )
    judged = Decision.objects.filter(photo__in=photos, automatic=False, taken_back_at=None)
    decided = set(judged.values_list("photo_id", flat=True))
    for pk, unsafe in found.items():
        if unsafe >= HOLD and pk in photos and pk not in decided:
            reports.automatically(photos[pk], Decision.Kind.HOLD, f"The safety model says {unsafe:.0%}.")
