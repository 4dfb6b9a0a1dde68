"""One network, one recipe, one data set: planned from a command's words, trained, judged on photographs it never saw.

plan = planned("ram", [("aadb", folder)], ["epochs=20", "side=64"], seed=0)
made = train(plan, runs / plan.slug, out)          # -> a network file whose card holds the figures
"""

import dataclasses
import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from ml import files
from ml.data import kinds, loading
from ml.data.photographs import Photographs, Rule
from ml.data.splits import SHARES
from ml.data.tables import DataError
from ml.evaluate import floor_of
from ml.feed import Feed, Rows, parts_of
from ml.files import NetworkFile
from ml.joined import beauty
from ml.judge import figures_of
from ml.loop import Fit
from ml.moods import MOODS
from ml.nets import catalog
from ml.nets.base import Net
from ml.predict import predict
from ml.recipes import TRAINING, RecipeError, Training, with_settings

DATA = "data."  # settings of readers begin with it
RULES = {"": None, "median": Rule(threshold=None), "above": Rule(at_least=False), "at least": Rule(at_least=True)}

SPLITS = ("groups", "naive")


@dataclass(frozen=True)
class Protocol:
    """How a data set is used: what `--set` may change beside a network's arguments and its recipe."""

    delta: float = 0.0  # training photographs closer than this to the threshold are left out
    rule: str = ""  # of high quality: the set's own; above its median; above, or "at least", the set's own threshold
    split: str = "groups"  # where no official lists are: groups kept together, or naive: photograph by photograph
    shares: tuple[float, ...] = SHARES  # of train, validation and test, where no official lists are
    most: int = 0  # training photographs by lot; 0: all

    def __post_init__(self) -> None:
        if self.rule not in RULES or self.split not in SPLITS:
            raise RecipeError(f"rule: {', '.join(filter(None, RULES))}; split: {', '.join(SPLITS)}.")
        if len(self.shares) != 3 or min(self.shares) < 0 or not self.shares[0] or not self.shares[2]:
            raise RecipeError("shares are three numbers: of train, validation and test.")

    def parts(self, photographs: Photographs, task: str, seed: int) -> tuple[Rows, NDArray[np.int64]]:
        """Rows of the parts, and which are high, as ml.feed.parts_of. Raises DataError."""
        own = photographs.rule
        rule = {"median": Rule(None), "above": replace(own, at_least=False), "at least": replace(own, at_least=True)}
        shares = (self.shares[0], self.shares[1], self.shares[2])
        return parts_of(photographs, task, seed=seed, delta=self.delta, rule=rule.get(self.rule, own), shares=shares)


@dataclass(frozen=True)
class Plan:
    """Everything that decides a training."""

    name: str
    arguments: Any
    recipe: Training
    data: tuple[tuple[str, Path], ...]
    protocol: Protocol = Protocol()
    options: Mapping[str, str] = field(default_factory=dict)  # of the readers
    seed: int = 0

    @property
    def slug(self) -> str:
        """The name of its run: the network's, and a hash of all that decides it."""
        told = [self.name, asdict(self.arguments), asdict(self.recipe), asdict(self.protocol), dict(self.options)]
        told += [[kind, str(folder)] for kind, folder in self.data]
        digest = hashlib.sha256(json.dumps([told, self.seed], sort_keys=True).encode()).hexdigest()
        return f"{self.name}-{digest[:8]}"


def planned(name: str, data: Sequence[tuple[str, Path]], settings: Sequence[str] = (), seed: int = 0) -> Plan:
    """A plan from `name=value` settings: of the network's arguments, its recipe, the protocol, or data.OPTION.

    Raises RecipeError on an unknown network, name or value.
    """
    entry = catalog.entry(name)
    parts: list[Any] = [entry.arguments(), TRAINING.get(name, Training()), Protocol()]
    own: list[list[str]] = [[] for _ in parts]
    options = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key.startswith(DATA):
            options[key.removeprefix(DATA)] = value
            continue
        place = next((n for n, part in enumerate(parts) if key in _names(part)), None)
        if place is None:
            known = [each for part in parts for each in _names(part)]
            raise RecipeError(f"{name} has no setting {key!r}; it has {', '.join(known)} (as name=value).")
        own[place].append(setting)
    parts = [with_settings(part, words) for part, words in zip(parts, own, strict=True)]
    if parts[0].task not in entry.tasks:
        raise RecipeError(f"{name} cannot be trained for {parts[0].task!r}: {', '.join(entry.tasks)}.")
    arguments, recipe, protocol = parts
    return Plan(name, arguments, recipe, tuple(data), protocol, options, seed)


def _names(part: Any) -> list[str]:
    return [each.name for each in dataclasses.fields(part)]


@dataclass
class Trial:
    """A plan with its photographs at hand."""

    plan: Plan
    net: Net
    feed: Feed
    rows: Rows


