"""What could not be scored, and why."""

from django.contrib import admin
from django.urls import URLPattern

from gallery.admin import rescoring
from gallery.admin.readonly import ReadOnlyAdmin
from gallery.models import ScoringFailure


@admin.register(ScoringFailure)
class ScoringFailureAdmin(ReadOnlyAdmin):
    list_display = ("photo", "network", "reason", "failed_at")
    list_select_related = ("photo", "network")
    list_filter = ("network",)

    def get_urls(self) -> list[URLPattern]:
        return [*rescoring.addresses(self.admin_site.admin_view), *super().get_urls()]
