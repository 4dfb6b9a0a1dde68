"""What accounts' own pages may be sent."""

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from django import forms

from accounts import registry
from accounts.models import Visitor


class LoginForm(AllauthLoginForm):
    """An address and a password. The field takes a name too, for accounts made at the terminal."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "E-mail address"
        login.widget.attrs |= {
            "autocomplete": "username webauthn",
            "inputmode": "email",
            "autocapitalize": "none",
            "spellcheck": "false",
        }


class SettingsForm(forms.Form):
    """How somebody wants to look; `chosen` hands it back as fields of Visitor."""

    moods = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="Moods shown")
    sensitive = forms.BooleanField(required=False, label="Open sensitive photographs without asking")
    theme = forms.ChoiceField(choices=Visitor.Theme.choices, widget=forms.RadioSelect, label="Light or dark")
    less_motion = forms.BooleanField(required=False, label="Less movement")
    keys_off = forms.BooleanField(required=False, label="Switch single keys off")

    def __init__(self, *args: Any, visitor: Visitor | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["moods"].choices = [(mood.slug, mood.name) for mood in registry.moods]  # type: ignore[attr-defined]
        now = visitor or Visitor()
        self.initial = {
            "moods": [m.slug for m in registry.moods if is_shown(now, m)],
            "sensitive": now.shows_sensitive,
            "theme": now.theme,
            "less_motion": now.less_motion,
            "keys_off": now.keys_off,
        }

    @property
    def chosen(self) -> dict[str, Any]:
        """Fields of Visitor and their values; only after is_valid()."""
        said = self.cleaned_data
        wanted = set(said["moods"])
        agreed = any(mood.opt_in and mood.slug in wanted for mood in registry.moods)
        hidden = [m.slug for m in registry.moods if m.slug not in wanted and (agreed or not m.opt_in)]
        return {
            "shows_opt_in_moods": agreed,
            "hidden_moods": hidden,
            "shows_sensitive": said["sensitive"],
            "theme": said["theme"],
            "less_motion": said["less_motion"],
            "keys_off": said["keys_off"],
        }


def is_shown(visitor: Visitor, mood: registry.Mood) -> bool:
    """Whether a mood's photographs are shown without asking."""
    return mood.slug not in visitor.hidden_moods and (visitor.shows_opt_in_moods or not mood.opt_in)
