"""The networks by name: each file of this folder registers what it holds."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

import ml.nets
from ml import files
from ml.files import NetworkFile, NetworkFileError
from ml.nets.base import Net
from ml.recipes import RecipeError


@dataclass(frozen=True)
class Entry:
    """A network that can be trained: what it is, and how it is built."""

    name: str
    build: Callable[[Any, int], Net]  # arguments and the number of classes -> the network, random weights
    arguments: type  # a frozen dataclass of plain values, with `task` among them
    tasks: tuple[str, ...]  # what it can be trained for, the paper's own first
    paper: str  # authors, title, venue, year
    about: str  # what it is, in three sentences


_ENTRIES: dict[str, Entry] = {}


def register(name: str, *, arguments: type, tasks: tuple[str, ...], paper: str, about: str) -> Callable[[type], type]:
    """A class decorator: the class is built as `cls(arguments, classes)`."""

    def add(net: type) -> type:
        _ENTRIES[name] = Entry(name, net, arguments, tasks, paper, about)
        return net

    return add


@cache
def entries() -> Mapping[str, Entry]:
    """All networks, by name in alphabetical order."""
    for module in pkgutil.iter_modules(ml.nets.__path__):
        importlib.import_module(f"ml.nets.{module.name}")
    return dict(sorted(_ENTRIES.items()))


def entry(name: str) -> Entry:
    """One network; RecipeError if there is none of that name."""
    try:
        return entries()[name]
    except KeyError:
        raise RecipeError(f"There is no network {name!r}: {', '.join(sorted({*entries(), 'starter'}))}.") from None


def build(name: str, arguments: Any, classes: int) -> Net:
    """The network with random weights; RecipeError if it cannot be trained for the task."""
    found = entry(name)
    if arguments.task not in found.tasks:
        raise RecipeError(f"{name} cannot be trained for {arguments.task!r}: {', '.join(found.tasks)}.")
    return found.build(arguments, classes)


def rebuilt(name: str, arguments: Mapping[str, Any], classes: int) -> Net:
    """The network that `arguments` (as in a file: see told) tell of."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    return build(name, entry(name).arguments(**values), classes)


def told(arguments: Any) -> dict[str, Any]:
    """Arguments as plain values for a file."""
    return asdict(arguments)


def arguments_of(name: str, arguments: Any, classes: tuple[str, ...]) -> dict[str, Any]:
    """What a network file keeps beside the weights, so that it can be built anew."""
    return {"net": name, "values": told(arguments), "classes": list(classes)}


def of_file(network: NetworkFile) -> tuple[Net, tuple[str, ...]]:
    """The network of a file with its weights, in eval mode, and its classes. Raises NetworkFileError."""
    try:
        name, values, classes = (network.arguments[key] for key in ("net", "values", "classes"))
    except KeyError as error:
        raise NetworkFileError(f"{network.name} was not made by one of the networks of this catalogue.") from error
    try:
        net = rebuilt(name, values, len(classes))
        net.load_state_dict({key: torch.from_numpy(array) for key, array in network.arrays.items()})
    except (RecipeError, RuntimeError, TypeError) as error:
        raise NetworkFileError(f"{network.name} does not fit this version's {name}.") from error
    return net.eval(), tuple(classes)


def from_file(path: str | Path) -> Net:
    """The network of a file that training made, in eval mode. Raises NetworkFileError."""
    return of_file(files.load(path))[0]
