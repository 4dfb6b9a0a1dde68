"""Networks in the admin: retrain, compare, promote."""

from datetime import datetime

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.views.decorators.http import require_POST

from ml import interface
from ml.admin import compare
from ml.admin.readonly import ReadOnlyAdmin, lines
from ml.models import Network, Promotion, TrainingRun


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
            path("<int:pk>/compare/", self.admin_site.admin_view(compare.page), name="ml_network_compare"),
            path("<int:pk>/judge/", self.admin_site.admin_view(compare.judge), name="ml_network_judge"),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        run = TrainingRun.objects.filter(recipe="starter", state__in=["queued", "running"]).first()
        more = {"run": run, "may_retrain": request.user.has_perm("ml.add_trainingrun"), "alarms": interface.alarms()}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None):
        network = get_object_or_404(Network, pk=object_id)
        more = {"network": network, **compare.promotion_context(request, network)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    @admin.display(description="figures (by folds)")
    def figures(self, network: Network) -> str:
        return lines(network.card.get("figures", {}))

    @admin.display(description="when it ranked the site")
    def history(self, network: Network) -> str:
        rows = [
            (
                *(_minute(p.asked_at), p.actor or "Evoke", p.reason or "no reason given"),
                *(", forced" if p.forced else "", _ranked(p)),
            )
            for p in network.promotions.select_related("actor").order_by("asked_at")
        ]
        return format_html_join("", "{} by {}: {}{} ({})<br>", rows) or "never"

    def retrain(self, request: HttpRequest) -> HttpResponse:
        return _retrain(request)

    def promote(self, request: HttpRequest, pk: int) -> HttpResponse:
        return _promote(request, pk)


def _ranked(promotion: Promotion) -> str:
    """When it ranked the site by this promotion, in words."""
    if promotion.live_at is None:
        return "called off" if promotion.ended_at else "on its way in"
    since = _minute(promotion.live_at)
    return f"ranked from {since} until {_minute(promotion.ended_at)}" if promotion.ended_at else f"ranks since {since}"


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


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
    page = HttpResponseRedirect(reverse("admin:ml_network_change", args=[pk]))
    reason, forced = request.POST.get("reason", "")[:300], "forced" in request.POST
    try:
        interface.promote(network.pk, actor=request.user, reason=reason, forced=forced)
    except interface.NotAccepted as error:
        messages.error(request, str(error))
        return page
    messages.success(request, f"{network.name} now scores the collection and ranks the site as soon as that is done.")
    return page
