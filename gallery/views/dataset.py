"""The data set's page: the newest verification, as a person reads it and as a program does."""

import csv
import io

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from gallery.dataset import flat, published, verify
from gallery.models import DatasetVersion, Verification

NONE_YET = "No verification of the data set has been made yet."
AN_HOUR = 3600


def newest() -> Verification | None:
    return Verification.objects.order_by("-pk").first()


@require_safe
def dataset(request: HttpRequest) -> HttpResponse:
    verification = newest()
    if verification is None:
        return render(request, "dataset_empty.html")
    context = {
        "verification": verification,
        "report": verification.report,
        "versions": DatasetVersion.objects.order_by("-pk")[:10],
        "citation": published.CITATION,
        "classifier": published.CLASSIFIER,
    }
    return render(request, "dataset.html", context)


@require_safe
@cache_control(public=True, max_age=AN_HOUR)
def verification_json(request: HttpRequest) -> HttpResponse:
    verification = newest()
    if verification is None:
        problem = {"title": NONE_YET, "status": 404}
        return JsonResponse(problem, status=404, content_type="application/problem+json")
    return JsonResponse(verify.document(verification), json_dumps_params={"ensure_ascii": False})


@require_safe
@cache_control(public=True, max_age=AN_HOUR)
def tables_csv(request: HttpRequest) -> HttpResponse:
    verification = newest()
    if verification is None:
        return HttpResponse(f"{NONE_YET}\n", status=404, content_type="text/plain; charset=utf-8")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(flat.HEADER)
    writer.writerows(flat.rows(verification.report))
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="evoke-dataset-tables.csv"'
    return response
