"""What the fine-tuned networks share: a trunk with ImageNet weights, and a new last layer that learns faster."""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor, nn

from ml.nets.base import Net, Said
from ml.nets.lite import Lite
from ml.nets.rates import faster
from ml.recipes import RecipeError
from ml.views import View

NEW = 10  # times the rate, of the new layer


class FineTunedArguments(Protocol):
    """What every such network can be told."""

    @property
    def task(self) -> str: ...
    @property
    def trunk(self) -> str: ...
    @property
    def weights(self) -> str: ...
    @property
    def side(self) -> int: ...


class FineTuned(Net):
    """A trunk (n, 3, s, s) -> (n, width) that can `load` its weights, and a new last layer on it."""

    def __init__(self, arguments: FineTunedArguments, classes: int, own: str, trunk: Callable[[], Any]) -> None:
        """own: the trunk's name; trunk(): builds it. trunk=lite0 takes the packaged EfficientNet-Lite0 in its place.

        Raises RecipeError for any other name.
        """
        super().__init__(arguments.task, classes)
        self.arguments = arguments
        if arguments.trunk not in (own, "lite0"):
            raise RecipeError(f"trunk must be {own} or lite0, not {arguments.trunk!r}.")
        self.trunk: Any = Lite() if arguments.trunk == "lite0" else trunk()
        self.last = nn.Linear(self.trunk.width, self.outputs)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)
        norm = "lite" if arguments.trunk == "lite0" else "imagenet"
        self.views = (View("warp", round(arguments.side * 256 / 224), arguments.side, norm),)

    def forward(self, *inputs: Tensor) -> Said:
        """(n, 3, s, s) -> logits (n, outputs)."""
        return {"logits": self.last(self.trunk(inputs[0]))}

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """The new layer at ten times the rate."""
        return faster(self.trunk, self.last, NEW, lr, weight_decay)

    def start(self) -> None:
        """The trunk's ImageNet weights; Lite's are packaged. Raises NoWeights."""
        if self.arguments.weights == "imagenet":
            self.trunk.load()
