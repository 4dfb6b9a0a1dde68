"""Networks and training runs in the admin: retrain, watch, compare, promote."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.views.decorators.http import require_POST

from ml import interface
from ml.models import Network, Promotion, TrainingRun


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the site itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Network)
class NetworkAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "figures", "made_at")
    list_filter = ("state", "recipe")
    fields = ("name", "recipe", "state", "made_at", "figures", "history")
    change_list_template = "admin/ml/network/change_list.html"
    change_form_template = "admin/ml/network/change_form.html"

    def get_urls(self) -> list:
        own = [
            path("retrain/", self.admin_site.admin_view(self.retrain), name="ml_network_retrain"),
            path("<int:pk>/promote/", self.admin_site.admin_view(self.promote), name="ml_network_promote"),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        run = TrainingRun.objects.filter(state__in=["queued", "running"]).first()
        more = {"run": run, "may_retrain": request.user.has_perm("ml.add_trainingrun")}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None):
        network = get_object_or_404(Network, pk=object_id)
        promotable = network.state in (Network.State.CANDIDATE, Network.State.RETIRED)
        more = {"may_promote": promotable and request.user.has_perm("ml.change_network")}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    @admin.display(description="figures (by folds)")
    def figures(self, network: Network) -> str:
        return _lines(network.card.get("figures", {}))

    @admin.display(description="when it ranked the site")
    def history(self, network: Network) -> str:
        rows = [
            (p.asked_at, p.actor or "Evoke", p.reason or "no reason given", p.live_at or "not yet")
            for p in network.promotions.select_related("actor").order_by("asked_at")
        ]
        return format_html_join("", "{} by {}: {} (ranks since: {})<br>", rows) or "never"

    def retrain(self, request: HttpRequest) -> HttpResponse:
        return _retrain(request)

    def promote(self, request: HttpRequest, pk: int) -> HttpResponse:
        return _promote(request, pk)


@require_POST
def _retrain(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("ml.add_trainingrun"):
        raise PermissionDenied
    try:
        run_id = interface.start_run(asked_by=request.user)
    except interface.AlreadyTraining as error:
        messages.warning(request, str(error))
        return HttpResponseRedirect(reverse("admin:ml_network_changelist"))
    return HttpResponseRedirect(reverse("admin:ml_trainingrun_change", args=[run_id]))


@require_POST
def _promote(request: HttpRequest, pk: int) -> HttpResponse:
    if not request.user.has_perm("ml.change_network"):
        raise PermissionDenied
    network = get_object_or_404(Network, pk=pk)
    interface.promote(network.pk, actor=request.user, reason=request.POST.get("reason", "")[:300])
    messages.success(request, f"{network.name} now scores the collection and ranks the site as soon as that is done.")
    return HttpResponseRedirect(reverse("admin:ml_network_change", args=[pk]))


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
    return {"run": run, "going": going, "figures": _lines(run.metrics)}


def _lines(figures: dict[str, Any]) -> str:
    """Nested figures as lines of "name: value", escaped."""
    rows: list[tuple[str, str]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows.extend((f"{name}, {inner}", _short(v)) for inner, v in value.items() if not isinstance(v, dict | list))
        elif not isinstance(value, list):
            rows.append((name, _short(value)))
    return format_html_join("", "{}: {}<br>", rows) or "none yet"


def _short(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    list_display = ("network", "replaced", "actor", "reason", "asked_at", "live_at")
    list_select_related = ("network", "replaced", "actor")
