"""Side by side: a network and the one that ranked when the gate judged it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from ml import collection, interface, tasks, verdicts
from ml.admin import reliability
from ml.models import Comparison, Network
from ml.moods import MOODS

CHANGE = "ml.change_network"
SHADES = 10  # of a confusion matrix's cells
SIDES = ("candidate", "active")
# Figures in the order of the table: part, key, name, key of the interval, whether less is better.
FIGURES = (
    ("aesthetic", "spearman", "Beauty: Spearman's rho", "spearman_interval", False),
    ("aesthetic", "pearson", "Beauty: Pearson's r", None, False),
    ("aesthetic", "mse", "Beauty: mean squared error", None, True),
    ("moods", "accuracy", "Moods: accuracy", "accuracy_interval", False),
    ("moods", "balanced_accuracy", "Moods: balanced accuracy", "balanced_accuracy_interval", False),
    ("moods", "log_loss", "Moods: log loss", "log_loss_interval", True),
)
PARTS = {"aesthetic": "Beauty, in Spearman's rho", "moods": "Moods, in share of log loss"}


def page(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest comparison of a network, or one that is named (?of=ID)."""
    if not request.user.has_perm("ml.view_network"):
        raise PermissionDenied
    network = get_object_or_404(Network, pk=pk)
    found = _chosen(request, network)
    more = {
        "title": f"{network.name} beside the network that ranks",
        "opts": Network._meta,
        "network": network,
        "comparison": found,
        "older": network.comparisons.select_related("against").order_by("-pk")[:20],
        "alarms": interface.alarms(),
        "comparable": network.state != Network.State.ACTIVE,
        **promotion_context(request, network),
        **(_context(found) if found else {}),
    }
    return render(request, "admin/ml/network/compare.html", {**admin.site.each_context(request), **more})


@require_POST
def judge(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the gate anew; a worker does it."""
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    network = get_object_or_404(Network, pk=pk)
    if network.state == Network.State.ACTIVE:
        messages.warning(request, f"{network.name} ranks the site: there is nothing to compare it with.")
    else:
        tasks.judge.delay_on_commit(network.pk)
        messages.info(request, f"{network.name} is being compared. Look again in a minute.")
    return HttpResponseRedirect(reverse("admin:ml_network_compare", args=[pk]))


def promotion_context(request: HttpRequest, network: Network) -> dict[str, Any]:
    """Whether this admin may promote the network, and why it would need force ("" where it does not)."""
    promotable = network.state in (Network.State.CANDIDATE, Network.State.RETIRED)
    may = promotable and request.user.has_perm(CHANGE)
    return {"may_promote": may, "may_judge": request.user.has_perm(CHANGE), "why_not": verdicts.why_not(network)}


def _chosen(request: HttpRequest, network: Network) -> Comparison | None:
    wanted = request.GET.get("of", "")
    if wanted.isdecimal():
        rows = Comparison.objects.select_related("candidate", "against")
        return get_object_or_404(rows, pk=int(wanted), candidate=network)
    return verdicts.latest(network.pk)


def _context(found: Comparison) -> dict[str, Any]:
    figures = found.figures
    sides = [figures.get(side, {}) for side in SIDES]
    return {
        "rows": _rows(sides),
        "gains": _gains(figures),
        "margin": figures.get("margin"),
        "groups": figures.get("groups"),
        "sides": [_side(network, side) for network, side in zip((found.candidate, found.against), sides, strict=True)],
        "moods": MOODS,
        "disagreements": _pictured(found.disagreements),
    }


def _rows(sides: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Figures that both have, each with its intervals and which one is better."""
    found = []
    for part, key, name, interval, less in FIGURES:
        values = [side.get(part, {}).get(key) for side in sides]
        if None in values:
            continue
        spans = [side[part].get(interval) if interval else None for side in sides]
        cells = [_cell(value, span) for value, span in zip(values, spans, strict=True)]
        if values[0] != values[1]:
            cells[0 if (values[0] < values[1]) == less else 1]["better"] = True
        found.append({"name": name, "n": sides[0][part]["n"], "cells": cells, "less": less})
    calibrated = [side.get("moods", {}).get("calibration", {}).get("ece") for side in sides]
    if None not in calibrated:
        cells = [_cell(value, None) for value in calibrated]
        found.append({"name": "Moods: calibration error", "n": sides[0]["moods"]["n"], "cells": cells, "less": True})
    return found


def _cell(value: float, span: list[float | None] | None) -> dict[str, Any]:
    told = span if span and None not in span else None
    return {"value": f"{value:.3f}", "span": f"{told[0]:.3f} to {told[1]:.3f}" if told else ""}


def _gains(figures: dict[str, Any]) -> list[dict[str, str]]:
    """The gain of each part and of all, with intervals, as text."""
    named = [(PARTS[part], gain) for part, gain in figures.get("gains", {}).items()]
    if figures.get("gain"):
        named.append(("All, as the gate counts", figures["gain"]))
    return [
        {
            "name": name,
            "value": f"{gain['value']:+.3f}",
            "span": f"{gain['low']:+.3f} to {gain['high']:+.3f}",
            "least": f"{gain['least']:+.3f}",
        }
        for name, gain in named
    ]


def _side(network: Network, figures: dict[str, Any]) -> dict[str, Any]:
    """One network's matrix, plot and curves."""
    moods = figures.get("moods", {})
    run = getattr(network, "run", None)
    return {
        "network": network,
        "confusion": _matrix(moods["confusion"]) if moods else None,
        "reliability": reliability.plot(moods["calibration"]) if moods else None,
        "run": run if run is not None and run.epochs else None,
    }


def _matrix(table: list[list[int]]) -> list[dict[str, Any]]:
    """Rows of a confusion matrix: the mood that people felt, counts with a shade of 0-10 by the share of the row."""
    return [
        {
            "mood": mood,
            "cells": [
                {"count": count, "shade": round(SHADES * count / max(sum(row), 1)), "right": mood == said}
                for said, count in zip(MOODS, row, strict=True)
            ],
        }
        for mood, row in zip(MOODS, table, strict=True)
    ]


def _pictured(disagreements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those photographs that are still there, each with a small picture and its page."""
    shown = collection.thumbnails([one["key"] for one in disagreements])
    return [
        {**one, "picture": shown[one["key"]][0], "page": shown[one["key"]][1]}
        for one in disagreements
        if one["key"] in shown
    ]
