"""Crawls in the admin: begin one, follow it, pause, resume or cancel it, and try again what failed."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from gallery.collect import claims
from gallery.collect.progress import progress
from gallery.collect.sources.base import SourceError
from gallery.collect.sources.registry import open_source, source_names
from gallery.models import Crawl
from gallery.moods import MOODS

FIRST = datetime(2005, 1, 1, tzinfo=UTC)  # Flickr's first whole year
LIVE = 5  # seconds
SOURCES = {"flickr": "Flickr", "openverse": "Openverse", "dataset": "Imported data sets: bytes that are missing"}
LOCAL = ("folder",)  # reads this machine's files: only by its command line


def _sources() -> list[tuple[str, str]]:
    """Names and titles of the sources, those that a site begins with first."""
    names = [name for name in source_names() if name not in LOCAL]
    known = [name for name in SOURCES if name in names]
    return [(name, SOURCES.get(name, name)) for name in (*known, *sorted(set(names) - set(known)))]


class CrawlForm(forms.ModelForm):
    """A new crawl. A source that cannot be used (no key) is told here, not in a log."""

    source = forms.ChoiceField(choices=_sources)
    moods = forms.MultipleChoiceField(
        choices=[(mood.slug, mood.name) for mood in MOODS.values()],
        widget=forms.CheckboxSelectMultiple,
        initial=list(MOODS),
    )
    limit = forms.IntegerField(required=False, min_value=1, help_text="Photographs in all; empty: all there are.")

    class Meta:
        model = Crawl
        fields = ("source", "moods", "since", "limit")

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("source"):
            try:
                self.opened = open_source(said["source"], {})
            except SourceError as error:
                raise forms.ValidationError(str(error)) from error
        if said.get("since") and said["since"] >= timezone.now():
            raise forms.ValidationError("Since must be in the past.")
        return said


@admin.register(Crawl)
class CrawlAdmin(admin.ModelAdmin):
    list_display = ("__str__", "moods", "since", "limit", "state", "message", "asked_by", "asked_at")
    list_filter = ("state", "source")
    list_select_related = ("asked_by",)
    ordering = ("-asked_at",)
    actions = ("pause", "resume", "cancel", "retry")
    form = CrawlForm

    def get_fields(self, request: HttpRequest, obj: Crawl | None = None) -> tuple[str, ...]:
        if obj is None:
            return CrawlForm.Meta.fields
        return ("source", "moods", "since", "limit", "state", "message", "counts", "asked_by", "asked_at", "ended_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Crawl | None = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"since": FIRST}

    def has_delete_permission(self, request: HttpRequest, obj: Crawl | None = None) -> bool:
        return False  # its candidates say what must not be fetched twice

    def save_model(self, request: HttpRequest, obj: Crawl, form: CrawlForm, change: bool) -> None:
        if not change:
            obj.asked_by = request.user  # type: ignore[assignment]  # the admin lets nobody else in
            obj.until = timezone.now()
            claims.begin(obj, form.opened)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None):
        """The page of a running crawl comes anew every few seconds, by a header: so it is live without a script."""
        response = super().change_view(request, object_id, form_url, extra_context)
        crawl = getattr(response, "context_data", {}).get("original")
        if crawl is not None and crawl.state == Crawl.State.RUNNING:
            response["Refresh"] = str(LIVE)
        return response

    @admin.display(description="progress")
    def counts(self, crawl: Crawl) -> SafeString:
        return format_html_join("", "<div>{}</div>", ((line,) for line in progress(crawl).lines()))

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Crawl]) -> None:
        self._set(request, chosen.filter(state=Crawl.State.RUNNING), Crawl.State.PAUSED, "paused")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Crawl]) -> None:
        stopped = chosen.filter(state__in=(Crawl.State.PAUSED, Crawl.State.FAILED))
        self._set(request, stopped, Crawl.State.RUNNING, "resumed")

    @admin.action(description="Cancel for good", permissions=["change"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Crawl]) -> None:
        going = chosen.exclude(state__in=(Crawl.State.DONE, Crawl.State.CANCELLED))
        self._set(request, going, Crawl.State.CANCELLED, "cancelled")

    @admin.action(description="Try again what failed", permissions=["change"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Crawl]) -> None:
        count = sum(claims.retry_failed(crawl) for crawl in chosen)
        self.message_user(request, f"{count} tried again.", messages.SUCCESS if count else messages.WARNING)

    def _set(self, request: HttpRequest, rows: QuerySet[Crawl], state: str, what: str) -> None:
        ended = timezone.now() if state == Crawl.State.CANCELLED else None
        count = rows.update(state=state, ended_at=ended)
        self.message_user(request, f"{count} {what}.", messages.SUCCESS if count else messages.WARNING)
