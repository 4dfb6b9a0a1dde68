"""Who put which network on the site, when and why; and who was live on a day."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ml import promotions
from ml.admin.readonly import ReadOnlyAdmin
from ml.models import Promotion


class LiveOn(admin.SimpleListFilter):
    """A box for a day: the networks that ranked the site on it."""

    title = "the day it ranked the site"
    parameter_name = "on"
    template = "admin/ml/promotion/live_on.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "any")]  # the template has a box instead

    def choices(self, changelist: Any) -> Any:
        """What the template draws: the day, and the other filters, which stay."""
        others = {key: values for key, values in changelist.get_filters_params().items() if key != self.parameter_name}
        yield {"day": self.value() or "", "others": [(key, v) for key, values in others.items() for v in values]}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Promotion]) -> QuerySet[Promotion]:
        if not self.value():
            return queryset
        try:
            day = date.fromisoformat(str(self.value()))
        except ValueError:
            return queryset.none()
        return queryset.filter(pk__in=[each.pk for each in promotions.live_on(day)])


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    list_display = ("network", "replaced", "actor", "reason", "forced", "asked_at", "live_at", "ended_at")
    list_select_related = ("network", "replaced", "actor")
    list_filter = (LiveOn, "forced")
    ordering = ("-asked_at",)
