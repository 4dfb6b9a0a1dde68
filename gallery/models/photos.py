"""Photographs and the pictures made of them."""

from collections.abc import Sequence

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F

from gallery import licences


def originals():
    """The storage of original bytes, which no page serves (a callable, so that migrations name no place)."""
    from django.core.files.storage import storages

    return storages["originals"]


class PhotoQuerySet(models.QuerySet["Photo"]):
    def on_show(self) -> "PhotoQuerySet":
        """Photographs that may be shown: accepted, and under a licence that allows it."""
        return self.filter(status=Photo.Status.SHOWN, licence__in=licences.SHOWN)

    def by_default(self) -> "PhotoQuerySet":
        """What is shown to somebody who did not ask for more: on show and not sensitive."""
        return self.on_show().filter(sensitive=False)

    def with_renditions(self) -> "PhotoQuerySet":
        return self.prefetch_related("renditions")


class Photo(models.Model):
    """One photograph: its original bytes, kept unchanged, and what is known of it."""

    class Status(models.TextChoices):
        NEW = "new", "waiting for its renditions"
        SHOWN = "shown"
        HELD = "held", "held for review"
        HIDDEN = "hidden"
        REMOVED = "removed"

    sha256 = models.CharField(max_length=64, unique=True)
    source = models.CharField(max_length=32, help_text="Where it came from: folder, openverse, flickr, samples.")
    source_id = models.CharField(max_length=200)
    original = models.FileField(storage=originals, max_length=200)
    format = models.CharField(max_length=8, help_text="Type sniffed from the bytes: jpeg, png, webp or avif.")
    bytes = models.PositiveIntegerField()
    width = models.PositiveIntegerField(help_text="Pixels, upright: after the EXIF orientation.")
    height = models.PositiveIntegerField()
    phash = models.BigIntegerField(db_index=True, help_text="64-bit perceptual hash, as a signed number.")
    thumbhash = models.BinaryField(max_length=32)
    colour = models.PositiveIntegerField(
        validators=[MaxValueValidator(0xFFFFFF)], help_text="Dominant colour, 0xRRGGBB."
    )
    title = models.CharField(max_length=300, blank=True)
    alt = models.CharField(max_length=500, blank=True, help_text="What is to be seen, from the source.")
    creator = models.CharField(max_length=200, blank=True)
    creator_url = models.URLField(max_length=500, blank=True)
    owner = models.CharField(max_length=200, blank=True, db_index=True, help_text="The source's own id of the creator.")
    licence = models.CharField(
        max_length=16, choices=[(slug, licence.name) for slug, licence in licences.LICENCES.items()]
    )
    licence_version = models.CharField(max_length=8, blank=True)
    licence_url = models.URLField(max_length=500, blank=True)
    licence_seen = models.DateField(help_text="When the source said so: a licence can change.")
    source_url = models.URLField(max_length=1000, blank=True)
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    mood_tag = models.CharField(
        max_length=16, blank=True, help_text="The mood its source's words name; never used to rank."
    )
    taken_at = models.DateTimeField(null=True, blank=True)
    uploaded_at = models.DateTimeField(null=True, blank=True)
    added_at = models.DateTimeField(auto_now_add=True)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the source was last asked about it.")
    status = models.CharField(max_length=8, choices=Status, default=Status.SHOWN)
    removed_because = models.CharField(
        max_length=32, blank=True, help_text="Why it was removed: on_request, gone_at_source, two_moods, ..."
    )
    removed_at = models.DateTimeField(null=True, blank=True, help_text="When it was removed, or found gone.")
    missing_since = models.DateField(
        null=True, blank=True, help_text="The day its source had it no more for the first time."
    )
    split = models.CharField(max_length=5, blank=True, help_text="train, val or test, once published: then it stays.")
    sensitive = models.BooleanField(default=False)
    cluster = models.BigIntegerField(
        null=True, blank=True, db_index=True, help_text="Near-duplicates share the id of the first of them."
    )

    objects = PhotoQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "source_id"], name="photo_source_once")]
        indexes = [
            models.Index(fields=["status", "sensitive"]),
            # Near-duplicates are looked up by quarters of the hash (collect/duplicates.py); 65535: sixteen bits.
            *(
                models.Index(
                    F("phash").bitrightshift(shift).bitand(65535), name=f"photo_phash_{shift}", include=["id", "phash"]
                )
                for shift in (0, 16, 32, 48)
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"photograph {self.pk}"

    def get_absolute_url(self) -> str:
        from django.urls import reverse

        return reverse("photo", args=[self.pk])

    @property
    def alt_text(self) -> str:
        """What a screen reader says; never a file name."""
        return self.alt or self.title or (f"Photograph by {self.creator}" if self.creator else "Photograph")

    @property
    def licence_label(self) -> str:
        return licences.label(self.licence, self.licence_version)

    @property
    def attribution(self) -> str:
        return licences.attribution(
            title=self.title,
            creator=self.creator,
            slug=self.licence,
            version=self.licence_version,
            url=self.licence_url,
        )


class RenditionQuerySet(models.QuerySet["Rendition"]):
    def sufficient(self, photo_ids: Sequence[int], side: int) -> dict[int, str]:
        """The WebP file of each photograph whose shorter side is just enough, else the widest, by photo (one query)."""
        best: dict[int, tuple[bool, int, str]] = {}
        rows = self.filter(photo_id__in=photo_ids, format=Rendition.Format.WEBP)
        for photo_id, width, height, name in rows.values_list("photo_id", "width", "height", "file"):
            enough = min(width, height) >= side
            key = (not enough, width if enough else -width, name)
            best[photo_id] = min(best.get(photo_id, key), key)
        return {photo_id: name for photo_id, (_, _, name) in best.items()}


class Rendition(models.Model):
    """A photograph scaled to one width in one format, made once at intake; may be deleted and made again."""

    class Format(models.TextChoices):
        AVIF = "avif"
        WEBP = "webp"

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="renditions")
    width = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    height = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    format = models.CharField(max_length=4, choices=Format)
    file = models.FileField(max_length=200, help_text="Named by the hash of its content, so cached for ever.")
    bytes = models.PositiveIntegerField()

    objects = RenditionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo", "width", "format"], name="rendition_once")]
        ordering = ["width"]

    def __str__(self) -> str:
        return f"{self.photo_id} {self.width} {self.format}"
