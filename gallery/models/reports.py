"""What visitors report, what was decided of it, and what the safety model says of photographs."""

from django.conf import settings
from django.db import models

from gallery.models.photos import Photo
from gallery.models.removals import receipt


class Decision(models.Model):
    """One decision on a photograph, by a person or automatic. The latest that stands can be taken back."""

    class Kind(models.TextChoices):
        KEEP = "keep", "keep as it is"
        SENSITIVE = "sensitive", "mark sensitive"
        MOOD = "mood", "wrong mood, noted"
        RESCORE = "rescore", "score it again"
        HOLD = "hold", "hold: not shown for now"
        HIDE = "hide", "hide"
        REMOVE = "remove", "take down for good"

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=9, choices=Kind)
    automatic = models.BooleanField(default=False, help_text="Made by a limit, until a person decides.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="decisions"
    )
    reason = models.TextField(max_length=2000)
    before = models.JSONField(default=dict, help_text="Of the photograph: status, sensitive, mood_tag.")
    after = models.JSONField(default=dict)
    takedown = models.ForeignKey("gallery.Takedown", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    taken_back_at = models.DateTimeField(null=True, blank=True)
    taken_back_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    taken_back_because = models.TextField(max_length=2000, blank=True)

    class Meta:
        verbose_name = "decision on a report"
        verbose_name_plural = "decisions on reports"
        indexes = [models.Index(fields=["photo", "taken_back_at"])]

    def __str__(self) -> str:
        return f"decision {self.pk}: {self.get_kind_display()}"


class Report(models.Model):
    """Somebody says that something is wrong with a photograph. One a visitor, photograph and reason."""

    class Reason(models.TextChoices):
        """The most urgent first."""

        PERSON = "person", "A child, or a private person"
        DISTRESSING = "distressing", "Distressing"
        SENSITIVE = "sensitive", "Should be blurred until asked for"
        WRONG_MOOD = "wrong_mood", "Wrong mood"
        BROKEN = "broken", "The picture is broken"

    receipt = models.CharField(max_length=32, unique=True, default=receipt)
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="reports")
    visitor = models.ForeignKey(
        "accounts.Visitor", null=True, blank=True, on_delete=models.SET_NULL, related_name="reports"
    )
    reason = models.CharField(max_length=11, choices=Reason)
    note = models.TextField(max_length=1000, blank=True)
    counts = models.BooleanField(default=True, help_text="Whether it is the first on this photograph from its address.")
    decision = models.ForeignKey(
        Decision, null=True, blank=True, on_delete=models.SET_NULL, related_name="reports", help_text="None: open."
    )
    reported_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "reported photograph"
        constraints = [models.UniqueConstraint(fields=["visitor", "photo", "reason"], name="report_once")]

    def __str__(self) -> str:
        return f"report {self.pk}: {self.get_reason_display()}"


class SafetyCheck(models.Model):
    """What one safety model says of one photograph, or why it says nothing."""

    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="safety_checks")
    model = models.CharField(max_length=64)
    unsafe = models.FloatField(null=True, blank=True, help_text="0 to 1; none where it could not be looked at.")
    failure = models.CharField(max_length=300, blank=True)
    checked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo", "model"], name="safety_check_once")]
        indexes = [models.Index(fields=["unsafe"], name="safety_check_unsafe")]

    def __str__(self) -> str:
        return f"{self.photo_id} by {self.model}: {self.unsafe}"
