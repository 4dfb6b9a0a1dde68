"""Requests to take photographs down: read them, decide with a reason, take a decision back."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from gallery.admin.readonly import ReadOnlyAdmin
from gallery.collect import removals
from gallery.models import Photo, Takedown

MOST = 24  # photographs shown of one request
REASON = 2000
DECISIONS: dict[str, tuple[Callable[..., None], str]] = {
    "grant": (removals.grant, "Granted: the photographs are removed."),
    "refuse": (removals.refuse, "Refused: the photographs are shown as before."),
    "reverse": (removals.reverse, "Taken back: the photographs are as they were before."),
}
OFFERED = {
    "open": {"grant": "Take down for good", "refuse": "Refuse, and show again"},
    "granted": {"reverse": "Take the decision back"},
    "refused": {"grant": "Take down after all"},
    "reversed": {"grant": "Take down after all"},
}


@admin.register(Takedown)
class TakedownAdmin(ReadOnlyAdmin):
    list_display = ("asked_at", "about", "photographs", "state", "decided_by", "decided_at")
    list_display_links = ("asked_at", "about")
    list_filter = ("state",)
    list_select_related = ("photo", "decided_by")
    search_fields = ("creator", "owner", "receipt")
    ordering = ("-asked_at",)
    fields = (
        "about", "photographs", "waiting", "reason", "email", "state", "decision", "decided_by", "decided_at",
        "asked_at",
    )  # fmt: skip
    change_form_template = "admin/gallery/takedown/change_form.html"

    def get_urls(self) -> list:
        decide = self.admin_site.admin_view(self.decide)
        return [path("<int:pk>/decide/", decide, name="gallery_takedown_decide"), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None):
        takedown = get_object_or_404(Takedown, pk=object_id)
        ids = [pk for pk, _ in takedown.hidden] or [takedown.photo_id]
        photos = Photo.objects.filter(pk__in=ids).with_renditions().order_by("pk")[:MOST]
        may = request.user.has_perm("gallery.change_takedown")
        more = {
            "photos": photos,
            "further": max(0, len(ids) - MOST),
            "offered": OFFERED[takedown.state].items() if may else (),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    @admin.display(description="about")
    def about(self, takedown: Takedown) -> str:
        if takedown.photo is not None:
            return f"photograph {takedown.photo_id}: {takedown.photo}"
        where = takedown.source or "anywhere"
        return f"all by {takedown.creator or takedown.owner} ({where})"

    @admin.display(description="photographs")
    def photographs(self, takedown: Takedown) -> int:
        return len(takedown.hidden)

    @admin.display(description="not hidden before the decision")
    def waiting(self, takedown: Takedown) -> int:
        return removals.waits(takedown)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        return _decide(request, pk, self)


@require_POST
def _decide(request: HttpRequest, pk: int, room: TakedownAdmin) -> HttpResponse:
    if not request.user.has_perm("gallery.change_takedown"):
        raise PermissionDenied
    takedown = get_object_or_404(Takedown, pk=pk)
    verdict, reason = request.POST.get("verdict", ""), request.POST.get("decision", "").strip()
    wrong = _wrong(verdict, reason)
    if wrong:
        messages.error(request, wrong)
    else:
        act, said = DECISIONS[verdict]
        try:
            act(takedown, by=request.user, decision=reason)
            room.log_change(request, takedown, f"{said} {reason}")
            messages.success(request, f"{said} Pages follow within half a minute.")
        except removals.TakedownError as error:
            messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:gallery_takedown_change", args=[pk]))


def _wrong(verdict: str, reason: str) -> str:
    """What keeps a decision from being made, in one sentence; "" if nothing does."""
    if verdict not in DECISIONS:
        return "Choose one of the buttons."
    if not reason or "\x00" in reason:
        return "Say why: whoever asked is told."
    return "" if len(reason) <= REASON else f"Say it in at most {REASON} characters."
