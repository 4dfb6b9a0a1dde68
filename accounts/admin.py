from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from accounts.models import User


@admin.register(User)
class PeopleAdmin(UserAdmin):
    """Accounts. Whoever asked to be deleted shows by when."""

    list_display = ("__str__", "is_staff", "is_active", "last_login", "leaves_at")
    readonly_fields = ("leaves_at",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody is deleted here: they leave by themselves, or are made inactive."""
        return False
