"""Reporting a photograph: a form for anybody, without an account, and what became of a report."""

from math import ceil

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.middleware import visitor_of
from gallery import moderation, reports
from gallery.collect import removals
from gallery.forms import ReportForm
from gallery.models import Photo, Report
from gallery.views.parts import Request, for_its_holder, opens_sensitive, private, whose

TOO_MANY = "Many reports came from you today: send the next one later."


@require_http_methods(["GET", "HEAD", "POST"])
def report(request: Request, pk: int) -> HttpResponse:
    photo = get_object_or_404(Photo.objects.on_show().with_renditions(), pk=pk)
    if request.method != "POST":
        return _form(request, photo, ReportForm())
    form = ReportForm(request.POST)
    if not form.is_valid():
        return _form(request, photo, form, form.sentence, status=422)
    if form.cleaned_data["reason"] in ReportForm.TAKEDOWNS:
        return _take_down(request, photo, form)
    reporter = reports.Reporter(visitor_of(request), whose(request))
    kept = reports.already(photo=photo, visitor=reporter.visitor, reason=form.cleaned_data["reason"])
    if kept is None:
        if wait := reports.may_report(reporter):
            return _later(request, photo, form, wait)
        said = form.cleaned_data
        kept = reports.report(photo=photo, reporter=reporter, reason=said["reason"], note=said["note"])
    return redirect("report_status", kept.receipt)


def _take_down(request: Request, photo: Photo, form: ReportForm) -> HttpResponse:
    """Theirs, or somebody's copyright: the request that /takedown/ would make, without a second form."""
    if wait := removals.may_ask(whose(request)):
        return _later(request, photo, form, wait)
    said = form.cleaned_data
    reason = f"{ReportForm.TAKEDOWNS[said['reason']]} {said['note']}".strip()
    return redirect("takedown_status", removals.ask(photo=photo, reason=reason).receipt)


def _later(request: Request, photo: Photo, form: ReportForm, wait: float) -> HttpResponse:
    response = _form(request, photo, form, TOO_MANY, status=429)
    response["Retry-After"] = str(ceil(wait))
    return response


def _form(request: Request, photo: Photo, form: ReportForm, wrong: str = "", status: int = 200) -> HttpResponse:
    shown = not photo.sensitive or opens_sensitive(request)
    context = {"photo": photo, "shown": shown, "form": form, "wrong": wrong}
    return private(render(request, "report.html", context, status=status))


@require_safe
def report_status(request: HttpRequest, receipt: str) -> HttpResponse:
    """What became of a report, for whoever holds its receipt; the address is not to be found by anybody else."""
    kept = get_object_or_404(Report.objects.select_related("photo", "decision"), receipt=receipt)
    context = {"report": kept, "told": moderation.told(kept), "address": request.build_absolute_uri()}
    return for_its_holder(render(request, "report_status.html", context))
