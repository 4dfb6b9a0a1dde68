"""Optimisers and learning rates by epoch, from a recipe; torch's own."""

from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim import lr_scheduler as schedulers

from ml.nets.base import Net
from ml.recipes import RecipeError, Training


def stages(training: Training) -> list[tuple[str, int, float]]:
    """Name, epochs and factor of the rate of each stage; one stage "all" where the recipe names none."""
    if not training.stages:
        return [("all", training.epochs, 1.0)]
    found = []
    for word in training.stages:
        name, _, rest = word.partition(":")
        epochs, _, factor = rest.partition(":")
        try:
            found.append((name, int(epochs), float(factor or 1)))
        except ValueError:
            raise RecipeError(f"A stage is name:epochs or name:epochs:factor, not {word!r}.") from None
    return found


def optimiser(net: Net, training: Training, factor: float = 1.0) -> Optimizer:
    """The recipe's optimiser over what learns now. factor: of the recipe's rate."""
    groups = net.parameter_groups(training.lr * factor, training.weight_decay)
    if training.optimiser == "sgd":
        return SGD(groups, lr=training.lr * factor, momentum=training.momentum)
    kind = {"adam": Adam, "adamw": AdamW}[training.optimiser]
    return kind(groups, lr=training.lr * factor)


def schedule(optimiser: Optimizer, training: Training, epochs: int) -> schedulers.LRScheduler:
    """How the rates fall; to be stepped once an epoch (plateau: with the validation metric)."""
    match training.schedule:
        case "step":
            return schedulers.StepLR(optimiser, training.every, training.factor)
        case "linear":
            end = training.last / training.lr
            return schedulers.LinearLR(optimiser, 1.0, end, total_iters=training.until or epochs)
        case "cosine":
            return schedulers.CosineAnnealingLR(optimiser, epochs)
        case "plateau":
            return schedulers.ReduceLROnPlateau(optimiser, "max", training.factor, training.every)
    return schedulers.ConstantLR(optimiser, 1.0)
