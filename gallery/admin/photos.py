"""Photographs in the admin: look, hide, mark as sensitive."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.models import User
from gallery.collect import removals
from gallery.models import Photo


@admin.register(Photo)
class PhotoAdmin(admin.ModelAdmin):
    list_display = ("thumbnail", "title", "creator", "licence_label", "status", "sensitive", "source", "added_at")
    list_display_links = ("thumbnail", "title")
    list_filter = ("status", "sensitive", "licence", "source", "mood_tag")
    search_fields = ("title", "creator", "sha256")
    list_per_page = 50
    actions = ("hide", "show", "take_down", "mark_sensitive", "mark_harmless")
    fields = (
        "thumbnail", "title", "alt", "creator", "creator_url", "licence", "licence_version", "licence_url",
        "source_url", "tags", "status", "removed_because", "removed_at", "sensitive", "source", "source_id", "sha256",
        "width", "height", "mood_tag", "cluster", "added_at", "checked_at",
    )  # fmt: skip
    readonly_fields = (
        "thumbnail", "removed_because", "removed_at", "source", "source_id", "sha256", "width", "height", "mood_tag",
        "cluster", "added_at", "checked_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Photo]:
        return super().get_queryset(request).prefetch_related("renditions")

    def get_readonly_fields(self, request: HttpRequest, obj: Photo | None = None) -> tuple[str, ...]:
        """What was taken down comes back by its request alone."""
        removed = obj is not None and obj.status == Photo.Status.REMOVED
        return (*self.readonly_fields, "status") if removed else self.readonly_fields

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "status":  # it is taken down by the action, which keeps who did it and when
            options["choices"] = [choice for choice in Photo.Status.choices if choice[0] != Photo.Status.REMOVED]
        return super().formfield_for_choice_field(db_field, request, **options)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # photographs come in through checks (gallery/collect), never by hand

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # hide or remove by status: a photograph is never lost

    @admin.display(description="")
    def thumbnail(self, photo: Photo) -> str:
        small = next((r for r in photo.renditions.all() if r.format == "webp"), None)
        if small is None:
            return "no rendition"
        return format_html('<img class="thumb" src="{}" alt="{}" loading="lazy">', small.file.url, photo.alt_text)

    @admin.action(description="Hide from every page", permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        _tell(request, queryset.exclude(status=Photo.Status.REMOVED).update(status=Photo.Status.HIDDEN), "hidden")

    @admin.action(description="Show again", permissions=["change"])
    def show(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        _tell(request, queryset.exclude(status=Photo.Status.REMOVED).update(status=Photo.Status.SHOWN), "shown")

    @admin.action(description="Take down for good", permissions=["change"])
    def take_down(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        photos = queryset.exclude(status=Photo.Status.REMOVED)
        count = removals.take_down(photos, by=cast(User, request.user), decision="Taken down by the site.")
        _tell(request, count, "taken down; each can be taken back under Takedowns")

    @admin.action(description="Mark as sensitive", permissions=["change"])
    def mark_sensitive(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        _tell(request, queryset.update(sensitive=True), "marked as sensitive")

    @admin.action(description="Mark as not sensitive", permissions=["change"])
    def mark_harmless(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        _tell(request, queryset.update(sensitive=False), "marked as not sensitive")


def _tell(request: HttpRequest, count: int, what: str) -> None:
    messages.success(
        request, f"{count} photograph{'s' if count != 1 else ''} {what}; pages follow within half a minute."
    )
