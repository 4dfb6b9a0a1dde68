"""What happens by itself, in the admin: one row, off until somebody turns it on."""

from typing import Any

from django.contrib import admin
from django.core.validators import MaxValueValidator
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ml import plans
from ml.models import Plan


class PlanForm(ModelForm):
    """The plan; the hour is one of a day."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "hour" in self.fields:
            self.fields["hour"].validators.append(MaxValueValidator(23))


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin):
    form = PlanForm
    fields = (
        *("nightly_training", "hour", "least_ratings", "new_answers", "weekly_verification"),
        *("trained_on", "verified_on"),
    )
    readonly_fields = ("new_answers", "trained_on", "verified_on")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """There is one row: its page is the list."""
        return HttpResponseRedirect(reverse("admin:ml_plan_change", args=[plans.plan().pk]))

    @admin.display(description="new answers since the last training")
    def new_answers(self, plan: Plan) -> int:
        return plans.new_answers()
