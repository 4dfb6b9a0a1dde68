"""The training loop: one network, one recipe, on whatever accelerate finds (CPU, one GPU, several, several machines).

Read `fit` from the top. Epochs are chosen on validation alone. A checkpoint after every epoch, every five minutes and
at an interruption holds all that decides the rest, so that going on gives the same final weights as never stopping.
"""

import csv
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ml import checkpoints, curves, schedules
from ml.data.loading import shuffled
from ml.feed import Feed, Rows
from ml.judge import figures_of
from ml.nets.base import Net
from ml.predict import predict
from ml.protocols import key_of
from ml.recipes import Training

SAVE_SECONDS = 300
BEST = "best.safetensors"


class Interrupted(Exception):
    """The training was asked to stop; its checkpoint is saved."""


class Diverged(ValueError):
    """The loss is no number any more; the message is one sentence fit for a terminal."""


@dataclass
class Standing:
    """Where a training stands: what it does next, and what it has seen."""

    stage: int = 0
    epoch: int = 0
    step: int = 0
    best: float = -math.inf  # validation metric of the stage's best epoch
    stale: int = 0  # epochs since
    chosen: int | None = None  # row of history whose weights are kept
    totals: dict[str, float] = field(default_factory=dict)  # of the epoch begun: sums of the loss terms
    history: list[dict[str, Any]] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)  # rows of training photographs that no batch could hold


