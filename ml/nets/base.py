"""What every network that `manage.py train` trains has in common: its views, its answers, its loss, what learns.

A network is built from its arguments alone (so that a file can rebuild it) and never loads or downloads anything then;
`start` fetches what its paper starts from, once, before training.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from ml import losses
from ml.data.loading import Key
from ml.data.photographs import Photographs
from ml.views import Input

Said = dict[str, Tensor]  # what a network says of n photographs, by name
Known = Mapping[str, Tensor]  # what is known of them: see ml.data.photographs

SCORE, DISTRIBUTION = "score", "distribution"
BINS = 10  # of a distribution


class NoWeights(ValueError):
    """Weights that a recipe starts from cannot be had here; the message is one sentence fit for a table."""


class Net(nn.Module):
    """A network of one task.

    task "score": one number in 0-1, the mean rating; "distribution": probabilities of ten bins; any other ("binary",
    "emotion", "style", ...): one of `classes` classes.
    """

    views: tuple[Input, ...]  # how a photograph becomes each input of forward
    best_on_test: ClassVar[bool] = False  # whether the report itself gives the highest figure on the test set

    def __init__(self, task: str, classes: int) -> None:
        super().__init__()
        self.task, self.classes = task, classes

    @property
    def outputs(self) -> int:
        """Width of the last layer."""
        return {SCORE: 1, DISTRIBUTION: BINS}.get(self.task, self.classes)

    def forward(self, *inputs: Tensor) -> Said:
        """One tensor (n, channels, side, side) a view -> at least {"logits": (n, outputs)}."""
        raise NotImplementedError

    def losses(self, said: Said, known: Known) -> dict[str, Tensor]:
        """The terms, already weighted, whose sum is minimised; scalars."""
        return {"loss": losses.of_task(self.task, said["logits"], known)}

    def answers(self, said: Said) -> Said:
        """{"score": (n,)}, {"distribution": (n, 10)} or {"probabilities": (n, classes)}; averaged over views."""
        return losses.answer(self.task, said["logits"])

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """The optimiser's groups: all that learns, at one rate. Papers with rates of their own override this."""
        learning = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return [{"params": learning, "lr": lr, "weight_decay": weight_decay}]

    def start(self) -> None:
        """Initial weights beyond the random ones, before training. Raises NoWeights where they cannot be had."""

    def enter(self, stage: str, epoch: int) -> None:
        """Called before each epoch (from 0 in each stage): what is frozen, which losses count."""

    def sampler(
        self, photographs: Photographs, rows: NDArray[np.int64], batch: int, generator: Generator
    ) -> Iterator[list[Key]] | None:
        """An epoch's batches, where shuffling is not enough; a key is a row, or (row, more that is known of it)."""
        return None

    def look(
        self, photographs: Photographs, rows: NDArray[np.int64], batches: Callable[[], Iterable[tuple[Tensor, ...]]]
    ) -> None:
        """Called once before training: what the network takes from the training photographs (centroids, a mean).

        batches() goes over their first eval views, in the order of rows; results belong into buffers.
        """
