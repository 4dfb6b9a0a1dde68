"""What the admin pages of this room share: rows that only the site writes, and figures as lines."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the site itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def lines(figures: dict[str, Any]) -> str:
    """Nested figures as lines of "name: value", escaped."""
    rows: list[tuple[str, str]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows.extend((f"{name}, {inner}", _short(v)) for inner, v in value.items() if not isinstance(v, dict | list))
        elif not isinstance(value, list):
            rows.append((name, _short(value)))
    return format_html_join("", "{}: {}<br>", rows) or "none yet"


def _short(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
