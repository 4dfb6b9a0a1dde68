"""What every template knows of whoever looks."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.middleware import MEMBER, known
from accounts.models import Visitor


class Looks:
    """Somebody's settings as the page's root wears them; the defaults for a stranger."""

    def __init__(self, request: HttpRequest) -> None:
        visitor = known(request) or Visitor()
        self.theme = visitor.theme if visitor.theme != Visitor.Theme.AUTO else ""
        self.less_motion = visitor.less_motion
        self.keys_off = visitor.keys_off
        self.hidden_moods = visitor.hidden_moods
        session = getattr(request, "session", None)
        self.is_member = session is not None and MEMBER in session


def looks(request: HttpRequest) -> dict[str, Any]:
    """`looks`: read from the database when a template first asks, and not for strangers."""
    return {"looks": SimpleLazyObject(lambda: Looks(request))}
