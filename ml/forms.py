"""What an admin chooses for a training: the recipe, its settings, and what it learns from."""

from typing import Any

from django import forms
from django.urls import reverse_lazy

from ml import datasets, interface, options
from ml.moods import MOODS
from ml.recipes import RecipeError
from ml.rows import Selection

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
BOXES = forms.CheckboxSelectMultiple


class RunForm(forms.Form):
    """A new training run; `options` and `selection` are as ml.runs.start takes them."""

    recipe = forms.ChoiceField(
        choices=lambda: [(name, name) for name in options.recipes()],
        widget=forms.Select(
            attrs={
                "hx-get": reverse_lazy("admin:ml_trainingrun_recipe"),
                "hx-target": "#recipe-settings",
                "hx-swap": "outerHTML",
            }
        ),
    )
    options = forms.CharField(
        required=False,
        label="Settings",
        help_text="As name=value, a line each; those not named keep their defaults.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        max_length=2000,
    )
    ratings = forms.BooleanField(required=False, initial=True, label="What visitors rated")
    felt = forms.BooleanField(required=False, initial=True, label="What visitors felt")
    tags = forms.BooleanField(required=False, label="Moods of the sources' words, where nobody said what they felt")
    moods = forms.MultipleChoiceField(
        required=False,
        widget=BOXES,
        choices=[(mood, mood) for mood in MOODS],
        help_text="None chosen: all photographs.",
    )
    licences = forms.MultipleChoiceField(
        required=False, widget=BOXES, choices=lambda: list(interface.licences().items()), help_text="None chosen: all."
    )
    since = forms.DateField(required=False, label="Added since", widget=DAY)
    until = forms.DateField(required=False, label="Added until", widget=DAY)
    sets = forms.MultipleChoiceField(
        required=False,
        widget=BOXES,
        label="Data sets of this machine",
        choices=lambda: [(each.name, f"{each.name} ({each.kind})") for each in datasets.listed()],
        help_text="Folders in datasets/ of the data folder, named by their kind (manage.py train --help).",
    )
    seed = forms.IntegerField(initial=0, min_value=0, max_value=2**31 - 1)
    forced = forms.BooleanField(required=False, label="Even if nothing has changed since the last training")

    def clean_options(self) -> list[str]:
        """The settings as a list; those of the recipe alone, of the right type."""
        words = [word.strip() for word in self.cleaned_data["options"].splitlines() if word.strip()]
        try:
            if "recipe" in self.cleaned_data:
                options.check(self.cleaned_data["recipe"], words)
        except RecipeError as error:
            raise forms.ValidationError(str(error)) from error
        return words

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("since") and said.get("until") and said["since"] > said["until"]:
            self.add_error("until", "This day is before the other one.")
        if not any(said.get(name) for name in ("ratings", "felt", "tags", "sets")):
            self.add_error("ratings", "A training learns from something: choose answers, moods or a data set.")
        return said

    def selection(self) -> Selection:
        """What was chosen to learn from."""
        said = self.cleaned_data
        found: dict[str, Any] = {name: tuple(said[name]) for name in ("moods", "licences", "sets")}
        found |= {name: said[name] for name in ("ratings", "felt", "tags", "since", "until")}
        return Selection(**found)

    def facts(self) -> dict[str, Any]:
        """All of it, as ml.runs.start takes it."""
        said = self.cleaned_data
        more = {name: said[name] for name in ("recipe", "options", "seed", "forced")}
        return {**more, "selection": self.selection()}
