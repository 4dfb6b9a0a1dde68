"""The rules of what visitors may send, handed back in our own types."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from gallery.actions import PAGE, SORTS
from gallery.models import Report
from gallery.moods import MOODS

MOOD_CHOICES = [(slug, mood.name) for slug, mood in MOODS.items()]
SORT_CHOICES = [(sort, sort) for sort in SORTS]
FURTHEST = 100_000  # nobody comes to a page beyond this


class LookForm(forms.Form):
    """What the address of a mood's page may ask for."""

    sort = forms.ChoiceField(choices=SORT_CHOICES, required=False)
    page = forms.IntegerField(min_value=1, max_value=FURTHEST, required=False)

    def clean_sort(self) -> str:
        return self.cleaned_data["sort"] or SORTS[0]

    def clean_page(self) -> int:
        return self.cleaned_data["page"] or 1


@dataclass(frozen=True)
class Answer:
    """One thing said of a photograph: a value of 1-5, "less like this", a feeling ("" takes it back), or undo."""

    value: int | None = None
    hidden: bool | None = None
    felt: str | None = None
    undo: bool = False


class RateForm(forms.Form):
    """One answer to one photograph, and where it was shown."""

    NOTHING = "none"  # the value of `felt` that takes a feeling back
    ANSWERS = ("value", "hidden", "felt", "undo")

    value = forms.TypedChoiceField(
        choices=[(str(i), str(i)) for i in range(1, 6)], coerce=int, empty_value=None, required=False
    )
    hidden = forms.ChoiceField(choices=[("1", "less like this")], required=False)
    felt = forms.ChoiceField(choices=[*MOOD_CHOICES, (NOTHING, "none of these")], required=False)
    undo = forms.ChoiceField(choices=[("1", "undo")], required=False)
    mood = forms.ChoiceField(choices=MOOD_CHOICES, required=False)
    sort = forms.ChoiceField(choices=SORT_CHOICES, required=False)
    place = forms.IntegerField(min_value=0, max_value=FURTHEST * PAGE, required=False)
    part = forms.ChoiceField(
        choices=[("marks", "below a photograph"), ("answers", "beside a photograph")], required=False
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and sum(data.get(name) not in (None, "") for name in self.ANSWERS) != 1:
            raise ValidationError("Say one thing at a time: a mark from 1 to 5, less like this, or what you felt.")
        return data

    @property
    def answer(self) -> Answer:
        """What was said; only after is_valid()."""
        data = self.cleaned_data
        felt = {"": None, self.NOTHING: ""}.get(data["felt"], data["felt"])
        return Answer(data["value"], True if data["hidden"] else None, felt, bool(data["undo"]))

    @property
    def sentence(self) -> str:
        """What is wrong, in one sentence for the page."""
        unknown = "This page does not know that answer: a mark is a number from 1 to 5."
        return str(next(iter(self.non_field_errors()), unknown))


class PageForm(forms.Form):
    """Which page of a list."""

    page = forms.IntegerField(min_value=1, max_value=FURTHEST, required=False)

    def clean_page(self) -> int:
        return self.cleaned_data["page"] or 1


class JourneyForm(forms.Form):
    """From which mood to which; either may still be missing. Fields are named as the address has them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from"] = forms.ChoiceField(choices=MOOD_CHOICES, required=False)
        self.fields["to"] = forms.ChoiceField(choices=MOOD_CHOICES, required=False)
        self.fields["step"] = forms.IntegerField(min_value=1, max_value=FURTHEST, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["step"] = data.get("step") or 1
        if data.get("from") and data.get("from") == data.get("to"):
            raise ValidationError("A journey leads from one mood to another: choose two that differ.")
        return data

    @property
    def is_whole(self) -> bool:
        """Whether both ends are named; only after is_valid()."""
        return bool(self.cleaned_data["from"] and self.cleaned_data["to"])

    @property
    def sentence(self) -> str:
        """What is wrong, in one sentence for the page."""
        if "step" in self.errors:
            return "That is no step of a journey: begin it here."
        unknown = "There is no such mood: choose where from and where to among the six."
        return str(next(iter(self.non_field_errors()), unknown))


class FreshForm(forms.Form):
    """Which visit to begin again."""

    mood = forms.ChoiceField(choices=MOOD_CHOICES)
    sort = forms.ChoiceField(choices=SORT_CHOICES, required=False)


class TakedownForm(forms.Form):
    """A request that a photograph, or all of a creator's, be taken down."""

    SOURCES = [("", "Anywhere"), ("flickr", "Flickr"), ("openverse", "Openverse")]
    NOBODY = ("unknown", "anonymous", "public domain")  # names that belong to no one person

    photo = forms.CharField(max_length=1000, required=False)
    creator = forms.CharField(
        min_length=2,
        max_length=200,
        required=False,
        error_messages={
            "min_length": "That is too short for a name: give all of it.",
            "max_length": "That is too long for a name: give the address of your profile.",
        },
    )
    source = forms.ChoiceField(choices=SOURCES, required=False)
    reason = forms.CharField(max_length=2000, required=False)
    email = forms.EmailField(max_length=254, required=False)
    website = forms.CharField(required=False)  # people do not see it: what fills it is a machine

    def clean_creator(self) -> str:
        name = self.cleaned_data["creator"]
        if name.lower() in self.NOBODY:
            raise ValidationError("That is nobody’s name: give the address of the photograph instead.")
        return name

    def clean_website(self) -> str:
        if self.cleaned_data["website"]:
            raise ValidationError("Leave the field that says so empty, and send it once more.")
        return ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and bool(data["photo"]) == bool(data["creator"]):
            raise ValidationError("Name either one photograph or one creator.")
        return data

    @property
    def sentence(self) -> str:
        """What is wrong, in one sentence for the page; "" if nothing is."""
        plain = {
            "photo": "That is no number or address of a photograph.",
            "source": "Choose one of the places in the list.",
            "reason": "Say it in at most 2,000 characters.",
            "email": "That is not an e-mail address; it may also stay empty.",
        }
        for name, errors in self.errors.items():
            return plain.get(name) or str(errors[0])
        return ""


class ReportForm(forms.Form):
    """What is wrong with a photograph. MINE and COPYRIGHT are requests to take it down, and are kept as such."""

    MINE, COPYRIGHT = "mine", "copyright"
    REASONS = [
        *Report.Reason.choices,
        (MINE, "It is mine, or shows me: take it down"),
        (COPYRIGHT, "It breaks somebody’s copyright"),
    ]
    TAKEDOWNS = {MINE: "It is theirs, or shows them.", COPYRIGHT: "It breaks somebody's copyright."}

    reason = forms.ChoiceField(choices=REASONS)
    note = forms.CharField(max_length=1000, required=False)
    website = forms.CharField(required=False)  # people do not see it: what fills it is a machine

    def clean_website(self) -> str:
        if self.cleaned_data["website"]:
            raise ValidationError("Leave the field that says so empty, and send it once more.")
        return ""

    @property
    def sentence(self) -> str:
        """What is wrong, in one sentence for the page; "" if nothing is."""
        plain = {"reason": "Choose what is wrong with it.", "note": "Say it in at most 1,000 characters."}
        for name, errors in self.errors.items():
            return plain.get(name) or str(errors[0])
        return ""
