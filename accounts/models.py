"""People: members with an account, and visitors, who need none."""

import uuid
from datetime import timedelta

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

KEPT = timedelta(days=7)  # how long the link to somebody's own data holds


class User(AbstractUser):
    """Somebody with an account: known by an e-mail address; `username` is a random word that nobody is asked for."""

    leaves_at = models.DateTimeField(
        null=True, blank=True, help_text="Asked to be deleted; until then signing in takes it back."
    )

    def __str__(self) -> str:
        return self.email or self.username


class Visitor(models.Model):
    """Whoever looks and rates: anonymous by a signed cookie, or a member. Owns ratings, taste, visits and settings."""

    class Theme(models.TextChoices):
        AUTO = "auto", "As my device has it"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(User, null=True, blank=True, on_delete=models.CASCADE, related_name="visitor")
    shows_opt_in_moods = models.BooleanField(default=False, help_text="Agreed once to see Sad, Fear and Anger.")
    hidden_moods = ArrayField(models.CharField(max_length=16), default=list, blank=True, help_text="Veiled by choice.")
    shows_sensitive = models.BooleanField(default=False, help_text="Opens sensitive photographs without asking.")
    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)
    less_motion = models.BooleanField(default=False)
    keys_off = models.BooleanField(default=False, help_text="Single keys do nothing.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.user) if self.user else f"visitor {str(self.id)[:8]}"


class Export(models.Model):
    """Somebody asked for all that is known of them: a job, then a file for them alone, then nothing."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="exports")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    file = models.CharField(max_length=200, blank=True, help_text="Its name in the private store.")
    bytes = models.PositiveBigIntegerField(default=0)
    asked_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"export {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether it can be fetched now."""
        return self.state == self.State.READY and self.expires_at is not None and self.expires_at > timezone.now()
