"""What the data set needs beside the photographs: what is in them, how it was verified, its published versions."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from gallery.models.photos import Photo


class Concept(models.Model):
    """What a classifier sees in a photograph, the likeliest class first."""

    class Kind(models.TextChoices):
        OBJECT = "object"
        SCENE = "scene"

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="concepts")
    kind = models.CharField(max_length=8, choices=Kind)
    classifier = models.CharField(max_length=80, help_text="Name and content hash of the weights.")
    classes = ArrayField(models.PositiveSmallIntegerField(), help_text="Class indices, the likeliest first.")
    probabilities = ArrayField(models.FloatField())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo", "kind"], name="concept_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.photo_id}"


class Verification(models.Model):
    """One verification of the data set; the newest is the one that /dataset/ shows."""

    made_at = models.DateTimeField(auto_now_add=True)
    fingerprint = models.CharField(max_length=64, help_text="Hash of what went in: equal input makes no new row.")
    photos = models.PositiveIntegerField()
    report = models.JSONField()

    def __str__(self) -> str:
        return f"verification of {self.made_at:%Y-%m-%d}"


class DatasetVersion(models.Model):
    """A published version, which never changes."""

    version = models.CharField(max_length=16, unique=True, help_text="YEAR.NUMBER, such as 2026.1")
    made_at = models.DateTimeField(auto_now_add=True)
    photos = models.PositiveIntegerField()
    files = models.PositiveIntegerField(help_text="Photographs whose bytes are in it.")
    sha256 = models.CharField(max_length=64, help_text="Of its list of checksums.")
    summary = models.JSONField(default=dict, help_text="Counts, and what changed since the version before.")

    def __str__(self) -> str:
        return self.version
