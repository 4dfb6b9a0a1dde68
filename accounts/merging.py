"""What somebody did before they signed in comes along, once."""

import uuid
from typing import Any

from django.db import transaction

from accounts.models import User, Visitor
from accounts.signals import visitor_merged

SETTINGS = ("hidden_moods", "shows_sensitive", "theme", "less_motion", "keys_off")


@transaction.atomic
def bring_along(*, user: User, anonymous_id: uuid.UUID | None) -> tuple[Visitor, int]:
    """The member's visitor, and how many ratings of the anonymous one came along.

    The anonymous row is gone afterwards, so that a second call with its number brings nothing.
    """
    User.objects.select_for_update().get(pk=user.pk)  # two sign-ins at once: one after the other
    member, is_new = Visitor.objects.get_or_create(user=user)
    if anonymous_id is None:
        return member, 0
    anonymous = Visitor.objects.select_for_update().filter(pk=anonymous_id, user=None).first()
    if anonymous is None:
        return member, 0
    _agree(member, anonymous, is_new=is_new)
    told: list[Any] = visitor_merged.send(sender=Visitor, anonymous=anonymous, member=member)
    anonymous.exports.update(visitor=member)
    anonymous.delete()
    return member, sum(count or 0 for _, count in told)


def _agree(member: Visitor, anonymous: Visitor, *, is_new: bool) -> None:
    """A new member's settings are those they had; what an old member once agreed to stays as they said."""
    if not is_new:
        return
    member.shows_opt_in_moods = anonymous.shows_opt_in_moods
    for name in SETTINGS:
        setattr(member, name, getattr(anonymous, name))
    member.save()