def prepared(plan: Plan, workers: int | None = None) -> Trial:
    """Read the data and build the network. Raises DataError, RecipeError."""
    photographs = read(plan)
    task = plan.arguments.task
    rows, high = parts_of(photographs, task, seed=plan.seed, delta=plan.protocol.delta, rule=RULES[plan.protocol.rule])
    if plan.protocol.most:
        generator = torch.Generator().manual_seed(plan.seed)
        drawn = torch.randperm(len(rows.train), generator=generator)[: plan.protocol.most].sort().values
        rows = replace(rows, train=rows.train[drawn.numpy()])
    torch.manual_seed(plan.seed)  # of the initial weights
    net = catalog.build(plan.name, plan.arguments, len(loading.classes_of(photographs, task)))
    return Trial(plan, net, Feed(photographs, task, high, net.views, plan.seed, workers), rows)


def read(plan: Plan) -> Photographs:
    """The plan's data sets, as one. Raises DataError."""
    return read_data(plan.data, plan.protocol, plan.options, plan.seed)


def read_data(
    data: Sequence[tuple[str, Path]], protocol: Protocol, options: Mapping[str, str], seed: int
) -> Photographs:
    """Data sets as one, grouped as the protocol says. Raises DataError."""
    if not data:
        raise DataError("A network needs photographs: --data KIND:DIR.")
    found = kinds.read_several(data, options, seed)
    if protocol.split == "naive":
        return replace(found, groups=np.array([str(place) for place in range(len(found))]))
    return found


def train(
    plan: Plan,
    folder: Path,
    out: Path,
    *,
    resume: bool = False,
    command: str = "",
    workers: int | None = None,
    told: Callable[[Mapping[str, Any]], None] = lambda state: None,
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> NetworkFile:
    """Train in `folder` (checkpoint, curves), judge on the test part, save file and card in `out`.

    Raises DataError, RecipeError, NoWeights, Diverged, Interrupted, CheckpointError.
    """
    trial = prepared(plan, workers)
    started = time.monotonic()
    run = Fit(trial.net, trial.feed, trial.rows, plan.recipe, folder, plan.seed, asked_to_stop, told)
    standing = run.run(resume)
    seconds = sum(row["seconds"] for row in standing.history)
    card = {
        "arguments": catalog.arguments_of(plan.name, plan.arguments, trial.feed.classes),
        "recipe": {"name": plan.name, **asdict(plan.recipe)},
        "protocol": asdict(plan.protocol),
        "data": _told(trial, standing.unreadable),
        "seed": plan.seed,
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        **_judgement(trial),
        "epochs": list(standing.history),
        "chosen": standing.chosen,
        "seconds": round(seconds, 1),
        "seconds_in_all": round(time.monotonic() - started, 1),
        "processor_seconds": processor_seconds(),
        "peak_megabytes": peak_megabytes(),
        "paper": catalog.entry(plan.name).paper,
    }
    if trial.net.best_on_test:
        card["best_on_test"] = max(row["test"]["accuracy"] for row in standing.history)
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in trial.net.state_dict().items()}
    made = files.save(out, plan.name, arrays, card)
    (out / f"{made.name}.svg").write_text((folder / "curves.svg").read_text())
    return made


def judged(trial: Trial) -> dict[str, Any]:
    """The figures of the task on the test part, with intervals."""
    return figures_of(trial.net.task, trial.feed, _tested(trial))


def _tested(trial: Trial) -> dict[str, NDArray[Any]]:
    """Answers for the test part."""
    rows = trial.feed.evaluation(trial.rows.test, trial.plan.recipe.batch)
    device = next((parameter.device for parameter in trial.net.parameters()), torch.device("cpu"))
    return predict(trial.net, rows, device)


def _judgement(trial: Trial) -> dict[str, Any]:
    """Figures, and what a site needs that is to run the network: see ml.joined."""
    said, task = _tested(trial), trial.net.task
    found: dict[str, Any] = {"figures": figures_of(task, trial.feed, said)}
    if task in ("score", "distribution", "binary"):
        values = beauty(task, said)
        found["said"] = {"mean": float(values.mean()), "sd": max(float(values.std()), 1e-6)}
    elif set(trial.feed.classes) == set(MOODS):
        truth, places = trial.feed.label[said["row"]], [trial.feed.classes.index(mood) for mood in MOODS]
        found["floors"] = [floor_of(truth == place, said["probabilities"][:, place]) for place in places]
    return found


def _told(trial: Trial, unreadable: Sequence[int]) -> dict[str, Any]:
    """What was trained on, without paths."""
    rows = trial.rows
    return {
        "sets": [kind for kind, _ in trial.plan.data],
        "task": trial.net.task,
        "train": len(rows.train),
        "validation": len(rows.validation),
        "test": len(rows.test),
        "missing": trial.feed.photographs.missing,
        "unreadable": len(unreadable),
        "classes": list(trial.feed.classes),
    }


def processor_seconds() -> float:
    """Processor time of this process and of those that read photographs for it: steadier than a clock on the wall."""
    readers = [each.cpu_times() for each in psutil.Process().children(recursive=True)]
    return round(time.process_time() + sum(times.user + times.system for times in readers), 1)


def peak_megabytes() -> int:
    """The most memory that this process has held."""
    unit = 1024 if sys.platform.startswith("linux") else 1  # kilobytes there, bytes on a Mac
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)
