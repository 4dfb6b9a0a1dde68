"""Who put which network on the site, in the admin."""

from django.contrib import admin

from ml.admin.readonly import ReadOnlyAdmin
from ml.models import Promotion


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    list_display = ("network", "replaced", "actor", "reason", "asked_at", "live_at")
    list_select_related = ("network", "replaced", "actor")
