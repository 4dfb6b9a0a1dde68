"""How accounts' forms are put on a page."""

import json
from typing import Any

from django import template
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.forms import BoundField

register = template.Library()
LABELS = {
    "Email": "E-mail address",
    "Password (again)": "Password, again",
    "New Password": "New password",
    "New Password (again)": "New password, again",
    "Current Password": "Present password",
    "Authenticator code": "Code of the app",
    "Passwordless": "Sign in with it alone, without a password",
    "Name": "Its name",
}
HELP = {
    "password1": "Eight characters or more that nobody guesses; a few words do well.",
    "passwordless": "Asks for your finger, face or the device’s own number each time.",
}


@register.filter
def plainly(field: BoundField) -> str:
    """A field without the grey words inside it: its label says what it is for."""
    return field.as_widget(attrs={"placeholder": False})


@register.filter
def label(field: BoundField) -> str:
    """Its name in the site's words."""
    return LABELS.get(str(field.label), str(field.label))


@register.filter
def about(field: BoundField) -> str:
    """What to know before filling it in."""
    return HELP.get(field.name, "")


@register.filter
def as_json(value: Any) -> str:
    """A value for a data attribute; escaped like any text."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.simple_tag
def mail_is_kept_here() -> bool:
    """Whether mail is written to files instead of being sent, because the operator set no EMAIL_URL."""
    return not settings.SENDS_MAIL
