"""Recipes: all that decides what a training makes, as plain typed values. Unknown names are refused."""

import dataclasses
from collections.abc import Sequence
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
    view: str = "squeeze"
    groups: tuple[str, ...] = ("pool", "stages", "logits")
    weights: tuple[float, ...] = (1.0, 1.0, 1.0)  # of the groups, shares of the variance
    components: int = 192
    width: float = 1.0  # of the Gaussian kernel, see heads.fit_scores

    def __post_init__(self) -> None:
        unknown = [name for name in self.backbones if name not in SIZES]
        if unknown or not self.backbones:
            raise RecipeError(f"backbones must be some of {', '.join(SIZES)}, not {', '.join(unknown) or 'none'}.")
        if self.view not in VIEWS:
            raise RecipeError(f"view must be one of {', '.join(VIEWS)}, not {self.view!r}.")
        if len(self.weights) != len(self.groups):
            raise RecipeError(f"weights needs {len(self.groups)} numbers, one a group.")
        if self.components < 64 or self.width <= 0:
            raise RecipeError("components must be at least 64, and width above 0.")

    def arguments(self) -> dict[str, Any]:
        """What rebuilds the network beside its arrays."""
        backbones = [{"name": name, "size": SIZES[name], "view": self.view} for name in self.backbones]
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


def _value(name: str, text: str, like: Any) -> Any:
    """Text as a value of the type of `like`; tuples are separated by commas."""
    try:
        if isinstance(like, tuple):
            return tuple(type(like[0])(part) for part in text.split(","))
        return type(like)(text)
    except ValueError:
        raise RecipeError(f"{name} cannot be {text!r}: it needs {type(like).__name__} such as {like!r}.") from None
