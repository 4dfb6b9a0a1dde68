"""The operator's pointer to help, at the foot of the pages of some moods."""

from typing import Any

from django import template
from django.conf import settings

from gallery.moods import Mood

register = template.Library()


@register.inclusion_tag("_help_line.html")
def help_line(*moods: Mood | None) -> dict[str, Any]:
    """The line, where the operator set one and any of the moods carries it; nothing otherwise."""
    wanted = any(mood is not None and mood.help_line for mood in moods)
    return {"text": settings.HELP_TEXT if wanted else "", "url": settings.HELP_URL}
