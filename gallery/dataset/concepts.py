"""What is in the photographs: Concept rows for those that lack them, in batches, by the classifiers of ml.

Killed half-way it goes on; run twice it does nothing; two at once do the same work twice and leave the same rows. A
classifier with another content hash replaces what an earlier one said.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from PIL import Image, ImageOps

from gallery.models import Concept, Photo, Rendition
from ml import interface

if TYPE_CHECKING:
    from ml.concepts import Classifier

BATCH = 64
DECODERS = 2
SHORT_SIDE = 298  # pixels: a classifier crops 260 out of no more, so a larger rendition is not read
OPENED = ("JPEG", "PNG", "WEBP", "AVIF")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Filled:
    """How many photographs were looked at, and how many could not be read."""

    seen: int = 0
    unreadable: int = 0

    def __add__(self, other: "Filled") -> "Filled":
        return Filled(self.seen + other.seen, self.unreadable + other.unreadable)


def photographs() -> QuerySet[Photo]:
    """The data set: accepted photographs, whatever their licence, to which their source's words give a mood."""
    return Photo.objects.filter(status=Photo.Status.SHOWN, mood_tag__in=interface.MOODS)


def fill(progress: Progress | None = None, objects: str = "") -> Filled:
    """Name objects, and scenes where their classifier is installed. progress(done, all) is called after every batch.

    objects: one of interface.OBJECT_CLASSIFIERS; "": the best that is installed.
    """
    first, second = interface.object_classifier(objects), interface.scene_classifier()
    found = [(Concept.Kind.OBJECT, first), (Concept.Kind.SCENE, second)]
    classifiers = [(kind, classifier) for kind, classifier in found if classifier is not None]
    total = sum(_lacking(kind, classifier.name).count() for kind, classifier in classifiers)
    filled = Filled()
    for kind, classifier in classifiers:
        for part in _fill(kind, classifier):
            filled += part
            if progress is not None:
                progress(filled.seen + filled.unreadable, total)
    return filled


def _lacking(kind: str, classifier: str) -> QuerySet[Photo]:
    rows = Concept.objects.filter(photo=OuterRef("pk"), kind=kind, classifier=classifier)
    return photographs().exclude(Exists(rows))


def _fill(kind: str, classifier: "Classifier") -> Iterator[Filled]:
    """Batch by batch in order of id, each read after the one before, so that one that cannot be read is passed once."""
    last = 0
    with ThreadPoolExecutor(DECODERS) as pool:
        while ids := list(
            _lacking(kind, classifier.name).filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]
        ):
            decoded = pool.map(_decode, _files(ids))
            images = {pk: image for pk, image in zip(ids, decoded, strict=True) if image is not None}
            if images:
                _keep(kind, classifier, images)
            last = ids[-1]
            yield Filled(len(images), len(ids) - len(images))


def _keep(kind: str, classifier: "Classifier", images: dict[int, Image.Image]) -> None:
    """Write a batch's rows in one transaction; a photograph deleted meanwhile has none."""
    seen = classifier.predict(list(images.values()))
    rows = [
        Concept(photo_id=pk, kind=kind, classifier=classifier.name, classes=classes, probabilities=probabilities)
        for pk, classes, probabilities in zip(images, seen.classes.tolist(), seen.probabilities.tolist(), strict=True)
    ]
    with transaction.atomic():
        there = set(
            Photo.objects.filter(pk__in=images).select_for_update(no_key=True).values_list("pk", flat=True)
        )  # whoever deletes one waits until its rows are there, and takes them along
        Concept.objects.bulk_create(
            [row for row in rows if row.photo_id in there],
            update_conflicts=True,
            unique_fields=["photo", "kind"],
            update_fields=["classifier", "classes", "probabilities"],
        )


def _files(ids: list[int]) -> list[tuple[str, str]]:
    """For each id the smallest sufficient WebP rendition, or "", and its original (two queries)."""
    best = Rendition.objects.sufficient(ids, SHORT_SIDE)
    originals = dict(Photo.objects.filter(pk__in=ids).values_list("pk", "original"))
    return [(best.get(pk, ""), originals.get(pk, "")) for pk in ids]


def _decode(files: tuple[str, str]) -> Image.Image | None:
    """The rendition, or the original where there is none; None where neither can be read."""
    rendition, original = files
    storages = ((default_storage, rendition), (Photo.original.field.storage, original))
    for storage, name in storages:
        if not name:
            continue
        try:
            with storage.open(name) as stream:
                image = Image.open(stream, formats=OPENED)
                image.draft("RGB", (2 * SHORT_SIDE, 2 * SHORT_SIDE))  # JPEGs are decoded no larger than is looked at
                return ImageOps.exif_transpose(image).convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
    return None
