"""Requests to take photographs down, and pairs that a person called different."""

import secrets

from django.conf import settings
from django.db import models

from gallery.models.photos import Photo


def receipt() -> str:
    """A number that nobody can guess: whoever holds it may see the request."""
    return secrets.token_urlsafe(18)


class Takedown(models.Model):
    """Somebody asks that a photograph, or all of a creator's, be taken down. Hidden at once, decided by a person."""

    class State(models.TextChoices):
        OPEN = "open"
        GRANTED = "granted"
        REFUSED = "refused"
        REVERSED = "reversed"

    receipt = models.CharField(max_length=32, unique=True, default=receipt)
    photo = models.ForeignKey(Photo, null=True, blank=True, on_delete=models.SET_NULL, related_name="takedowns")
    source = models.CharField(max_length=32, blank=True, help_text="Of a creator: where they publish.")
    owner = models.CharField(max_length=200, blank=True, help_text="Of a creator: the source's id of them.")
    creator = models.CharField(max_length=200, blank=True)
    reason = models.TextField(max_length=2000, blank=True)
    email = models.EmailField(blank=True, help_text="To answer to; deleted with the decision's month.")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    hidden = models.JSONField(default=list, help_text="Ids hidden by this request and their status before.")
    decision = models.TextField(max_length=2000, blank=True, help_text="Told to whoever asked.")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    decided_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["source", "owner"])]

    def __str__(self) -> str:
        return f"takedown {self.pk}"


class NotDuplicate(models.Model):
    """Two photographs that look alike and are not the same; first has the smaller id."""

    first = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="not_duplicate_once"),
            models.CheckConstraint(condition=models.Q(first__lt=models.F("second")), name="not_duplicate_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} is not {self.second_id}"
