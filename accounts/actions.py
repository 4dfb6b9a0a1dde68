"""Verbs that write: settings, leaving, forgetting. One transaction each."""

import uuid
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils import timezone

from accounts import registry
from accounts.models import User, Visitor

GRACE = timedelta(days=14)  # between asking to be deleted and being gone


class MayNotLeave(Exception):
    """An account that cannot delete itself; the message is one sentence."""


def keep_settings(*, visitor: Visitor, chosen: dict[str, Any]) -> None:
    """Keep what the settings page sent; `chosen` holds fields of Visitor."""
    for name, value in chosen.items():
        setattr(visitor, name, value)
    visitor.save(update_fields=list(chosen))


@transaction.atomic
def forget_taste(*, visitor: Visitor) -> None:
    """Everything they said and were shown is gone, and what was learnt from it. Settings stay."""
    for erase in registry.erasers:
        erase(visitor)


@transaction.atomic
def forget_visitor(*, visitor: Visitor) -> None:
    """Nothing is known of this visitor any more."""
    forget_taste(visitor=visitor)
    visitor.delete()


def ask_to_leave(*, user: User) -> None:
    """Begin the days after which the account is deleted. Raises MayNotLeave for staff."""
    if user.is_staff:
        raise MayNotLeave("This account runs the site: another administrator must first take that right from it.")
    user.leaves_at = timezone.now() + GRACE
    user.save(update_fields=["leaves_at"])


def stay(*, user: User) -> bool:
    """Take the wish to be deleted back; whether there was one."""
    return bool(User.objects.filter(pk=user.pk, leaves_at__isnull=False).update(leaves_at=None))


def delete_those_who_left() -> int:
    """Delete every account whose days are over; how many. Each in a transaction of its own."""
    due = User.objects.filter(leaves_at__lte=timezone.now(), is_staff=False).values_list("pk", flat=True)
    return sum(_delete(pk) for pk in list(due))


@transaction.atomic
def _delete(pk: int) -> bool:
    """Delete one account, unless it was taken back a moment ago."""
    user = User.objects.select_for_update(skip_locked=True).filter(pk=pk, leaves_at__lte=timezone.now()).first()
    if user is None:
        return False
    for visitor in Visitor.objects.filter(user=user):
        forget_visitor(visitor=visitor)
    if LogEntry.objects.filter(user=user).exists():
        _unname(user)
        return True
    try:
        with transaction.atomic():
            user.delete()
    except (ProtectedError, RestrictedError):
        _unname(user)
    return True


def _unname(user: User) -> None:
    """Whoever once decided things here stays as a number, so that what was done still has somebody who did it."""
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    user.username, user.email, user.first_name, user.last_name = f"gone-{uuid.uuid4().hex[:12]}", "", "", ""
    user.is_active, user.is_superuser, user.leaves_at = False, False, None
    user.set_unusable_password()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
