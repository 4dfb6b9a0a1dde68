"""Initial values that several networks share."""

from torch import nn


def he(net: nn.Module) -> None:
    """He, Zhang, Ren, Sun (2015), arXiv 1502.01852: normal weights of variance 2 / inputs, for ReLU; biases 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
