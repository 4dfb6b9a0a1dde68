"""The data sets by the name that `--data KIND:FOLDER` gives them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.data import (
    aadb,
    ava,
    cifar,
    emoset,
    emotion6,
    evoke,
    fi,
    flickr8k,
    flickr_aes,
    folder,
    oasis,
    photonet,
    real_cur,
    snapshot,
    splits,
)
from ml.data.photographs import ATTRIBUTES, Labels, Photographs, Ratings, Rule
from ml.data.tables import DataError

KINDS: dict[str, Callable[..., Photographs]] = {
    "aadb": aadb.read,
    "ava": ava.read,
    "ava-style": ava.read_styles,
    "cifar10": cifar.read_10,
    "cifar100": cifar.read_100,
    "emoset": emoset.read,
    "emotion6": emotion6.read,
    "evoke": evoke.read,
    "fi": fi.read,
    "flickr-aes": flickr_aes.read,
    "flickr8k": flickr8k.photographs_in,
    "folder": folder.read,
    "oasis": oasis.photographs_in,
    "photonet": photonet.read,
    "real-cur": real_cur.read,
    "snapshot": snapshot.read,
}


def read(kind: str, folder: Path, **options: Any) -> Photographs:
    """Read a data set. Options are the reader's, as values or as texts from a command line. Raises DataError."""
    known = _options(kind)
    unknown = [name for name in options if name not in known]
    if unknown:
        raise DataError(f"{kind} has no option {unknown[0]!r}{_listed(known)}.")
    return KINDS[kind](Path(folder), **{name: _as(kind, name, value, known[name]) for name, value in options.items()})


def read_several(data: Sequence[tuple[str, Path]], options: Mapping[str, Any], seed: int = 0) -> Photographs:
    """Several kinds with their folders as one set; each gets the options that it has. Raises DataError.

    An option that none of them has is refused. See joined.
    """
    has = {kind: _options(kind) for kind, _ in data}
    strange = [name for name in options if not any(name in known for known in has.values())]
    if strange:
        raise DataError(f"None of {', '.join(has)} has an option {strange[0]!r}.")
    own = [{name: value for name, value in options.items() if name in has[kind]} for kind, _ in data]
    return joined([read(kind, folder, **some) for (kind, folder), some in zip(data, own, strict=True)], seed)


def described(kind: str) -> str:
    """What a kind is, who made it, and how its folder must look. Raises DataError."""
    _options(kind)
    return inspect.getdoc(inspect.getmodule(KINDS[kind])) or ""


def joined(sets: Sequence[Photographs], seed: int = 0) -> Photographs:
    """Several sets as one. Groups and people keep apart by the set's name.

    Where only some have official lists, the others are split by `seed`. Label sets whose classes differ are left out,
    and those with several classes a photograph unless all sets have them.
    The rule is the one of the sets that have scores; the median of the training photographs if they differ.
    """
    if len(sets) == 1:
        return sets[0]
    rules = {each.rule for each in sets if each.score is not None}
    listed = any(each.parts is not None for each in sets)
    return Photographs(
        name="+".join(each.name for each in sets),
        paths=[path for each in sets for path in each.paths],
        groups=np.concatenate([_own(each.name, each.groups) for each in sets]),
        parts=np.concatenate([_parts(each, seed) for each in sets]) if listed else None,
        score=_filled(sets, "score", ()),
        distribution=_filled(sets, "distribution", (10,)),
        attributes=_filled(sets, "attributes", (len(ATTRIBUTES),)),
        labels={task: known for task in _tasks(sets) if (known := _labels(sets, task)) is not None},
        ratings=_ratings(sets),
        rule=rules.pop() if len(rules) == 1 else Rule(threshold=None),
        missing=sum(each.missing for each in sets),
    )


def _options(kind: str) -> dict[str, Any]:
    """A kind's options with their defaults. Raises DataError."""
    if kind not in KINDS:
        raise DataError(f"There is no kind of data set {kind!r}: {', '.join(KINDS)}.")
    return {name: of.default for name, of in list(inspect.signature(KINDS[kind]).parameters.items())[1:]}


def _listed(known: dict[str, Any]) -> str:
    return f"; it has {', '.join(known)}" if known else ": it has none"


def _as(kind: str, name: str, value: Any, like: Any) -> Any:
    """A text as a value of the type of the option's default."""
    if not isinstance(value, str) or isinstance(like, str):
        return value
    if isinstance(like, bool):
        if value.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise DataError(f"The option {name} of {kind} is yes or no, not {value!r}.")
        return value.lower() in ("true", "yes", "1")
    try:
        return type(like)(value)
    except ValueError:
        raise DataError(f"The option {name} of {kind} is a number, not {value!r}.") from None


def _own(name: str, texts: NDArray[np.str_]) -> NDArray[np.str_]:
    return np.array([f"{name}:{text}" for text in texts])


def _parts(photographs: Photographs, seed: int) -> NDArray[np.str_]:
    return splits.split(photographs, seed) if photographs.parts is None else photographs.parts


def _filled(sets: Sequence[Photographs], name: str, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """A field of all sets, NaN where a set lacks it; None where all do."""
    values = [getattr(each, name) for each in sets]
    if all(value is None for value in values):
        return None
    pairs = zip(sets, values, strict=True)
    return np.concatenate([np.full((len(each), *shape), np.nan) if value is None else value for each, value in pairs])


def _tasks(sets: Sequence[Photographs]) -> list[str]:
    return sorted({task for each in sets for task in each.labels})


def _labels(sets: Sequence[Photographs], task: str) -> Labels | None:
    """The labels of a task, None where they cannot be joined: see joined."""
    known = [each.labels.get(task) for each in sets]
    classes = {labels.classes for labels in known if labels is not None}
    whole = all(labels is not None for labels in known)
    if len(classes) != 1 or (not whole and any(labels and labels.several is not None for labels in known)):
        return None
    (names,) = classes
    full = [labels or Labels(names, np.full(len(each), -1, np.int64)) for each, labels in zip(sets, known, strict=True)]
    index = np.concatenate([labels.index for labels in full])
    if all(labels.several is None for labels in full):
        return Labels(names, index)
    return Labels(names, index, np.concatenate([_several(labels) for labels in full]))


def _several(labels: Labels) -> NDArray[np.bool_]:
    if labels.several is not None:
        return labels.several
    return labels.index[:, None] == np.arange(len(labels.classes))


def _ratings(sets: Sequence[Photographs]) -> Ratings | None:
    starts = np.cumsum([0, *(len(each) for each in sets)])
    found = [
        (_own(each.name, each.ratings.person), each.ratings.photo + start, each.ratings.score)
        for each, start in zip(sets, starts[:-1], strict=True)
        if each.ratings is not None
    ]
    if not found:
        return None
    person, photo, score = (np.concatenate(column) for column in zip(*found, strict=True))
    return Ratings(person, photo, score)
