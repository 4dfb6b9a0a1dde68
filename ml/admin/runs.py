"""Training runs in the admin: begin one, watch it, cancel and resume it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from ml import curves, options, runs
from ml.admin.queue import queue_state
from ml.admin.readonly import ReadOnlyAdmin, lines
from ml.forms import RunForm
from ml.models import TrainingRun

STOP_POLLING = 286  # htmx asks no more after an answer of this status
ADD, CHANGE = "ml.add_trainingrun", "ml.change_trainingrun"


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "recipe", "message", "network", "asked_by", "asked_at", "ended_at")
    list_filter = ("state", "recipe")
    list_select_related = ("network", "asked_by")
    ordering = ("-asked_at",)
    fields = (
        *("recipe", "options", "selection", "seed", "forced", "data_hash", "asked_by", "asked_at"),
        *("started_at", "ended_at", "attempts", "worker", "network"),
    )
    change_form_template = "admin/ml/trainingrun/change_form.html"
    change_list_template = "admin/ml/trainingrun/change_list.html"

    def get_urls(self) -> list:
        guard = self.admin_site.admin_view
        own = [
            path("start/", guard(self.start), name="ml_trainingrun_start"),
            path("recipe/", guard(self.recipe), name="ml_trainingrun_recipe"),
            path("queue/", guard(self.queue), name="ml_trainingrun_queue"),
            path("<int:pk>/progress/", guard(self.progress), name="ml_trainingrun_progress"),
            path("<int:pk>/curves.svg", guard(self.curves), name="ml_trainingrun_curves"),
            path("<int:pk>/cancel/", guard(self.cancel), name="ml_trainingrun_cancel"),
            path("<int:pk>/resume/", guard(self.resume), name="ml_trainingrun_resume"),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        more = {**queue_state(), "may_start": request.user.has_perm(ADD)}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None):
        more = _progress(request, _run(object_id))
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def start(self, request: HttpRequest) -> HttpResponse:
        """The form of a new run; what a press of its button makes of it."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        form = RunForm(request.POST) if request.method == "POST" else RunForm(initial=_initial(request))
        if request.method == "POST" and form.is_valid():
            try:
                run_id = runs.start(asked_by=request.user, **form.facts())
                return HttpResponseRedirect(reverse("admin:ml_trainingrun_change", args=[run_id]))
            except runs.AlreadyTraining as error:
                form.add_error("recipe", str(error))
        recipe = form["recipe"].value() or options.STARTER
        more = {"form": form, "title": "Begin a training", "opts": self.opts, **_of_recipe(recipe)}
        return render(request, "admin/ml/trainingrun/start.html", {**self.admin_site.each_context(request), **more})

    def recipe(self, request: HttpRequest) -> HttpResponse:
        """The part of the form that tells of a recipe's settings; without htmx, the whole form with them."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        if not request.headers.get("HX-Request"):
            return self.start(request)
        recipe = str(request.GET.get("recipe", ""))
        return render(request, "admin/ml/trainingrun/_recipe.html", _of_recipe(recipe))

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that htmx asks for anew while the run goes on; its last answer ends that."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        more = _progress(request, _run(pk))
        status = 200 if more["going"] else STOP_POLLING
        return render(request, "admin/ml/trainingrun/_progress.html", more, status=status)

    def queue(self, request: HttpRequest) -> HttpResponse:
        """The state of the queue, for htmx."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return render(request, "admin/ml/trainingrun/_queue.html", queue_state())

    def curves(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Loss and validation by epoch, as a picture."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        response = HttpResponse(curves.draw(_run(pk).epochs), content_type="image/svg+xml")
        # The picture's own sheet, in a document that can load and run nothing.
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        return response

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        return _cancel(request, pk)

    def resume(self, request: HttpRequest, pk: int) -> HttpResponse:
        return _resume(request, pk)


def _run(pk: Any) -> TrainingRun:
    return get_object_or_404(TrainingRun.objects.select_related("network"), pk=pk)


def _initial(request: HttpRequest) -> dict[str, Any]:
    """What the form begins with: the recipe asked for, and settings without which it could not be taught here."""
    recipe = str(request.GET.get("recipe", options.STARTER))
    known = recipe in options.recipes()
    return {
        "recipe": recipe if known else options.STARTER,
        "options": "\n".join(options.suggested(recipe) if known else []),
    }


def _of_recipe(recipe: str) -> dict[str, Any]:
    """The settings of a recipe, and whether one of its runs is under way; nothing for one that does not exist."""
    if recipe not in options.recipes():
        return {"recipe": recipe, "defaults": {}}
    busy = TrainingRun.objects.filter(recipe=recipe, state__in=runs.GOING).first()
    return {
        "recipe": recipe,
        "defaults": {name: _word(value) for name, value in options.defaults(recipe).items()},
        "suggested": options.suggested(recipe),
        "busy": busy,
    }


def _word(value: Any) -> str:
    """A setting's value as it is written after its name."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _progress(request: HttpRequest, run: TrainingRun) -> dict[str, Any]:
    going = run.state in runs.GOING
    may = request.user.has_perm(CHANGE)
    return {
        "run": run,
        "going": going,
        "figures": lines(run.metrics),
        "left": _duration(run.seconds_left) if run.state == TrainingRun.State.RUNNING else "",
        "last_epochs": run.epochs[-5:],
        "may_cancel": may and going,
        "may_resume": may and run.state in runs.RESUMABLE,
    }


def _duration(seconds: int | None) -> str:
    """A time to wait as people say it."""
    if seconds is None:
        return ""
    for size, name in ((3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"about {count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


@require_POST
def _cancel(request: HttpRequest, pk: int) -> HttpResponse:
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    if not runs.cancel(_run(pk).pk):
        messages.warning(request, "This run has ended already.")
    return HttpResponseRedirect(reverse("admin:ml_trainingrun_change", args=[pk]))


@require_POST
def _resume(request: HttpRequest, pk: int) -> HttpResponse:
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    try:
        if not runs.resume(_run(pk).pk):
            messages.warning(request, "Only a run that failed or was cancelled can be resumed.")
    except runs.AlreadyTraining as error:
        messages.warning(request, str(error))
    return HttpResponseRedirect(reverse("admin:ml_trainingrun_change", args=[pk]))
