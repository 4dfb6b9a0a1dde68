"""The settings of every recipe as names and defaults, for forms: torch is not loaded to read them.

`nets/settings.json` holds what the networks' own code says (a test compares the two;
`manage.py networks --defaults` writes it anew).
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ml.recipes import TRAINING, RecipeError, Starter, Training, with_settings

FILE = Path(__file__).parent / "nets" / "settings.json"
STARTER = "starter"
# What a retraining on the active network's projection still decides; the rest is in that projection.
RETRAINED = ("score_components", "width", "cue_share", "text_share")
SPOKEN = ("score", "distribution", "binary", "emotion")  # tasks that the site has a use for: ml.joined
NEEDED = {"distribution": "score"}  # what a collection's mean ratings teach instead


@cache
def networks() -> Mapping[str, Mapping[str, Any]]:
    """By network: "arguments" and "protocol" (name -> default) and "tasks"."""
    found: dict[str, Mapping[str, Any]] = json.loads(FILE.read_text())
    return found


def recipes() -> list[str]:
    """All that can be trained for the site, the starter first."""
    return [STARTER, *(name for name, known in networks().items() if set(known["tasks"]) & set(SPOKEN))]


def defaults(recipe: str) -> dict[str, Any]:
    """The recipe's settings, each with its default. Raises RecipeError."""
    if recipe == STARTER:
        return {name: getattr(Starter(), name) for name in RETRAINED}
    known = _network(recipe)
    training = dataclasses.asdict(TRAINING.get(recipe, Training()))
    return {**known["arguments"], **training, **known["protocol"]}


def suggested(recipe: str) -> list[str]:
    """Settings without which a collection's answers cannot teach the recipe."""
    if recipe == STARTER:
        return []
    known = _network(recipe)
    other = NEEDED.get(known["arguments"]["task"])
    return [f"task={other}"] if other in known["tasks"] else []


def check(recipe: str, words: Sequence[str]) -> None:
    """Raise RecipeError, one sentence, where a setting does not exist or cannot be."""
    if recipe == STARTER:
        strange = [word for word in words if word.partition("=")[0] not in RETRAINED]
        if strange:
            raise RecipeError(f"The starter's retraining has no setting {strange[0]!r}; it has {', '.join(RETRAINED)}.")
        with_settings(Starter(), words)
        return
    known = _network(recipe)
    training = TRAINING.get(recipe, Training())
    values = {**known["arguments"], **known["protocol"]}
    stand_in = dataclasses.make_dataclass(
        "Settings", [(n, Any, dataclasses.field(default=_frozen(v))) for n, v in values.items()]
    )
    theirs = {each.name for each in dataclasses.fields(Training)}
    with_settings(training, [word for word in words if word.partition("=")[0] in theirs])
    rest = [word for word in words if word.partition("=")[0] not in theirs and not word.startswith("data.")]
    strange = [word for word in rest if word.partition("=")[0] not in values or "=" not in word]
    if strange:
        raise RecipeError(f"{recipe} has no setting {strange[0]!r}; its settings are written as name=value.")
    task = with_settings(stand_in(), rest).task
    if task not in known["tasks"] or task not in SPOKEN:
        fit = [each for each in known["tasks"] if each in SPOKEN]
        raise RecipeError(f"{recipe} cannot be trained for {task!r} here: {', '.join(fit)}.")


def _network(recipe: str) -> Mapping[str, Any]:
    try:
        return networks()[recipe]
    except KeyError:
        raise RecipeError(f"There is no recipe {recipe!r}: {', '.join(recipes())}.") from None


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
