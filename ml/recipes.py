"""Recipes: all that decides what a training makes, as plain typed values. Unknown names are refused."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.transforms import VIEWS

SIZES = {"lite0": 224, "lite2": 260}


class RecipeError(ValueError):
    """A setting that does not exist or cannot be; the message is one sentence fit for a terminal."""


@dataclass(frozen=True)
class Starter:
    """The starter network. Each value was chosen on folds; what the others gave is in ml/README.md."""

    backbones: tuple[str, ...] = ("lite0", "lite2")
    views: tuple[str, ...] = ("crop", "squeeze")  # one a backbone: each sees what the other loses
    groups: tuple[str, ...] = ("pool", "stages", "logits")
    weights: tuple[float, ...] = (1.0, 1.0, 1.0)  # of the groups, shares of the variance
    components: int = 128
    score_components: int = 128  # of the kernel of scores, see heads.Shape
    power: float = 0.5
    width: float = 1.0

    def __post_init__(self) -> None:
        unknown = [name for name in self.backbones if name not in SIZES]
        if unknown or not self.backbones:
            raise RecipeError(f"backbones must be some of {', '.join(SIZES)}, not {', '.join(unknown) or 'none'}.")
        if set(self.views) - set(VIEWS) or len(self.views) != len(self.backbones):
            raise RecipeError(f"views needs one of {', '.join(VIEWS)} for each backbone.")
        if "logits" not in self.groups:
            raise RecipeError("groups must hold logits: the moods' class cues are made of them.")
        if len(self.weights) != len(self.groups):
            raise RecipeError(f"weights needs {len(self.groups)} numbers, one a group.")
        if self.components < 64 or self.width <= 0:
            raise RecipeError("components must be at least 64, and width above 0.")

    def arguments(self) -> dict[str, Any]:
        """What rebuilds the network beside its arrays."""
        pairs = zip(self.backbones, self.views, strict=True)
        backbones = [{"name": name, "size": SIZES[name], "view": view} for name, view in pairs]
        return {"backbones": backbones, "groups": list(self.groups)}


RECIPES = {"starter": Starter}


def with_settings(recipe: Any, settings: Sequence[str]) -> Any:
    """The recipe with `name=value` settings applied; RecipeError on an unknown name or a value of another type."""
    changes: dict[str, Any] = {}
    known = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in known:
            raise RecipeError(f"There is no setting {name!r}; there are {', '.join(known)} (as name=value).")
        changes[name] = _value(name, text, known[name])
    return dataclasses.replace(recipe, **changes)


def from_card(card: Mapping[str, Any]) -> Starter:
    """The recipe that a network's card tells of; RecipeError if it tells of none."""
    told = dict(card.get("recipe", {}))
    if told.pop("name", None) != "starter":
        raise RecipeError("This network's card does not say by which recipe it was made.")
    lists: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Starter(**lists)


def _value(name: str, text: str, like: Any) -> Any:
    """Text as a value of the type of `like`; tuples are separated by commas."""
    try:
        if isinstance(like, tuple):
            return tuple(type(like[0])(part) for part in text.split(","))
        return type(like)(text)
    except ValueError:
        raise RecipeError(f"{name} cannot be {text!r}: it needs {type(like).__name__} such as {like!r}.") from None
