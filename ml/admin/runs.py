"""Training runs in the admin: watch one."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path

from ml.admin.readonly import ReadOnlyAdmin, lines
from ml.models import TrainingRun


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "recipe", "message", "network", "asked_by", "asked_at", "ended_at")
    list_filter = ("state",)
    list_select_related = ("network", "asked_by")
    fields = ("recipe", "seed", "data_hash", "asked_by", "asked_at", "started_at", "ended_at", "attempts", "network")
    change_form_template = "admin/ml/trainingrun/change_form.html"

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.progress)
        return [path("<int:pk>/progress/", view, name="ml_trainingrun_progress"), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None):
        more = _progress(get_object_or_404(TrainingRun.objects.select_related("network"), pk=object_id))
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that htmx asks for anew while the run goes on."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = get_object_or_404(TrainingRun.objects.select_related("network"), pk=pk)
        return render(request, "admin/ml/trainingrun/_progress.html", _progress(run))


def _progress(run: TrainingRun) -> dict[str, Any]:
    going = run.state in (TrainingRun.State.QUEUED, TrainingRun.State.RUNNING)
    return {"run": run, "going": going, "figures": lines(run.metrics)}
