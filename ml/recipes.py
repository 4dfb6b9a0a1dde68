"""Recipes: all that decides what a training makes, as plain typed values. Unknown names are refused."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.transforms import VIEWS

SIZES = {"lite0": 224, "lite2": 260}


TIMM = "timm:"
TIMM_GROUPS = ("pool",)  # of features: all that every architecture has
TIMM_WEIGHT = 4.0  # as much as one packaged backbone's groups together


class RecipeError(ValueError):
    """A setting that does not exist or cannot be; the message is one sentence fit for a terminal."""


def timm_entry(name: str) -> Any:
    """timm's facts of the network timm:NAME (input_size, mean, std). RecipeError if it has none of that name."""
    import timm

    found = timm.get_pretrained_cfg(name.removeprefix(TIMM)) if name.startswith(TIMM) else None
    if found is None:
        raise RecipeError(f"backbone must be timm:NAME with a network that timm has weights for, not {name!r}.")
    return found


def groups_of(backbone: str, groups: Sequence[str]) -> tuple[str, ...]:
    """The groups of features that a backbone gives."""
    return TIMM_GROUPS if backbone.startswith(TIMM) else tuple(groups)


@dataclass(frozen=True)
class Starter:
    """The starter network. Each value was chosen on folds; what the others gave is in ml/README.md."""

    backbones: tuple[str, ...] = ("lite0", "lite2")
    views: tuple[str, ...] = ("crop", "squeeze")  # one a backbone: each sees what the other loses
    backbone: str = ""  # timm:NAME, a network of timm beside them, squeezed to its own size; its weights are downloaded
    groups: tuple[str, ...] = ("halves", "stages", "logits")
    weights: tuple[float, ...] = (2.0, 1.0, 1.0)  # of the groups, shares of the variance
    components: int = 384  # of projected features: those of rated photographs, then of the others
    score_components: int = 256  # of rated photographs; what the kernel of scores sees
    width: float = 1.5  # the kernel of scores falls to exp(-width) at the median squared distance of projected features
    cue_share: float = 0.1  # of class cues in that kernel's squared distances
    text_share: float = 0.1  # of text cues
    places: int = 128  # axes of the texts' places that the network learns to say; 0: texts are not read

    def __post_init__(self) -> None:
        unknown = [name for name in self.backbones if name not in SIZES]
        if unknown or not self.backbones:
            raise RecipeError(f"backbones must be some of {', '.join(SIZES)}, not {', '.join(unknown) or 'none'}.")
        if set(self.views) - set(VIEWS) or len(self.views) != len(self.backbones):
            raise RecipeError(f"views needs one of {', '.join(VIEWS)} for each backbone.")
        if self.backbone:
            timm_entry(self.backbone)
        if "logits" not in self.groups:
            raise RecipeError("groups must hold logits: the moods' class cues are made of them.")
        if len(self.weights) != len(self.groups):
            raise RecipeError(f"weights needs {len(self.groups)} numbers, one a group.")
        if not 64 <= self.score_components <= self.components or self.width <= 0:
            raise RecipeError("score_components must be at least 64 and at most components, and width above 0.")
        if min(self.cue_share, self.text_share, self.places) < 0 or self.places > 380:
            raise RecipeError("cue_share, text_share and places must not be negative, and places at most 380.")

    def arguments(self) -> dict[str, Any]:
        """What rebuilds the network beside its arrays."""
        pairs = zip(self.backbones, self.views, strict=True)
        backbones = [{"name": name, "size": SIZES[name], "view": view} for name, view in pairs]
        if self.backbone:
            size = timm_entry(self.backbone).input_size[-1]
            backbones.append({"name": self.backbone, "size": size, "view": "squeeze"})
        return {"backbones": backbones, "groups": list(self.groups)}

    def parts(self) -> list[tuple[str, float]]:
        """Name and weight of each group of features, in order."""
        packaged = list(zip(self.groups, self.weights, strict=True)) * len(self.backbones)
        return [*packaged, *((group, TIMM_WEIGHT) for group in TIMM_GROUPS if self.backbone)]


