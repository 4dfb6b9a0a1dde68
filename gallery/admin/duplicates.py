"""Near-duplicates in the admin: look at the clusters, say which are none, hide all but one."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from gallery.admin.readonly import ReadOnlyAdmin
from gallery.collect import duplicates
from gallery.models import NotDuplicate, Photo

A_PAGE = 20  # clusters
MOST = 24  # photographs of one cluster on the page
VISIBLE = (Photo.Status.NEW, Photo.Status.SHOWN, Photo.Status.HELD)


@dataclass(frozen=True)
class Cluster:
    """Near-duplicates side by side, at most MOST of them."""

    count: int
    photos: list[Photo]

    @property
    def further(self) -> int:
        return self.count - len(self.photos)


def clusters(number: str | int | None) -> tuple[Page, list[Cluster]]:
    """One page of the clusters of which more than one is visible, the newest first (four queries)."""
    rows = Photo.objects.filter(cluster__isnull=False, status__in=VISIBLE).order_by()
    counted = rows.values("cluster").annotate(count=Count("pk")).filter(count__gt=1).order_by("-cluster")
    page = Paginator(counted, A_PAGE).get_page(number)
    found = {row["cluster"]: Cluster(row["count"], []) for row in page}
    place = Window(RowNumber(), partition_by="cluster", order_by="pk")
    for photo in rows.filter(cluster__in=found).annotate(place=place).filter(place__lte=MOST).with_renditions():
        found[photo.cluster].photos.append(photo)
    return page, list(found.values())


@admin.register(NotDuplicate)
class NotDuplicateAdmin(ReadOnlyAdmin):
    """Pairs that a person called different; to delete one takes that back."""

    list_display = ("first", "second", "decided_by", "decided_at")
    list_select_related = ("first", "second", "decided_by")
    change_list_template = "admin/gallery/notduplicate/change_list.html"

    def get_urls(self) -> list:
        own = [
            path("clusters/", self.admin_site.admin_view(self.clusters_view), name="gallery_clusters"),
            path("<int:pk>/different/", self.admin_site.admin_view(self.different), name="gallery_different"),
            path("<int:pk>/only/", self.admin_site.admin_view(self.only), name="gallery_only"),
        ]
        return own + super().get_urls()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def delete_model(self, request: HttpRequest, obj: NotDuplicate) -> None:
        pair = [obj.first_id, obj.second_id]
        super().delete_model(request, obj)
        duplicates.cluster_new(pair)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[NotDuplicate]) -> None:
        ids = {pk for pair in queryset.values_list("first_id", "second_id") for pk in pair}
        super().delete_queryset(request, queryset)
        duplicates.cluster_new(sorted(ids))

    def clusters_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("gallery.view_photo"):
            raise PermissionDenied
        page, found = clusters(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Near-duplicates",
            "opts": self.opts,
            "page": page,
            "clusters": found,
            "may_change": request.user.has_perm("gallery.change_photo"),
        }
        return render(request, "admin/gallery/notduplicate/clusters.html", context)

    def different(self, request: HttpRequest, pk: int) -> HttpResponse:
        return _different(request, pk)

    def only(self, request: HttpRequest, pk: int) -> HttpResponse:
        return _only(request, pk, self)


@require_POST
def _different(request: HttpRequest, pk: int) -> HttpResponse:
    photo = _asked(request, pk)
    count = duplicates.not_duplicate(photo, by=request.user if request.user.is_authenticated else None)
    messages.success(request, f"“{photo}” is kept apart from {count} other{'s' if count != 1 else ''}.")
    return _back(request)


@require_POST
def _only(request: HttpRequest, pk: int, room: NotDuplicateAdmin) -> HttpResponse:
    photo = _asked(request, pk)
    others = (
        list(Photo.objects.filter(cluster=photo.cluster, status__in=VISIBLE).exclude(pk=pk)) if photo.cluster else []
    )
    Photo.objects.filter(pk__in=[other.pk for other in others], status__in=VISIBLE).update(status=Photo.Status.HIDDEN)
    for other in others:
        room.log_change(request, other, f"Hidden as a near-duplicate of photograph {pk}.")
    messages.success(request, f"{len(others)} hidden; “{photo}” stays.")
    return _back(request)


def _asked(request: HttpRequest, pk: int) -> Photo:
    if not request.user.has_perm("gallery.change_photo"):
        raise PermissionDenied
    return get_object_or_404(Photo, pk=pk)


def _back(request: HttpRequest) -> HttpResponse:
    number = request.POST.get("page", "")
    query = f"?page={number}" if number.isascii() and number.isdecimal() else ""
    return HttpResponseRedirect(reverse("admin:gallery_clusters") + query)
