"""Photographs as batches of tensors, decoded by a bounded number of processes; the same whatever their number.

Random views of a photograph depend on the seed, the epoch and its row alone: torch's generator is set for each item
and put back after it, and the loader draws from a generator of its own. Nothing here moves the global one.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ml.data.images import UnreadableError, read_image
from ml.data.photographs import ATTRIBUTES, UNKNOWN, Photographs
from ml.data.splits import split as split  # all that a loop needs is here
from ml.data.tables import DataError
from ml.views import Input

BINS = 10
MOST_WORKERS = 8
PREFETCH = 2  # batches a worker holds ready

Key = int | tuple[int, dict[str, float]]  # a row, with more that is known of it in this batch alone
Known = dict[str, Tensor]


class Item(NamedTuple):
    """One photograph: an input for each view, what is known, and its row. inputs None: it cannot be read."""

    inputs: tuple[Tensor, ...] | None
    known: Known
    row: int


@dataclass(frozen=True)
class Batch:
    """Photographs that could be read, and how many could not; inputs is () where none could.

    Training: inputs (n, c, side, side), one a view. Eval: (n, v, c, side, side).
    """

    inputs: tuple[Tensor, ...]
    known: Known
    rows: Tensor  # (n,) int64
    unreadable: list[int]  # rows

    def pin_memory(self) -> "Batch":
        """The same in memory from which a GPU copies fast, for DataLoader(pin_memory=True)."""
        pinned = {name: value.pin_memory() for name, value in self.known.items()}
        return Batch(tuple(each.pin_memory() for each in self.inputs), pinned, self.rows, self.unreadable)


class Viewed(Dataset[Item]):
    """Photographs as a network sees them, by row."""

    def __init__(
        self,
        photographs: Photographs,
        views: Sequence[Input],
        known: Mapping[str, Tensor],
        *,
        training: bool,
        seed: int = 0,
    ) -> None:
        """known: see known_of, one row a photograph. training: random views, else those whose answers are averaged."""
        # one array, not a list: what workers count references to becomes memory of their own
        self._paths = np.array([os.fsencode(path) for path in photographs.paths])
        self.views, self.known = tuple(views), dict(known)
        self.training, self.seed = training, seed

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, key: "Key | Timed") -> Item:
        """A row, or (row, more), or either with its epoch, as Batches gives them."""
        epoch, key = key if isinstance(key, Timed) else (0, key)
        row, more = key if isinstance(key, tuple) else (key, {})
        known = {name: values[row] for name, values in self.known.items()}
        known |= {name: torch.tensor(value, dtype=_type(known.get(name))) for name, value in more.items()}
        try:
            image = read_image(Path(os.fsdecode(self._paths[row])))
        except UnreadableError:
            return Item(None, known, row)
        return Item(self._seen(image, row, epoch), known, row)

    def _seen(self, image: Tensor, row: int, epoch: int) -> tuple[Tensor, ...]:
        if not self.training:
            return tuple(view.eval(image) for view in self.views)
        with torch.random.fork_rng(devices=[]):  # devices: a worker must not touch the GPU
            torch.default_generator.manual_seed(_seed(self.seed, epoch, row))
            return tuple(view.train(image) for view in self.views)


class Timed(NamedTuple):
    """A key with its epoch (any whole number from 0): workers that live on cannot see it otherwise."""

    epoch: int
    key: Key


class Batches:
    """The batches of a loader whose workers live on: set `epoch` and `keys` before each pass over the loader."""

    def __init__(self, keys: Sequence[Sequence[Key]] = (), epoch: int = 0) -> None:
        self.keys, self.epoch = keys, epoch

    def __iter__(self) -> Iterator[list[Timed]]:
        for batch in self.keys:
            yield [Timed(self.epoch, key) for key in batch]

    def __len__(self) -> int:
        return len(self.keys)


def loader(viewed: Viewed, batches: Batches, workers: int | None = None, pinned: bool = False) -> DataLoader[Item]:
    """A loader of Batch, in the order of `batches`.

    workers: processes that decode, 0 for none; None: one less than there are cores. Never more than cores or
    MOST_WORKERS, each with PREFETCH batches ready. They start at the first pass and live as long as the loader.
    """
    count = min(_cores() - 1 if workers is None else workers, _cores(), MOST_WORKERS)
    return DataLoader(
        viewed,
        batch_sampler=batches,
        num_workers=count,
        collate_fn=collate,
        pin_memory=pinned,
        persistent_workers=count > 0,
        prefetch_factor=PREFETCH if count else None,
        generator=torch.Generator().manual_seed(viewed.seed),
    )


def collate(items: Sequence[Item]) -> Batch:
    """Those that could be read, as one batch. What only some know is NaN (whole numbers: -1) for the others."""
    read = [item for item in items if item.inputs is not None]
    inputs = zip(*(item.inputs or () for item in read), strict=True)
    names = list(dict.fromkeys(name for item in items for name in item.known))
    known = {name: _stacked([item.known.get(name) for item in read]) for name in names} if read else {}
    return Batch(
        inputs=tuple(torch.stack(each) for each in inputs),
        known=known,
        rows=torch.tensor([item.row for item in read], dtype=torch.int64),
        unreadable=[item.row for item in items if item.inputs is None],
    )


def shuffled(rows: NDArray[np.int64], batch: int, generator: torch.Generator) -> list[list[int]]:
    """The rows in random order, in batches; the last may be smaller."""
    order = rows[torch.randperm(len(rows), generator=generator).numpy()].tolist()
    return [order[start : start + batch] for start in range(0, len(order), batch)]


def in_order(rows: NDArray[np.int64], batch: int) -> list[list[int]]:
    """The rows as they stand, in batches."""
    return [rows[start : start + batch].tolist() for start in range(0, len(rows), batch)]


def known_of(photographs: Photographs, task: str, high: NDArray[np.int64]) -> Known:
    """What is known of each photograph, as a Net's losses take it: n rows each, NaN or -1 where unknown.

    high (n,): see Rule.high. "label" is `high` for the task "binary", -1 for "score" and "distribution", else the
    class. Labels with several classes a photograph also come as "several" (n, classes), 0 or 1. Raises DataError if the
    set does not know the task.
    """
    count = len(photographs)
    known = {
        "score": _column(photographs.score, (count,)),
        "label": torch.from_numpy(_label(photographs, task, high)),
        "distribution": _column(photographs.distribution, (count, BINS)),
        "attributes": _column(photographs.attributes, (count, len(ATTRIBUTES))),
        "high": torch.from_numpy(high.astype(np.int64)),
    }
    labels = photographs.labels.get(task)
    if labels is not None and labels.several is not None:
        known["several"] = torch.from_numpy(labels.several.astype(np.float32))
    if not taught(known, task).any():
        raise DataError(f"{photographs.name} knows nothing of {task!r}; it knows {', '.join(tasks_of(photographs))}.")
    return known


def taught(known: Mapping[str, Tensor], task: str) -> NDArray[np.bool_]:
    """(n,) which photographs say something on the task: only they can train or test it."""
    if task in ("score", "distribution"):
        values = known[task].reshape(len(known[task]), -1)
        return torch.isfinite(values).all(1).numpy()
    if "several" in known:  # to be of no class is known too: 236 of AVA's test photographs have no style
        return np.ones(len(known["several"]), bool)
    return (known["label"] >= 0).numpy()


def tasks_of(photographs: Photographs) -> list[str]:
    """The tasks that a data set can teach."""
    scored = ["binary", "score"] if photographs.score is not None else []
    drawn = ["distribution"] if photographs.distribution is not None else []
    return [*scored, *drawn, *sorted(photographs.labels)]


def classes_of(photographs: Photographs, task: str) -> tuple[str, ...]:
    """Names of the task's classes; () for "score" and "distribution". Raises DataError."""
    if task == "binary":
        return "low", "high"
    if task in ("score", "distribution"):
        return ()
    if task not in photographs.labels:
        raise DataError(f"{photographs.name} knows nothing of {task!r}; it knows {', '.join(tasks_of(photographs))}.")
    return photographs.labels[task].classes


def _label(photographs: Photographs, task: str, high: NDArray[np.int64]) -> NDArray[np.int64]:
    if task == "binary":
        return high.astype(np.int64)
    if task in photographs.labels:
        return photographs.labels[task].index.astype(np.int64)
    return np.full(len(photographs), UNKNOWN, np.int64)


def _column(values: NDArray[np.float64] | None, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(np.full(shape, np.nan, np.float32) if values is None else values.astype(np.float32))


def _stacked(values: Sequence[Tensor | None]) -> Tensor:
    like = next((value for value in values if value is not None), torch.tensor(0.0))
    unknown = torch.full_like(like, torch.nan if like.is_floating_point() else UNKNOWN)
    return torch.stack([unknown if value is None else value for value in values])


def _type(like: Tensor | None) -> torch.dtype:
    return torch.float32 if like is None else like.dtype


def _seed(*numbers: int) -> int:
    """One number of 63 bits from several; neighbours give unlike ones."""
    return int(
        np.random.SeedSequence([number % 2**63 for number in numbers]).generate_state(1, np.uint64)[0] >> np.uint64(1)
    )


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
