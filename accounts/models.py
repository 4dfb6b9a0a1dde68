"""People: members with an account, and visitors, who need none."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """Somebody with an account. Custom from the first migration, so that it can grow."""


class Visitor(models.Model):
    """Whoever looks and rates: anonymous by a signed cookie, or a member. Owns ratings, taste and visits."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(User, null=True, blank=True, on_delete=models.CASCADE, related_name="visitor")
    shows_opt_in_moods = models.BooleanField(default=False, help_text="Agreed once to see Sad, Fear and Anger.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.user) if self.user else f"visitor {str(self.id)[:8]}"
