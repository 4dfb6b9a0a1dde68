"""What accounts itself knows of a visitor, for their export."""

from collections.abc import Iterator

from allauth.mfa.models import Authenticator

from accounts.models import Visitor
from accounts.registry import Exporter, Row, register_exporter


def account_rows(visitor: Visitor) -> Iterator[Row]:
    """One row: settings, and the account where there is one."""
    user = visitor.user
    yield {
        "visitor": str(visitor.pk),
        "since": visitor.created_at,
        "email": user.email if user else "",
        "joined": user.date_joined if user else None,
        "last_sign_in": user.last_login if user else None,
        "second_factors": [a.type for a in Authenticator.objects.filter(user=user)] if user else [],
        "shows_opt_in_moods": visitor.shows_opt_in_moods,
        "hidden_moods": visitor.hidden_moods,
        "shows_sensitive": visitor.shows_sensitive,
        "theme": visitor.theme,
        "less_motion": visitor.less_motion,
        "keys_off": visitor.keys_off,
    }


def register() -> None:
    """Tell the registry; called once at the start."""
    about = "Who you are here, and your settings."
    columns = {
        "visitor": "the random number by which your answers find you",
        "since": "when it was made",
        "email": "your address, if you have an account",
        "joined": "when you signed up",
        "last_sign_in": "when you last signed in",
        "second_factors": "kinds of second factors and passkeys; their secrets are never given out",
        "shows_opt_in_moods": "whether you agreed to see sad, fear and anger",
        "hidden_moods": "moods that you keep veiled",
        "shows_sensitive": "whether sensitive photographs open without asking",
        "theme": "light, dark, or as your device has it",
        "less_motion": "whether movement is reduced",
        "keys_off": "whether single keys do nothing",
    }
    register_exporter(Exporter("account", about, columns, account_rows))
