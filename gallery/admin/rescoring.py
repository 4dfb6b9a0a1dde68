"""A network's scoring of the collection in the admin: how far it is, pause and call off; and back to the last network.

A section of the network's own page (templatetags/rescoring.py puts it there); these are the addresses that it uses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from gallery.models import Score, ScoringFailure
from gallery.rank import pending, scoring, switching
from ml import interface

Network: Any = Score._meta.get_field("network").related_model  # ml is reached through its interface alone
Wrap = Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]
FEW = 5  # failures told in full; the rest behind a link
LONGEST = 300  # of a reason


@dataclass(frozen=True)
class Deed:
    """What a button does. carry_out(network id, actor, reason): whether it changed anything."""

    done: str
    too_late: str
    carry_out: Callable[[int, Any, str], object]
    needs_reason: bool = False


DEEDS = {
    "pause": Deed(
        "{} waits now; what it has scored is kept.", "{} is not scoring.", lambda pk, who, why: interface.pause(pk)
    ),
    "resume": Deed(
        "{} goes on with the collection.", "{} is not paused.", lambda pk, who, why: interface.pause(pk, paused=False)
    ),
    "call-off": Deed(
        "{} was called off; what it has scored is kept.",
        "{} is not on its way in any more.",
        lambda pk, who, why: interface.call_off(pk),
        needs_reason=True,
    ),
    "retry": Deed(
        "{} tries the failed photographs again.",
        "No photograph failed under {}.",
        lambda pk, who, why: scoring.retry_failed(pk),
    ),
    "switch-back": Deed(
        "{} ranks the site again.",
        "{} does not stand by any more.",
        lambda pk, who, why: switching.switch_back(pk, actor=who, reason=why),
        needs_reason=True,
    ),
}


def addresses(wrap: Wrap) -> list[URLPattern]:
    """Addresses for an admin to serve; wrap: its admin_view."""
    return [
        path("rescoring/<int:pk>/", wrap(watch), name="gallery_rescoring"),
        path("rescoring/<int:pk>/<slug:deed>/", wrap(act), name="gallery_rescoring_act"),
    ]


@require_safe
def watch(request: HttpRequest, pk: int) -> HttpResponse:
    """The part that htmx asks for anew; once there is nothing to watch the whole page is loaded again."""
    if not request.user.has_perm("ml.view_network"):
        raise PermissionDenied
    network = get_object_or_404(Network, pk=pk)
    facts = situation(network)
    response = render(request, "admin/ml/network/_rescoring_progress.html", {"network": network, **facts})
    if not facts["polls"]:
        response["HX-Refresh"] = "true"
    return response


@require_POST
def act(request: HttpRequest, pk: int, deed: str) -> HttpResponse:
    """Carry out what a button says, once; who did it and why is kept in the network's history."""
    if not request.user.has_perm("ml.change_network"):
        raise PermissionDenied
    network, asked, who = get_object_or_404(Network, pk=pk), DEEDS.get(deed), cast(User, request.user)
    if asked is None:
        raise Http404
    reason = request.POST.get("reason", "").strip()[:LONGEST]
    if asked.needs_reason and not reason:
        messages.error(request, "Say why: the reason is kept in the history.")
    elif asked.carry_out(network.pk, who, reason):
        said = asked.done.format(network.name)
        LogEntry.objects.log_actions(who.pk, [network], CHANGE, f"{said} {reason}".strip(), single_object=True)
        messages.success(request, said)
    else:
        messages.warning(request, asked.too_late.format(network.name))
    return HttpResponseRedirect(reverse("admin:ml_network_change", args=[pk]))


def situation(network: Any) -> dict[str, Any]:
    """What the section says of a network, by its state."""
    coming_in = network.state == network.State.INCOMING
    ready = interface.standby() if network.state == network.State.ACTIVE else None
    failures = ScoringFailure.objects.filter(network=network).select_related("photo").order_by("-failed_at")
    paused = coming_in and interface.incoming() is None
    return {
        "coming_in": coming_in,
        "paused": paused,
        "polls": coming_in and not paused,
        "progress": pending.progress(network.pk) if coming_in else None,
        "shortfall": pending.shortfall(network.pk) if coming_in else 0,
        "trouble": _trouble(network.pk) if coming_in else "",
        "failures": failures[:FEW],
        "failed": failures.count(),
        "back_to": network if network.state == network.State.STANDBY else ready,
    }


def _trouble(network_id: int) -> str:
    """Why it cannot score at all, or nothing."""
    try:
        interface.prior(network_id)
    except interface.NetworkFileError as error:
        return str(error)
    return ""
