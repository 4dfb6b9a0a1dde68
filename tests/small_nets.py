"""Networks on a handful of made-up photographs: what is known of them, and a plain loop that learns them by heart."""

import torch
from torch import Tensor, nn

from ml.nets.base import Net, Said


def known(n: int, **told: Tensor) -> dict[str, Tensor]:
    """Targets of n photographs as the loop gives them: all keys, unknown but for those told."""
    nothing = {"score": (), "distribution": (10,), "attributes": (11,)}
    found = {name: torch.full((n, *shape), torch.nan) for name, shape in nothing.items()}
    found |= {name: torch.full((n,), -1) for name in ("label", "high")}
    return found | told


def learn(
    net: Net, inputs: Tensor, targets: dict[str, Tensor], *, steps: int, lr: float = 1e-3, optimiser: str = "Adam"
) -> Said:
    """What the network answers in eval mode after learning one batch by heart. Seeded; one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    learner = getattr(torch.optim, optimiser)(net.parameter_groups(lr, 0.0))
    falling = torch.optim.lr_scheduler.LinearLR(learner, 1.0, 0.05, steps)
    net.train()
    for _ in range(steps):
        learner.zero_grad()
        total = sum(net.losses(net(inputs), targets).values())
        assert isinstance(total, Tensor)
        total.backward()
        learner.step()
        falling.step()
    settle(net, inputs)
    return answered(net, inputs)


def settle(net: Net, inputs: Tensor) -> None:
    """Let the statistics of batch norm catch up with the weights, for which so few steps are not enough."""
    norms = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d) and layer.training]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        net(inputs)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum


def answered(net: Net, inputs: Tensor) -> Said:
    """The answers in eval mode."""
    net.eval()
    with torch.no_grad():
        return net.answers(net(inputs))


def pictures(n: int, side: int) -> Tensor:
    """Photographs of large blurred spots (n, 3, side, side), the same each time."""
    spots = torch.randn((n, 3, 4, 4), generator=torch.Generator().manual_seed(1))
    return nn.functional.interpolate(spots, size=(side, side), mode="bicubic")


def count(net: nn.Module, *, learning: bool = False) -> int:
    """Parameters, or those that learn."""
    return sum(each.numel() for each in net.parameters() if each.requires_grad or not learning)
