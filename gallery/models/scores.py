"""What a network says of a photograph, and the arrays made of it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from pgvector.django import HalfVectorField

from gallery.models.photos import Photo


class Score(models.Model):
    """One network's outputs for one photograph. Embeddings are whitened per network, never compared across networks."""

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="scores")
    network = models.ForeignKey("ml.Network", on_delete=models.CASCADE, related_name="scores")
    moods = ArrayField(models.FloatField(), size=6, help_text="Probabilities, in the order of ml.interface.MOODS.")
    valence = models.FloatField(help_text="1 (unpleasant) to 7 (pleasant)")
    arousal = models.FloatField(help_text="1 (calm) to 7 (stirring)")
    aesthetic = models.FloatField(help_text="1 to 7, for people on average")
    embedding = HalfVectorField(dimensions=64)
    scored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo", "network"], name="score_once")]

    def __str__(self) -> str:
        return f"score of {self.photo_id} by {self.network_id}"


class ScoringFailure(models.Model):
    """A photograph that a network could not score, and why, so that a batch goes on without it."""

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="+")
    network = models.ForeignKey("ml.Network", on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=300)
    failed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo", "network"], name="scoring_failure_once")]

    def __str__(self) -> str:
        return f"{self.photo_id}: {self.reason}"


class Shortlist(models.Model):
    """One written version of the arrays from which pages are ordered; the newest row is the one in use."""

    network = models.ForeignKey("ml.Network", on_delete=models.CASCADE, related_name="+")
    photos = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=64, help_text="Hash of what went in: equal input writes no new version.")
    written_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"shortlist {self.pk} ({self.photos} photographs)"
