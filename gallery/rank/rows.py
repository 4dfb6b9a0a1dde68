"""What the collection gives to training: photographs that visitors rated, or said what they felt on."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.db.models import Avg, Count, Q, QuerySet

from gallery.models import Photo, Rating, Rendition
from ml.interface import Selection, TrainingRow

if TYPE_CHECKING:
    from PIL.Image import Image

# Below this share of those who said what they felt, people disagree and the photograph has no label.
MAJORITY = 0.5
WIDTH = 480  # enough for a network that looks at 260 pixels


def training_rows(selection: Selection = Selection()) -> Iterator[TrainingRow]:  # noqa: B008 it is frozen
    """One row a photograph with ratings or felt moods; all visitors count alike, sensitive photographs too."""
    if not selection.collection:
        return
    felt = _felt_by_photo() if selection.felt else {}
    said = Q(ratings__value__isnull=False) | Q(ratings__hidden=True) | Q(pk__in=felt)
    rated = (
        _chosen(selection)
        .filter(said | ~Q(mood_tag="") if selection.tags else said)
        .annotate(mean=Avg("ratings__value"), count=Count("ratings__value"))
        .order_by("pk")
    )
    for photo in rated.iterator():
        mood = _agreed(felt.get(photo.pk, Counter())) or (photo.mood_tag if selection.tags else None) or None
        if (selection.ratings and photo.count) or mood:
            rated_well = None if photo.mean is None or not selection.ratings else 1 + 1.5 * (photo.mean - 1)
            yield TrainingRow(
                key=photo.sha256,
                group=photo.creator or photo.sha256,
                image=_loader(photo.pk),
                aesthetic=rated_well,
                count=photo.count if selection.ratings else 0,
                mood=mood,
            )


def answers_since(moment: datetime | None) -> int:
    """How many answers (ratings, "less like this", felt moods) visitors gave or changed since then; None: ever."""
    found = Rating.objects.all() if moment is None else Rating.objects.filter(rated_at__gte=moment)
    return found.count()


def _chosen(selection: Selection) -> QuerySet[Photo]:
    """Photographs on show that the selection leaves in, by licence, by day and by mood (felt, or of the source)."""
    found = Photo.objects.on_show()
    if selection.licences:
        found = found.filter(licence__in=selection.licences)
    if selection.since:
        found = found.filter(added_at__date__gte=selection.since)
    if selection.until:
        found = found.filter(added_at__date__lte=selection.until)
    if selection.moods:
        felt = Rating.objects.filter(felt__in=selection.moods).values("photo_id")
        found = found.filter(Q(mood_tag__in=selection.moods) | Q(pk__in=felt))
    return found


def _felt_by_photo() -> dict[int, Counter[str]]:
    felt: dict[int, Counter[str]] = defaultdict(Counter)
    for photo_id, mood in Rating.objects.exclude(felt="").values_list("photo_id", "felt").iterator():
        felt[photo_id][mood] += 1
    return felt


def _agreed(felt: Counter[str]) -> str | None:
    """The mood that more than half of the people named, or None."""
    if not felt:
        return None
    mood, count = felt.most_common(1)[0]
    return mood if count > MAJORITY * felt.total() else None


def _loader(photo_id: int) -> Callable[[], "Image"]:
    def load() -> "Image":
        from PIL import Image

        webp = Rendition.objects.filter(photo_id=photo_id, format=Rendition.Format.WEBP)
        rendition = webp.filter(width__gte=WIDTH).order_by("width").first() or webp.order_by("-width").first()
        if rendition is None:
            raise FileNotFoundError(f"Photograph {photo_id} has no rendition.")
        with default_storage.open(str(rendition.file.name)) as file:
            return Image.open(file, formats=["WEBP"]).convert("RGB")

    return load
