"""The moderators' queue: photographs with open reports or flags, decisions on them, and taking those back."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from gallery import moderation, reports, safety
from gallery.admin.readonly import ReadOnlyAdmin
from gallery.collect import removals
from gallery.models import Decision, Photo, Report
from ml import interface

A_PAGE = 20  # photographs
REASON = 2000


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    """Its list is the queue: photographs, not reports."""

    fields = ("photo", "reason", "note", "counts", "reported_at", "decision", "status")
    list_select_related = ("photo", "decision")

    def get_urls(self) -> list:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [path("<int:pk>/decide/", decide, name="gallery_report_decide"), *super().get_urls()]

    @admin.display(description="what they see")
    def status(self, report: Report) -> str:
        told = moderation.told(report)
        return f"{told.heading}. {told.sentence}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return cast(HttpResponse, require_safe(self.queue)(request))

    def queue(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        way = request.GET.get("way", "open")
        way = way if way in moderation.WAYS else "open"
        page = Paginator(moderation.waiting(way).with_renditions(), A_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Reported photographs",
            "opts": self.opts,
            "page": page,
            "cases": moderation.cases(list(page)),
            "way": way,
            "ways": moderation.WAYS.items(),
            "kinds": _kinds(request),
            "safety_on": interface.safety_installed(),
            "safety": safety,
        }
        return render(request, "admin/gallery/report/queue.html", context)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Keep a decision on a photograph, if whoever asks may make it, with its reason."""
        photo, kind = get_object_or_404(Photo, pk=pk), request.POST.get("kind", "")
        _may(request, "gallery.change_report")
        if kind == Decision.Kind.REMOVE:
            _may(request, "gallery.change_takedown")
        if kind not in Decision.Kind.values:
            return _refused(request, "Choose one of the decisions.")

        def act(who: User, reason: str) -> str:
            decision = reports.decide(photo=photo, kind=kind, by=who, reason=reason)
            _log(who, photo, f"Decided: {decision.get_kind_display()}. {reason}")
            return f"“{photo}”: {decision.get_kind_display()}."

        return _carry_out(request, act)


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    """All that was ever decided; the latest on a photograph can be taken back."""

    list_display = ("made_at", "photo", "kind", "automatic", "by", "reason", "taken_back_at")
    list_filter = ("kind", "automatic", ("taken_back_at", admin.EmptyFieldListFilter))
    list_select_related = ("photo", "by")
    ordering = ("-made_at",)
    fields = (
        "photo", "kind", "automatic", "by", "reason", "made_at", "before", "after", "takedown",
        "taken_back_at", "taken_back_by", "taken_back_because",
    )  # fmt: skip
    change_form_template = "admin/gallery/decision/change_form.html"

    def get_urls(self) -> list:
        take_back = self.admin_site.admin_view(require_POST(self.take_back))
        return [path("<int:pk>/take-back/", take_back, name="gallery_decision_take_back"), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None):
        decision = get_object_or_404(Decision, pk=object_id)
        may = _may_take_back(request, decision) and decision.taken_back_at is None
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "may_take_back": may})

    def take_back(self, request: HttpRequest, pk: int) -> HttpResponse:
        decision = get_object_or_404(Decision.objects.select_related("photo", "takedown"), pk=pk)
        if not _may_take_back(request, decision):
            raise PermissionDenied

        def act(who: User, reason: str) -> str:
            reports.take_back(decision=decision, by=who, reason=reason)
            _log(who, decision.photo, f"Taken back: {decision.get_kind_display()}. {reason}")
            return f"“{decision.photo}”: taken back; its reports are open again."

        return _carry_out(request, act)


def _may_take_back(request: HttpRequest, decision: Decision) -> bool:
    asked = ["gallery.change_report"]
    asked += ["gallery.change_takedown"] if decision.kind == Decision.Kind.REMOVE else []
    return request.user.has_perms(asked)


def _may(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _kinds(request: HttpRequest) -> list[tuple[str, str]]:
    """The decisions that whoever looks may make."""
    if not request.user.has_perm("gallery.change_report"):
        return []
    removes = request.user.has_perm("gallery.change_takedown")
    return [(value, label) for value, label in Decision.Kind.choices if removes or value != Decision.Kind.REMOVE]


def _carry_out(request: HttpRequest, act: Callable[[User, str], str]) -> HttpResponse:
    """Do what was asked with its reason, and go back to the queue with a sentence."""
    reason = request.POST.get("reason", "").strip()
    if not reason or "\x00" in reason:
        return _refused(request, "Say why: whoever reported it is told.")
    if len(reason) > REASON:
        return _refused(request, f"Say it in at most {REASON} characters.")
    try:
        messages.success(request, f"{act(cast(User, request.user), reason)} Pages follow within half a minute.")
    except (reports.ReportError, removals.TakedownError) as error:
        messages.error(request, str(error))
    return _back(request)


def _refused(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """The part of the queue that the form was on."""
    way = request.POST.get("way", "")
    query = f"?way={way}" if way in moderation.WAYS and way != "open" else ""
    return HttpResponseRedirect(reverse("admin:gallery_report_changelist") + query)


def _log(who: User, photo: Photo, sentence: str) -> None:
    """The photograph's own history in the admin tells it as well."""
    LogEntry.objects.log_actions(who.pk, [photo], CHANGE, sentence, single_object=True)
