"""A training's state at rest: tensors in a safetensors file, plain facts as JSON in its header; never pickle.

A checkpoint rebuilds itself: weights, the optimiser's state, the schedule's, the random generators', where the training
stood, and the arguments and recipe by which it began.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

NAME = "checkpoint.safetensors"
_KEY = "evoke"


class CheckpointError(ValueError):
    """A checkpoint that cannot be gone on from; the message is one sentence fit for a terminal."""


def save(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint into `folder`; a kill at any moment leaves the former one or this one, whole.

    Raises CheckpointError where there is no room; the former one stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{NAME}.part"
    whole = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    try:
        safetensors.torch.save_file(whole, part, metadata={_KEY: json.dumps(facts)})
        os.replace(part, folder / NAME)
    except safetensors.SafetensorError as error:  # how it tells of a full disk
        part.unlink(missing_ok=True)
        raise CheckpointError(f"The checkpoint could not be written into {folder}: {error}.") from error


def load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of the checkpoint in `folder`. Raises CheckpointError."""
    try:
        with safetensors.safe_open(folder / NAME, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no mapping
            return tensors, json.loads(file.metadata()[_KEY])
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint in {folder}.") from error
    except (OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"The checkpoint in {folder} is damaged or of another program.") from error


def of_training(net: nn.Module, optimiser: Optimizer, schedule: LRScheduler) -> tuple[dict[str, Tensor], dict]:
    """Tensors and facts from which `restore` makes the same training."""
    tensors = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    state = optimiser.state_dict()
    scalars: dict[str, dict[str, Any]] = {}
    for place, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{place}.{name}"] = value
            else:
                scalars.setdefault(str(place), {})[name] = value
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    kept = {key: value for key, value in schedule.state_dict().items() if not key.startswith("_get")}
    return tensors, {"groups": state["param_groups"], "scalars": scalars, "schedule": kept}


def restore(
    tensors: Mapping[str, Tensor], facts: Mapping[str, Any], net: nn.Module, optimiser: Optimizer, schedule: LRScheduler
) -> None:
    """Set the three, and the random generators, to what `of_training` saw. Raises CheckpointError."""
    try:
        net.load_state_dict(_named(tensors, "net."))
        state: dict[int, dict[str, Any]] = {int(place): dict(values) for place, values in facts["scalars"].items()}
        for name, tensor in _named(tensors, "optimiser.").items():
            place, key = name.split(".", 1)
            state.setdefault(int(place), {})[key] = tensor
        optimiser.load_state_dict({"state": state, "param_groups": facts["groups"]})
        schedule.load_state_dict(dict(facts["schedule"]))
    except (KeyError, RuntimeError, ValueError) as error:
        raise CheckpointError("The checkpoint is of another network or recipe.") from error
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])


def _named(tensors: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
