"""What visitors said and were shown."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from gallery.models.photos import Photo
from gallery.moods import MOODS

MOOD_CHOICES = [(slug, mood.name) for slug, mood in MOODS.items()]


class Rating(models.Model):
    """One visitor's present answer to one photograph: how they like it, or "less like this", and what they felt."""

    visitor = models.ForeignKey("accounts.Visitor", on_delete=models.CASCADE, related_name="ratings")
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="ratings")
    value = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)], help_text="1 to 5"
    )
    hidden = models.BooleanField(default=False, help_text="Said “less like this”.")
    felt = models.CharField(max_length=16, blank=True, choices=MOOD_CHOICES)
    mood = models.CharField(max_length=16, blank=True, choices=MOOD_CHOICES, help_text="The page it was shown on.")
    place = models.PositiveIntegerField(null=True, blank=True, help_text="Its place there, from 0.")
    rated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visitor", "photo"], name="rating_once")]

    def __str__(self) -> str:
        return f"{self.visitor} on {self.photo_id}"


class RatingEvent(models.Model):
    """Every answer ever given, in order: the history behind a Rating."""

    visitor = models.ForeignKey("accounts.Visitor", on_delete=models.CASCADE, related_name="rating_events")
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="rating_events")
    value = models.PositiveSmallIntegerField(null=True)
    hidden = models.BooleanField()
    felt = models.CharField(max_length=16, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.visitor} on {self.photo_id} at {self.at:%Y-%m-%d %H:%M}"


class Taste(models.Model):
    """What one network's view of a visitor has learnt: posteriors of Bayesian linear models (rank/taste.py).

    Natural parameters as float64 bytes: precisions (68, 68), information of beauty (68,) and felt (6, 68).
    """

    visitor = models.ForeignKey("accounts.Visitor", on_delete=models.CASCADE, related_name="tastes")
    network = models.ForeignKey("ml.Network", on_delete=models.CASCADE, related_name="+")
    beauty_information = models.BinaryField()
    beauty_precision = models.BinaryField()
    felt_information = models.BinaryField()
    felt_precision = models.BinaryField()
    observations = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visitor", "network"], name="taste_once")]

    def __str__(self) -> str:
        return f"taste of {self.visitor}"


class Visit(models.Model):
    """One look through a mood, until thirty idle minutes have passed: what was shown, in order, and what comes next."""

    visitor = models.ForeignKey("accounts.Visitor", on_delete=models.CASCADE, related_name="visits")
    mood = models.CharField(max_length=16, choices=MOOD_CHOICES)
    sort = models.CharField(max_length=16, default="for_you")
    filters = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField()
    shown = ArrayField(models.BigIntegerField(), default=list, help_text="Photo ids in the order of their places.")
    pages = ArrayField(models.PositiveIntegerField(), default=list, help_text="Where each page ends in `shown`.")
    loose = ArrayField(
        models.PositiveSmallIntegerField(), default=list, help_text="How many at the end of each page fit only loosely."
    )
    networks = ArrayField(models.BigIntegerField(), default=list, help_text="Which network ordered each page.")
    upcoming = ArrayField(models.BigIntegerField(), default=list, help_text="The next ids.")
    shortlist = models.ForeignKey(
        "gallery.Shortlist",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="What `upcoming` was ordered from; none after a rating, so that it is ordered anew.",
    )
    started_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["visitor", "mood", "sort", "-last_at"])]

    def __str__(self) -> str:
        return f"visit of {self.visitor} to {self.mood}"
