"""What the collection gives to training: photographs that visitors rated, or said what they felt on.

Who counts how much is rank/trust.py's; which part of the collection a photograph belongs to (it teaches or it judges)
is decided by its `group` and `kin`, in ml.parts.
"""

import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from gallery.models import Photo, Rating, Rendition, Score
from gallery.rank import habits, trust
from ml.interface import Said, Selection, TrainingRow

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)
# Below this share of those who said what they felt, people disagree and the photograph has no label.
MAJORITY = 0.5
WIDTH = 480  # enough for a network that looks at 260 pixels
THUMBNAIL = 160  # pixels of the shorter side
CHUNK = 1000  # photographs whose answers are read together
# A creator with more of the photographs on show than this could put nearly all of them on one side, so theirs are
# divided one by one.
DOMINANT = 0.25


@dataclass
class _Answers:
    """What visitors said of one photograph, each with who they are."""

    values: list[int] = field(default_factory=list)
    by: list[trust.Habits] = field(default_factory=list)
    felt: list[tuple[str, float]] = field(default_factory=list)


def training_rows(selection: Selection = Selection()) -> Iterator[TrainingRow]:  # noqa: B008 it is frozen
    """One row a photograph with ratings or felt moods that count; sensitive photographs too. See rank/trust.py."""
    if not selection.collection:
        return
    visitors = habits.of_visitors()
    for alarm in trust.alarms({str(visitor): one for visitor, one in visitors.items()}):
        log.warning("Ratings: %s", alarm)
    dominant = _dominant()
    ids = list(_answered(selection).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        said, kin = _said(some, visitors), _kin(some, dominant)
        for photo in Photo.objects.filter(pk__in=some).defer("thumbhash").order_by("pk"):
            row = _row(photo, said[photo.pk], selection, _group(photo.creator, photo.sha256, dominant), kin)
            if row is not None:
                yield row


def _row(
    photo: Photo, said: _Answers, selection: Selection, group: str, kin: dict[int, tuple[str, ...]]
) -> TrainingRow | None:
    """The photograph with what people said, or None where nothing of it counts."""
    rating, count = trust.robust_mean(said.values, said.by) if selection.ratings else (0.0, 0.0)
    mood = trust.agreed(said.felt, MAJORITY) if selection.felt else None
    mood = mood or (photo.mood_tag if selection.tags else None) or None
    if not count and not mood:
        return None
    return TrainingRow(
        key=photo.sha256,
        group=group,
        image=_loader(photo.pk),
        aesthetic=1 + 1.5 * (rating - 1) if count else None,
        count=round(count, 3),
        mood=mood,
        kin=kin.get(photo.cluster, ()) if photo.cluster is not None else (),
    )


def _answered(selection: Selection) -> QuerySet[Photo]:
    """Photographs of the selection of which anything was said that it learns from."""
    answers = Rating.objects.filter(photo=OuterRef("pk"))
    wanted = Q(Exists(answers.filter(value__isnull=False))) if selection.ratings else Q(pk__in=())
    if selection.felt:
        wanted |= Q(Exists(answers.exclude(felt="")))
    if selection.tags:
        wanted |= ~Q(mood_tag="")
    return _chosen(selection).filter(wanted)


def _said(ids: Sequence[int], visitors: dict[uuid.UUID, trust.Habits]) -> dict[int, _Answers]:
    """Answers by photograph (one query), in an order that makes sums the same every time."""
    found: dict[int, _Answers] = defaultdict(_Answers)
    rows = Rating.objects.filter(photo__in=ids).order_by("photo_id", "visitor_id")
    for photo_id, visitor_id, value, felt in rows.values_list("photo_id", "visitor_id", "value", "felt").iterator():
        who = visitors.get(visitor_id, trust.STRANGER)  # one who came since
        if value is not None:
            found[photo_id].values.append(value)
            found[photo_id].by.append(who)
        if felt:
            found[photo_id].felt.append((felt, who.felt_weight))
    return found


def _group(creator: str, sha256: str, dominant: set[str]) -> str:
    """Who made it, by name however it is written; the photograph itself where nobody or everybody's maker is named."""
    name = " ".join(creator.split()).casefold()
    return sha256 if not name or name in dominant else name


def _kin(ids: Sequence[int], dominant: set[str]) -> dict[int, tuple[str, ...]]:
    """The groups of all near-duplicates of these photographs, by cluster (one query)."""
    clusters = Photo.objects.filter(pk__in=ids, cluster__isnull=False).values("cluster")
    found: dict[int, set[str]] = defaultdict(set)
    rows = Photo.objects.filter(cluster__in=clusters).exclude(status=Photo.Status.REMOVED)
    for cluster, creator, sha256 in rows.values_list("cluster", "creator", "sha256").iterator():
        found[cluster or 0].add(_group(creator, sha256, dominant))
    return {cluster: tuple(sorted(groups)) for cluster, groups in found.items()}


def _dominant() -> set[str]:
    """Names, as in _group, of creators who made more than DOMINANT of all that is on show."""
    shown = Photo.objects.on_show()
    most = int(DOMINANT * shown.count())
    many = shown.exclude(creator="").values("creator").annotate(n=Count("pk")).filter(n__gt=most)
    return {" ".join(name.split()).casefold() for name in many.values_list("creator", flat=True)}


def said_by(network_id: int, keys: Sequence[str]) -> dict[str, Said]:
    """What a network said of photographs (by sha256) when it scored the collection; those it did not are left out."""
    rows = Score.objects.filter(network_id=network_id, photo__sha256__in=keys)
    found = rows.values_list("photo__sha256", "aesthetic", "moods")
    return {key: Said(aesthetic, tuple(moods)) for key, aesthetic, moods in found}


def thumbnails(keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Address of a small picture and of the photograph's page in the admin, by sha256; none for what is gone."""
    from django.urls import reverse

    photos = dict(Photo.objects.filter(sha256__in=keys).values_list("pk", "sha256"))
    files = Rendition.objects.sufficient(list(photos), THUMBNAIL)
    return {
        photos[pk]: (default_storage.url(name), reverse("admin:gallery_photo_change", args=[pk]))
        for pk, name in files.items()
    }


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
