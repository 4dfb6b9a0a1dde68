"""What could not be scored, and why."""

from django.contrib import admin

from gallery.admin.readonly import ReadOnlyAdmin
from gallery.models import ScoringFailure


@admin.register(ScoringFailure)
class ScoringFailureAdmin(ReadOnlyAdmin):
    list_display = ("photo", "network", "reason", "failed_at")
    list_select_related = ("photo", "network")
