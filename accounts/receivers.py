"""What happens at signing in, at signing out, and when an export goes."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts import actions, exports, merging
from accounts.middleware import MEMBER, forget_cookie
from accounts.models import Export


@receiver(user_logged_in)
def arrive(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """Bring along what they did before, take back a wish to leave, and say both."""
    anonymous_id = getattr(request, "visitor_id", None)
    member, count = merging.bring_along(user=user, anonymous_id=anonymous_id)
    request.session[MEMBER] = str(member.pk)
    request.visitor_id, request._visitor = member.pk, (member.pk, member)
    if count:
        _say(request, f"{count} rating{'' if count == 1 else 's'} came along.")
    if actions.stay(user=user):
        _say(request, "Your account stays: the wish to delete it is taken back.")


@receiver(user_logged_out)
def go(sender: Any, request: Any, **kwargs: Any) -> None:
    """The browser gets a new anonymous visitor with the next thing worth keeping."""
    forget_cookie(request)


def _say(request: Any, sentence: str) -> None:
    if hasattr(request, "_messages"):  # a request of a test's force_login has none
        messages.success(request, sentence)


@receiver(post_delete, sender=Export)
def delete_file(sender: Any, instance: Export, **kwargs: Any) -> None:
    """A file goes with its row, also when its visitor goes."""
    if instance.file:
        transaction.on_commit(lambda: exports.store().delete(instance.file))