RECIPES = {"starter": Starter}

OPTIMISERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "step", "linear", "cosine", "plateau")


@dataclass(frozen=True)
class Training:
    """How a network of ml.nets.catalog is trained: its paper's optimiser and schedule."""

    optimiser: str = "sgd"
    lr: float = 1e-3
    momentum: float = 0.9  # of sgd
    weight_decay: float = 5e-4
    schedule: str = "constant"
    every: int = 10  # step: epochs between two falls; plateau: epochs without gain before one
    factor: float = 0.1  # of each fall
    last: float = 1e-5  # linear: the rate at the epoch `until`
    until: int = 0  # linear: 0 for the last epoch
    epochs: int = 30
    stages: tuple[str, ...] = ()  # "name:epochs" or "name:epochs:factor of lr", one after the other; (): one stage
    batch: int = 64
    accumulate: int = 1  # batches a step
    patience: int = 0  # epochs without gain on validation before it stops; 0: never
    precision: str = "float32"  # or "bf16", where the machine is faster with it
    channels_last: bool = True
    compile: bool = False

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS or self.schedule not in SCHEDULES:
            raise RecipeError(f"optimiser: {', '.join(OPTIMISERS)}; schedule: {', '.join(SCHEDULES)}.")
        if self.precision not in ("float32", "bf16"):
            raise RecipeError("precision must be float32 or bf16.")
        if min(self.epochs, self.batch, self.accumulate, self.every) < 1 or self.lr <= 0:
            raise RecipeError("epochs, batch, accumulate and every must be at least 1, lr above 0.")


RAM = Training(lr=0.01, weight_decay=0.0, schedule="linear", until=800, epochs=50, batch=32)  # stops long before 800

# By network, in alphabetical order; what a paper leaves open is marked in the network's own file.
TRAINING: dict[str, Training] = {
    "columns": Training(
        optimiser="adam", weight_decay=1e-5, stages=("columns:15", "join:10", "all:10:0.1"), patience=6
    ),
    "emotion_vgg": Training(lr=0.1, schedule="step", every=5, factor=0.5, epochs=50, batch=128),
    "ilgnet": Training(lr=1e-4, weight_decay=2e-4, schedule="step", every=23, factor=0.96, epochs=97, batch=48),
    "kong": Training(lr=1e-4, schedule="step", every=10, stages=("reg:20", "rank:10", "att:10", "cont:20")),
    "multiresnet": Training(lr=0.1, weight_decay=1e-4, stages=("first:81", "second:41:0.1", "third:42:0.01")),
    "nima": Training(optimiser="adam", lr=1e-5, weight_decay=0.0, patience=8),
    "ram": RAM,
    "ram_cnn": RAM,
    "ram_lstm": RAM,
    "ram_lstm_cnn": RAM,
    "rapid_dcnn": Training(schedule="plateau", every=3, stages=("settle:1", "joint:39"), batch=128, patience=10),
    "rapid_rdcnn": Training(schedule="plateau", every=3, stages=("settle:1", "joint:39"), batch=128, patience=10),
    "rapid_scnn": Training(schedule="plateau", every=3, epochs=60, batch=128, patience=10),
    "resnet50_ft": Training(lr=1e-3, weight_decay=1e-4, schedule="cosine"),
    "vgg16_ft": Training(lr=1e-4, schedule="step", patience=8),
}


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
    if set(told) - {field.name for field in dataclasses.fields(Starter)}:
        raise RecipeError("This network was made by an older recipe: train from the shipped one instead.")
    lists: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Starter(**lists)


def _value(name: str, text: str, like: Any) -> Any:
    """Text as a value of the type of `like`; tuples are separated by commas."""
    try:
        if isinstance(like, tuple):
            kind = type(like[0]) if like else str
            return tuple(kind(part) for part in text.split(",") if part)
        if isinstance(like, bool):
            return {"true": True, "false": False}[text.lower()]
        return type(like)(text)
    except (KeyError, ValueError):
        raise RecipeError(f"{name} cannot be {text!r}: it needs {type(like).__name__} such as {like!r}.") from None