@dataclass
class Fit:
    """One training: the network, its photographs, its recipe, and the folder in which it can be gone on with."""

    net: Net
    feed: Feed
    rows: Rows
    recipe: Training
    folder: Path
    seed: int = 0
    asked_to_stop: Callable[[], bool] = lambda: False
    told: Callable[[Mapping[str, Any]], None] = lambda state: None

    def run(self, resume: bool = False) -> Standing:
        """Train; the network ends with the weights of the last stage's best epoch.

        Raises Interrupted (saved), Diverged, CheckpointError (resume without a fitting checkpoint).
        """
        accelerator = self.accelerator = self._accelerator()
        standing = self.standing = Standing()
        found = self._resumed() if resume else None
        if found is None:
            torch.manual_seed(self.seed)
            self.net.start()
            self._look()
        for stage, (name, epochs, factor) in enumerate(schedules.stages(self.recipe)):
            if stage < standing.stage:
                continue
            self.net.enter(name, standing.epoch)
            self.net.to(accelerator.device)
            optimiser = schedules.optimiser(self.net, self.recipe, factor)
            schedule = schedules.schedule(optimiser, self.recipe, epochs)
            if found is not None:
                checkpoints.restore(*found, self.net, optimiser, schedule)
                found = None
            self._stage(name, epochs, optimiser, schedule)
            self._take_best()
            self._next_stage()
        return standing

    def _stage(self, name: str, epochs: int, optimiser: Optimizer, schedule: LRScheduler) -> None:
        """The epochs of one stage that are left."""
        standing = self.standing
        model, prepared = self.accelerator.prepare(self.net, optimiser)
        if self.recipe.compile:
            model = torch.compile(model)
        while standing.epoch < epochs and not self._patience_ended():
            started = time.monotonic()
            self.net.enter(name, standing.epoch)
            self._train_one_epoch(model, prepared, schedule)
            metric = self._judge(name, optimiser, time.monotonic() - started)
            schedule.step(metric) if isinstance(schedule, ReduceLROnPlateau) else schedule.step()
            standing.epoch, standing.step, standing.totals = standing.epoch + 1, 0, {}
            self._save(optimiser, schedule)

    def _train_one_epoch(self, model: torch.nn.Module, optimiser: Optimizer, schedule: LRScheduler) -> None:
        """Steps of the epoch begun, from where it stands; gradients are summed over `accumulate` batches."""
        standing, saved = self.standing, time.monotonic()
        self.net.train()
        keys = self._batches()
        for batch in self.feed.training(keys[standing.step :], self._epoch_seed()):
            standing.unreadable = sorted({*standing.unreadable, *batch.unreadable})
            last = standing.step + 1 == len(keys)
            syncs = last or (standing.step + 1) % self.recipe.accumulate == 0
            with nullcontext() if syncs else self.accelerator.no_sync(model):
                terms = self._losses(model, batch) if len(batch.rows) else {}
                if terms:
                    self.accelerator.backward(sum(terms.values()) / self._share(standing.step, len(keys)))
            if syncs:
                optimiser.step()
                optimiser.zero_grad()
            standing.step += 1
            self._count(terms, len(keys))
            if syncs and not last and (self.asked_to_stop() or time.monotonic() - saved > SAVE_SECONDS):
                self._save(_plain(optimiser), schedule)
                saved = time.monotonic()
            if syncs and self.asked_to_stop() and not last:
                raise Interrupted
        if self.asked_to_stop():
            self._save(_plain(optimiser), schedule)
            raise Interrupted

    def _losses(self, model: torch.nn.Module, batch: Any) -> dict[str, Tensor]:
        device = self.accelerator.device
        form = torch.channels_last if self.recipe.channels_last else torch.contiguous_format
        inputs = [_as(each.to(device), form) for each in batch.inputs]
        with self.accelerator.autocast():
            said = model(*inputs)
        said = {name: value.float() if value.is_floating_point() else value for name, value in said.items()}
        terms = self.net.losses(said, {name: value.to(device) for name, value in batch.known.items()})
        if not all(bool(torch.isfinite(term)) for term in terms.values()):
            names = ", ".join(name for name, term in terms.items() if not torch.isfinite(term))
            raise Diverged(f"The training diverged: {names} is no number in epoch {self.standing.epoch + 1}.")
        return terms

    def _share(self, step: int, count: int) -> int:
        """Batches of the optimiser's step that this one belongs to."""
        whole = self.recipe.accumulate
        return min(whole, count - step // whole * whole)

    def _count(self, terms: Mapping[str, Tensor], steps: int) -> None:
        totals = self.standing.totals
        for name, term in terms.items():
            totals[name] = totals.get(name, 0.0) + float(term.detach())
        totals["batches"] = totals.get("batches", 0) + bool(terms)
        standing = self.standing
        where = {"stage": standing.stage, "epoch": standing.epoch, "step": standing.step, "steps": steps}
        self.told({**where, "best": standing.best, "history": standing.history, "unreadable": standing.unreadable})

    def _batches(self) -> list[list[Any]]:
        """This process's share of the epoch's batches of row numbers, in an order that seed and epoch decide."""
        generator = torch.Generator().manual_seed(self._epoch_seed())
        photographs, rows, size = self.feed.photographs, self.rows.train, self.recipe.batch
        own = self.net.sampler(photographs, rows, size, generator)
        batches: list[list[Any]] = list(own) if own is not None else [*shuffled(rows, size, generator)]
        if len(batches) > 1 and len(batches[-1]) == 1:  # batch norm cannot learn from one photograph
            batches[-2] += batches.pop()
        shared = len(batches) // self.accelerator.num_processes * self.accelerator.num_processes
        kept = batches[:shared] or batches
        return kept[self.accelerator.process_index :: self.accelerator.num_processes] or kept[:1]

    def _epoch_seed(self) -> int:
        return ((self.seed * 1009 + self.standing.stage) * 1009 + self.standing.epoch) * 1009 % 2**31

    def _judge(self, stage: str, optimiser: Optimizer, seconds: float) -> float:
        """Figures of the epoch on validation into the history; the best epoch's weights are kept in a file."""
        standing = self.standing
        figures = self._figures(self.rows.validation)
        metric = key_of(figures)
        batches = max(standing.totals.pop("batches", 1), 1)
        losses = {name: total / batches for name, total in standing.totals.items()}
        row = {"stage": stage, "epoch": standing.epoch, "lr": optimiser.param_groups[0]["lr"], "seconds": seconds}
        row |= {"loss": sum(losses.values()), "validation": metric, "losses": losses}
        if self.net.best_on_test:  # the report's own way, labelled; it decides nothing
            row["test"] = self._figures(self.rows.test)
        standing.history.append(row)
        standing.stale += 1
        if metric > standing.best:
            standing.best, standing.stale, standing.chosen = metric, 0, len(standing.history) - 1
            if self.accelerator.is_main_process:
                tensors = {name: tensor.detach().cpu().clone() for name, tensor in self.net.state_dict().items()}
                safetensors.torch.save_file(tensors, self.folder / BEST)
        if self.accelerator.is_main_process:
            write_history(self.folder, standing)
        self.accelerator.wait_for_everyone()
        return metric

    def _figures(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        mine = rows[self.accelerator.process_index :: self.accelerator.num_processes]
        said = predict(self.net, self.feed.evaluation(mine, self.recipe.batch), self.accelerator.device)
        parts = gather_object([said])
        whole = {name: np.concatenate([part[name] for part in parts if name in part]) for name in parts[0]}
        return figures_of(self.net.task, self.feed, whole, seed=None)

    def _patience_ended(self) -> bool:
        return 0 < self.recipe.patience <= self.standing.stale

    def _take_best(self) -> None:
        if self.standing.history and (self.folder / BEST).is_file():
            self.net.load_state_dict(safetensors.torch.load_file(self.folder / BEST))

    def _next_stage(self) -> None:
        standing = self.standing
        standing.stage, standing.epoch, standing.step = standing.stage + 1, 0, 0
        standing.best, standing.stale = -math.inf, 0

    def _look(self) -> None:
        """Let the network see the training photographs once."""
        rows = self.rows.train

        def batches() -> Iterator[tuple[Tensor, ...]]:
            for batch in self.feed.evaluation(rows, self.recipe.batch):
                yield tuple(views[:, 0] for views in batch.inputs)

        with torch.no_grad():
            self.net.look(self.feed.photographs, rows, batches)

    def _save(self, optimiser: Optimizer, schedule: LRScheduler) -> None:
        if self.accelerator.is_main_process:
            tensors, facts = checkpoints.of_training(self.net, optimiser, schedule)
            standing = {**asdict(self.standing), "best": _json(self.standing.best)}
            checkpoints.save(self.folder, tensors, {**facts, "standing": standing, "told": self._told()})

    def _resumed(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors, facts = checkpoints.load(self.folder)
        if facts["told"] != self._told():
            raise checkpoints.CheckpointError("The checkpoint is of another recipe, seed or data; begin anew.")
        known = facts["standing"]
        self.standing.__dict__.update({**known, "best": -math.inf if known["best"] is None else known["best"]})
        return tensors, facts

    def _told(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to fit."""
        recipe = json.loads(json.dumps(asdict(self.recipe)))
        return {
            "recipe": recipe,
            "seed": self.seed,
            "task": self.net.task,
            "rows": [len(self.rows.train), len(self.feed.photographs)],
        }

    def _accelerator(self) -> Accelerator:
        self.folder.mkdir(parents=True, exist_ok=True)
        precision = "bf16" if self.recipe.precision == "bf16" else "no"
        handlers = [DistributedDataParallelKwargs(find_unused_parameters=True)]
        return Accelerator(mixed_precision=precision, kwargs_handlers=handlers)


def write_history(folder: Path, standing: Standing) -> None:
    """history.json, history.csv and curves.svg of the epochs so far."""
    (folder / "history.json").write_text(json.dumps(standing.history, indent=1))
    with (folder / "history.csv").open("w", newline="") as file:
        names = ["stage", "epoch", "lr", "loss", "validation", "seconds"]
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(standing.history)
    (folder / "curves.svg").write_text(curves.draw(standing.history, standing.chosen))


def _as(tensor: Tensor, form: torch.memory_format) -> Tensor:
    return tensor.contiguous(memory_format=form) if tensor.dim() == 4 else tensor


def _plain(optimiser: Any) -> Optimizer:
    """The optimiser inside accelerate's wrapper."""
    return getattr(optimiser, "optimizer", optimiser)


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None
