"""What the card of a network says, in words and places for a page. A card may lack any part of what is read here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gallery.dataset.words import per_cent

NAMES = {
    "valence": "Pleasantness (valence)",
    "arousal": "Stir (arousal)",
    "aesthetic": "Beauty",
    "emotion_oasis": "Six moods, OASIS by theme",
    "emotion_flickr8k": "Six moods, Flickr8k by its captions’ words",
    "emotion_collection": "Six moods, this collection",
}
DATA = {"oasis": "OASIS", "flickr8k": "Flickr8k", "collection": "this collection"}


@dataclass(frozen=True)
class Figure:
    """One thing that the network estimates, and how well: Pearson's r, or the share that is right beside chance."""

    name: str
    n: int
    measure: str
    value: str
    beside: str  # the rank correlation, or the balanced accuracy
    chance: str


@dataclass(frozen=True)
class Tenth:
    """Photographs about whose mood the network was alike sure: how sure on average, and how often it was right."""

    said: str
    right: str
    n: int


@dataclass(frozen=True)
class Calibration:
    """How far stated probabilities can be believed. ece: in percentage points; path: said by right on 100 by 100."""

    ece: str
    n: int
    path: str
    rows: Sequence[Tenth]


def figures(card: Mapping[str, Any]) -> list[Figure]:
    """The card's figures, first those of scores, then those of classes; what is of another shape is left out."""
    found = card.get("figures", {})
    order = [*(name for name in NAMES if name in found), *(name for name in found if name not in NAMES)]
    scores = [_score(name, found[name]) for name in order if _has(found[name], "pearson")]
    return scores + [_classes(name, found[name]) for name in order if _has(found[name], "accuracy")]


def _has(figure: Any, name: str) -> bool:
    return isinstance(figure, Mapping) and figure.get(name) is not None and "n" in figure


def _score(name: str, figure: Mapping[str, Any]) -> Figure:
    ranks = figure.get("spearman")
    beside = "" if ranks is None else f"by rank {_decimal(ranks)}"
    return Figure(_name(name), figure["n"], "correlation", _decimal(figure["pearson"]), beside, "0")


def _classes(name: str, figure: Mapping[str, Any]) -> Figure:
    balanced, majority = figure.get("balanced_accuracy"), figure.get("majority")
    return Figure(
        _name(name),
        figure["n"],
        "accuracy",
        per_cent(figure["accuracy"]),
        "" if balanced is None else f"balanced {per_cent(balanced)}",
        "" if majority is None else per_cent(majority),
    )


def _name(key: str) -> str:
    return NAMES.get(key, key.replace("_", " ").capitalize())


def _decimal(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1).replace("-", "−")


def data(card: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The data sets that it learnt from, and how many photographs of each."""
    return [(DATA.get(kind, kind), count) for kind, count in card.get("data", {}).items() if isinstance(count, int)]


def calibration(card: Mapping[str, Any]) -> Calibration | None:
    """The card's reliability table: rows of (from, to, photographs, mean probability, share right)."""
    found = card.get("calibration")
    if not isinstance(found, Mapping) or not found.get("table"):
        return None
    points = [(round(100 * said, 1), round(100 - 100 * right, 1)) for *_, said, right in found["table"]]
    rows = [Tenth(per_cent(said), per_cent(right), count) for _, _, count, said, right in found["table"]]
    return Calibration(f"{100 * found['ece']:.1f}", found["n"], "M" + "L".join(f"{x} {y}" for x, y in points), rows)
