"""Parallel columns, each a specialist for one side of a photograph, and a join of what they say.

Suhail, Kumar, Balagopalan, "Aesthetic Rating and Emotion Analysis using deep learning", future work: "numerous parallel
networks, each specialised towards a particular feature". The report gives that sentence; all of the design is ours.

    column       sees (ml.nets.columns_views)       body                              learns alone (AADB)
    colour       Lab 64x64, 8x8x8 histogram         3 conv 16-32-64, fc on histogram  ColorHarmony, VividColor
    light        L 64x64, 64-bin histogram          3 conv 16-32-64                   Light
    sharpness    5 L 96x96 at native resolution     high-pass, 4 conv 16-32-64-64,    DoF, MotionBlur
                                                    mean and max over patches
    composition  saliency, edges, x, y 64x64        4 conv 16-32-64-64, 8x8 kept, fc  RuleOfThirds, Symmetry,
                                                                                      BalancingElements, Repetition
    semantic     frozen EfficientNet-Lite0          LayerNorm, fc 256                 Content, Object
    attention    100x100                            RAM (ml.nets.ram)                 high or low, by reward

Photographs without attributes give each column something else to learn, made of the photograph itself
(ml.nets.columns_targets):

    colour       how colourful it is, and how far its hues are from templates of harmony
    light        which gamma and exposure were applied to it
    sharpness    how much blur, noise and JPEG compression were applied to it
    composition  which part of the photograph it is, and how alike its halves are
    semantic     which of ten clusters of the training photographs it is in

Convolutions are 3x3 with stride 2 (composition's last: 1), then ReLU. Each column ends in fc -> 64 and LayerNorm.
Join: six words of 64 side by side (n, 384), whole columns dropped (p = .2) and the others scaled up, fc 128, ReLU,
dropout .5; from there the heads: score (1), ten bins of a distribution (10) and, for a class task, its classes.

Three stages: "columns", each alone on its own targets; "join", columns frozen; "all" at a tenth of the rate, the
columns' own losses kept at weight .3 so that they stay specialists. In the first stage the join already learns from the
columns without teaching them (its gradient is cut), so that validation says something and its best epoch can be kept.
RAM's own loss does not reach the last step of its column, which therefore learns with the join. The task's loss counts
1 and that of the other heads .3; scores are learnt in standard deviations from their mean.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torch.nn import functional

from ml import losses
from ml.data.photographs import ATTRIBUTES, Photographs
from ml.nets.base import BINS, DISTRIBUTION, SCORE, Known, Net, Said
from ml.nets.catalog import register
from ml.nets.columns_targets import colourfulness, hue_distance, part_of, relit, worsened
from ml.nets.columns_views import ColourView, CompositionView, LightView, SharpnessView
from ml.nets.initial import he
from ml.nets.ram import Arguments as RamArguments
from ml.nets.ram import Ram
from ml.nets.starter import Backbone
from ml.views import Input, View

COLUMNS = ("colour", "light", "sharpness", "composition", "semantic", "attention")
TAUGHT = {  # by AADB's attributes
    "colour": ("ColorHarmony", "VividColor"),
    "light": ("Light",),
    "sharpness": ("DoF", "MotionBlur"),
    "composition": ("RuleOfThirds", "Symmetry", "BalancingElements", "Repetition"),
    "semantic": ("Content", "Object"),
}
FREE = {  # without attributes
    "colour": ("colourfulness", "hue distance"),
    "light": ("gamma", "exposure"),
    "sharpness": ("blur", "noise", "compression"),
    "composition": ("across", "down", "likeness of halves"),
    "semantic": ("cluster",),
}
CLUSTERS = 10
LOOKED_AT = 5000  # photographs that the clusters are made of, at most
DROPPED = 0.2  # share of columns
ASIDE = 0.3  # weight of a column's own loss in the last stage, and of the heads that are not the task's
EMBEDDED = 1280  # of EfficientNet-Lite0
STAGES = ("columns", "join", "all")


@dataclass(frozen=True)
class Arguments:
    """targets: "auto" (attributes where the set has them) or "free" (never). width: a factor of the bodies' widths."""

    task: str = "score"
    targets: str = "auto"
    width: float = 1.0
    embedding: int = 64
    joint: int = 128
    patch: int = 96
    semantic_side: int = 224
    attention_side: int = 100
    rollouts: int = 10


# ---------------------------------------------------------------- columns


def convolutions(channels: tuple[int, ...], strides: tuple[int, ...]) -> nn.Sequential:
    """3x3 convolutions with ReLU; He initial values."""
    layers: list[nn.Module] = []
    for before, after, stride in zip(channels, channels[1:], strides, strict=False):
        layers += [nn.Conv2d(before, after, 3, stride, 1), nn.ReLU()]
    net = nn.Sequential(*layers)
    he(net)
    return net


def end(width: int, embedding: int) -> nn.Sequential:
    """A column's last step: its word."""
    return nn.Sequential(nn.Linear(width, embedding), nn.LayerNorm(embedding))


class Colour(nn.Module):
    """Which colours, and roughly where."""

    def __init__(self, width: Callable[[int], int], embedding: int) -> None:
        super().__init__()
        self.body = convolutions((3, width(16), width(32), width(64)), (2, 2, 2))
        self.counted = nn.Linear(8**3, width(64))
        self.end = end(2 * width(64), embedding)

    def forward(self, colours: Tensor) -> Tensor:
        """(n, 3, 64, 64) -> (n, embedding)."""
        parts = [self.body(colours).mean((2, 3)), torch.relu(self.counted(histogram(colours, 8)))]
        return self.end(torch.cat(parts, 1))


class Light(nn.Module):
    """How light and dark are spread, in values and in places."""

    def __init__(self, width: Callable[[int], int], embedding: int) -> None:
        super().__init__()
        self.body = convolutions((1, width(16), width(32), width(64)), (2, 2, 2))
        self.end = end(width(64) + 64, embedding)

    def forward(self, light: Tensor) -> Tensor:
        """(n, 1, 64, 64) -> (n, embedding)."""
        return self.end(torch.cat([self.body(light).mean((2, 3)), histogram(light, 64)], 1))


class Sharpness(nn.Module):
    """How sharp, how noisy: fine detail of patches, and of the one that has most of it."""

    def __init__(self, width: Callable[[int], int], embedding: int) -> None:
        super().__init__()
        self.body = convolutions((1, width(16), width(32), width(64), width(64)), (2, 2, 2, 2))
        self.end = end(2 * width(64), embedding)
        binomial = torch.tensor([1.0, 4, 6, 4, 1]) / 16
        kernel = -torch.outer(binomial, binomial)
        kernel[2, 2] += 1
        self.register_buffer("high_pass", 10 * kernel[None, None])  # detail is small; 10 brings it near 1

    def forward(self, patches: Tensor) -> Tensor:
        """(n, patches, s, s) -> (n, embedding)."""
        n, count = patches.shape[:2]
        detail = functional.conv2d(patches.flatten(0, 1)[:, None], self.get_buffer("high_pass"))
        seen = self.body(detail).mean((2, 3)).unflatten(0, (n, count))  # (n, patches, width)
        return self.end(torch.cat([seen.mean(1), seen.amax(1)], 1))


class Composition(nn.Module):
    """Where things are: no pooling over places."""

    def __init__(self, width: Callable[[int], int], embedding: int) -> None:
        super().__init__()
        self.body = convolutions((4, width(16), width(32), width(64), width(64)), (2, 2, 2, 1))
        self.end = end(width(64) * 8 * 8, embedding)

    def forward(self, planes: Tensor) -> Tensor:
        """(n, 4, 64, 64) -> (n, embedding)."""
        return self.end(self.body(planes).flatten(1))


class Semantic(nn.Module):
    """What it shows, by what ImageNet taught."""

    def __init__(self, width: Callable[[int], int], embedding: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(EMBEDDED)
        self.body = nn.Sequential(nn.Linear(EMBEDDED, width(256)), nn.ReLU())
        self.end = end(width(256), embedding)

    def forward(self, embedded: Tensor) -> Tensor:
        """(n, 1280) of the frozen backbone -> (n, embedding)."""
        return self.end(self.body(self.norm(embedded)))


BODIES = {
    "colour": Colour,
    "light": Light,
    "sharpness": Sharpness,
    "composition": Composition,
    "semantic": Semantic,
}


def histogram(planes: Tensor, bins: int) -> Tensor:
    """Joint histogram of planes (n, c, s, s) -> (n, bins ** c), roots of shares (their squares sum to 1).

    The first plane is lightness in 0-1, the others are within -1..1.
    """
    light, chroma = planes[:, :1], (planes[:, 1:] + 1) / 2
    cells = (torch.cat([light, chroma], 1).clamp(0, 1) * bins).long().clamp_max(bins - 1).flatten(2)  # (n, c, s * s)
    place = cells[:, 0]
    for plane in range(1, cells.shape[1]):
        place = place * bins + cells[:, plane]
    counts = planes.new_zeros(len(planes), bins ** planes.shape[1])
    counts.scatter_add_(1, place, torch.ones_like(place, dtype=counts.dtype))
    return (counts / place.shape[1]).sqrt()


def huber(said: Tensor, truth: Tensor) -> Tensor:
    """Mean Huber loss over what is known (not NaN); 0 where nothing is."""
    known = torch.isfinite(truth)
    return functional.huber_loss(said[known], truth[known]) if known.any() else said.sum() * 0


# ---------------------------------------------------------------- the network


class Join(nn.Module):
    """Words of columns (n, columns, embedding) -> (n, joint)."""

    def __init__(self, columns: int, embedding: int, joint: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(columns * embedding, joint), nn.ReLU(), nn.Dropout(0.5))

    def forward(self, words: Tensor, kept: Tensor) -> Tensor:
        """kept (n, columns): 1 or 0; training, more columns are dropped, but never all. Those left are scaled up."""
        if self.training:
            stays = kept * (torch.rand(kept.shape, device=kept.device) >= DROPPED)
            kept = torch.where(stays.any(1, keepdim=True), stays, kept)
        scale = kept.shape[1] / kept.sum(1, keepdim=True)
        return self.body((words * (kept * scale)[:, :, None]).flatten(1))


@register(
    "columns",
    arguments=Arguments,
    tasks=(SCORE, DISTRIBUTION, "binary", "emotion"),
    paper="Suhail, Kumar, Balagopalan, Aesthetic Rating and Emotion Analysis using deep learning, future work",
    about="Six small networks look at one side of a photograph each: colour, light, sharpness, composition, meaning, "
    "and where a glance goes. "
    "Each first learns its own subject, from attributes that people named or from the photograph itself. "
    "A join then weighs what they say.",
)
class Columns(Net):
    """Six specialists and a join."""

    def __init__(self, arguments: Arguments, classes: int) -> None:
        super().__init__(arguments.task, classes)
        a = self.arguments = arguments
        if a.targets not in ("auto", "free"):
            raise ValueError(f"targets must be auto or free, not {a.targets}")
        semantic = View("warp", a.semantic_side, a.semantic_side, "unit")
        attention = View("warp", a.attention_side, a.attention_side, "unit")
        own = (ColourView(), LightView(), SharpnessView(a.patch), CompositionView())
        self.views: tuple[Input, ...] = (*own, semantic, attention)
        self.backbone = Backbone("lite0")
        self.columns = nn.ModuleDict({name: body(self._width, a.embedding) for name, body in BODIES.items()})
        self.columns["attention"] = self._ram()
        self.attention_end = end(self._width(256), a.embedding)
        self.taught = self._own_heads({name: len(targets) for name, targets in TAUGHT.items()})
        self.free = self._own_heads({name: len(targets) for name, targets in FREE.items()} | {"semantic": CLUSTERS})
        self.join = Join(len(COLUMNS), a.embedding, a.joint)
        heads = {SCORE: 1, DISTRIBUTION: BINS} | ({} if self._is_score else {self.task: classes})
        self.heads = nn.ModuleDict({name: nn.Linear(a.joint, width) for name, width in heads.items()})
        self.register_buffer("clusters", torch.zeros(CLUSTERS, EMBEDDED))
        self.register_buffer("attributed", torch.zeros(1))  # 1: the training photographs have attributes
        self.register_buffer("scores", torch.tensor([0.5, 1.0]))  # mean and deviation of the training photographs
        self.stage = "all"
        self.left_out: frozenset[str] = frozenset()

    def _width(self, full: int) -> int:
        return max(4, round(full * self.arguments.width))

    def _ram(self) -> Ram:
        a = self.arguments
        task, classes = ("binary", 2) if self._is_score else (self.task, self.classes)
        width, sensor = self._width(256), self._width(128)
        return Ram(RamArguments(task, a.attention_side, width=width, sensor=sensor, rollouts=a.rollouts), classes)

    def _own_heads(self, widths: dict[str, int]) -> nn.ModuleDict:
        return nn.ModuleDict({name: nn.Linear(self.arguments.embedding, width) for name, width in widths.items()})

    @property
    def _is_score(self) -> bool:
        return self.task in (SCORE, DISTRIBUTION)

    @property
    def by_attributes(self) -> bool:
        """Whether columns learn from the photographs' attributes, not from what is made of them."""
        return self.arguments.targets == "auto" and bool(self.get_buffer("attributed")[0])

    # -------------------------------------------------------- stages

    def enter(self, stage: str, epoch: int) -> None:
        """ "columns", "join" or "all"; any other name counts as "all"."""
        self.stage = stage if stage in STAGES else "all"
        learns = self.stage != "join"
        self.columns.requires_grad_(learns)
        self.taught.requires_grad_(learns and self.by_attributes)
        self.free.requires_grad_(learns and not self.by_attributes)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Columns":
        """The backbone never trains; in stage "join" no column does."""
        super().train(mode)
        self.backbone.eval()
        if self.stage == "join":
            self.columns.eval()
        return self

    def look(
        self, photographs: Photographs, rows: NDArray[np.int64], batches: Callable[[], Iterable[tuple[Tensor, ...]]]
    ) -> None:
        """Attributes or none, the scores' mean and deviation, and ten clusters of what is shown."""
        known = photographs.attributes
        self.get_buffer("attributed")[0] = float(known is not None and bool(np.isfinite(known[rows]).any()))
        if photographs.score is not None and np.isfinite(photographs.score[rows]).any():
            scores = photographs.score[rows]
            values = [float(np.nanmean(scores)), max(float(np.nanstd(scores)), 1e-3)]
            self.get_buffer("scores").copy_(torch.tensor(values))
        if not self.by_attributes:
            self.get_buffer("clusters").copy_(self._clusters(batches()))

    def _clusters(self, batches: Iterable[tuple[Tensor, ...]]) -> Tensor:
        """Centres (10, 1280) of the directions of embeddings, by k-means."""
        found: list[Tensor] = []
        device = self.get_buffer("clusters").device
        with torch.no_grad():
            for inputs in batches:
                found.append(functional.normalize(self._embedded(inputs[4].to(device))).cpu())
                if sum(map(len, found)) >= LOOKED_AT:
                    break
        points = torch.cat(found).numpy()
        means = KMeans(min(CLUSTERS, len(points)), n_init=3, random_state=0).fit(points)
        centres = torch.full((CLUSTERS, EMBEDDED), 1e3)  # a cluster that there is no photograph for is far from all
        centres[: len(means.cluster_centers_)] = torch.from_numpy(means.cluster_centers_)
        return centres

    # -------------------------------------------------------- forward

    def _embedded(self, semantic: Tensor) -> Tensor:
        """(n, 3, s, s) in 0-1 -> (n, 1280); no gradient."""
        with torch.no_grad():
            return self.backbone(semantic.permute(0, 2, 3, 1) * 255)["pool"]

    def forward(self, *inputs: Tensor) -> Said:
        """Six views, as COLUMNS -> logits, what each head says and, training, what each column says of its targets."""
        embedded = self._embedded(inputs[4])
        clean = dict(zip(COLUMNS, (*inputs[:4], embedded, inputs[5]), strict=True))
        words = {name: self.columns[name](clean[name]) for name in BODIES}
        words["attention"], said = self._attended(inputs[5])
        if self.training and self.stage != "join":
            said |= self._own_words(clean, words)
        if self.stage == "columns":  # the join may learn from the columns, not teach them
            words = {name: word if name == "attention" else word.detach() for name, word in words.items()}
        said |= self._joined(torch.stack([words[name] for name in COLUMNS], 1))
        return said

    def _joined(self, words: Tensor) -> Said:
        """Words (n, 6, embedding) -> logits and all heads."""
        kept = torch.tensor([float(name not in self.left_out) for name in COLUMNS], device=words.device)
        joint = self.join(words, kept.expand(len(words), -1))
        said = {f"head {name}": head(joint) for name, head in self.heads.items()}
        mean, deviation = self.get_buffer("scores")
        said["head score"] = mean + deviation * said["head score"]
        return said | {"logits": said[f"head {self.task}"]}

    def _attended(self, images: Tensor) -> tuple[Tensor, Said]:
        """The attention column's word, and what RAM's losses need. When tested: the mean word of its looks."""
        ram = self.columns["attention"]
        assert isinstance(ram, Ram)  # noqa: S101
        if not ram.training:
            looks = [ram.look_at(images, noise).features for noise in ram.get_buffer("noise")]
            return torch.stack([self.attention_end(look) for look in looks]).mean(0), {}
        look = ram.look_at(images, ram.chance(len(images)))
        features = look.features.detach() if self.stage == "columns" else look.features
        return self.attention_end(features), {
            "attention logits": ram.classifier(look.features),
            "attention log_prob": look.log_prob,
            "attention baseline": look.baseline,
        }

    def _own_words(self, clean: Said, words: Said, generator: torch.Generator | None = None) -> Said:
        """What each column says of its own targets and, without attributes, what is true of them."""
        if self.by_attributes:
            return {f"{name} own": head(words[name]) for name, head in self.taught.items()}
        made = self.made(clean, generator)
        said: Said = {}
        for name, (inputs, truth) in made.items():
            word = words[name] if inputs is clean[name] else self.columns[name](inputs)
            said |= {f"{name} own": self.free[name](word), f"{name} truth": truth}
        return said

    def made(self, clean: Said, generator: torch.Generator | None = None) -> dict[str, tuple[Tensor, Tensor]]:
        """By column: inputs made of the photographs' own, and what there is to learn of them."""
        colour, embedded = clean["colour"], clean["semantic"]
        with torch.no_grad():
            nearest = torch.cdist(functional.normalize(embedded), self.get_buffer("clusters")).argmin(1)
            return {
                "colour": (colour, torch.stack([colourfulness(colour), hue_distance(colour)], 1)),
                "light": relit(clean["light"], generator),
                "sharpness": worsened(clean["sharpness"], generator),
                "composition": part_of(clean["composition"], generator),
                "semantic": (embedded, nearest),
            }

    # -------------------------------------------------------- losses

    def losses(self, said: Said, known: Known) -> dict[str, Tensor]:
        """The task's loss, those of the other heads, and in the stages that teach columns those of each column."""
        terms = {name: self._head_loss(name, said, known) for name in self.heads}
        terms = {name: term if name == self.task else ASIDE * term for name, term in terms.items()}
        if self.stage == "join" or "attention logits" not in said:
            return terms
        weight = ASIDE if self.stage == "all" else 1.0
        return terms | {name: weight * term for name, term in self._own_losses(said, known).items()}

    def _head_loss(self, name: str, said: Said, known: Known) -> Tensor:
        if name == SCORE:
            mean, deviation = self.get_buffer("scores")
            return losses.euclidean((said["head score"][:, 0] - mean) / deviation, (known["score"] - mean) / deviation)
        return losses.of_task(name, said[f"head {name}"], known)

    def _own_losses(self, said: Said, known: Known) -> dict[str, Tensor]:
        terms = {f"own {name}": self._own_loss(name, said, known) for name in BODIES}
        prefix = "attention "
        look = {name.removeprefix(prefix): value for name, value in said.items() if name.startswith(prefix)}
        label = known["high"] if self._is_score else known["label"]
        ram = self.columns["attention"]
        assert isinstance(ram, Ram)  # noqa: S101
        return terms | {f"own attention {name}": term for name, term in ram.losses(look, {"label": label}).items()}

    def _own_loss(self, name: str, said: Said, known: Known) -> Tensor:
        if self.by_attributes:
            places = [ATTRIBUTES.index(attribute) for attribute in TAUGHT[name]]
            return huber(said[f"{name} own"], known["attributes"][:, places])
        if name == "semantic":
            return losses.cross_entropy(said["semantic own"], said["semantic truth"])
        return huber(said[f"{name} own"], said[f"{name} truth"])

    # -------------------------------------------------------- to look at what was learnt

    @torch.no_grad()
    def own_targets(self, inputs: tuple[Tensor, ...], known: Known, seed: int = 0) -> dict[str, tuple[Tensor, Tensor]]:
        """By "column target": what the columns say (n,) and what is true (n,), for the rank correlation of each.

        Without attributes the changes made to the photographs are those of the seed, always the same.
        """
        clean = dict(zip(COLUMNS, (*inputs[:4], self._embedded(inputs[4]), inputs[5]), strict=True))
        words = {name: self.columns[name](clean[name]) for name in BODIES}
        said = self._own_words(clean, words, torch.Generator().manual_seed(seed))
        found: dict[str, tuple[Tensor, Tensor]] = {}
        for name, targets in (TAUGHT if self.by_attributes else FREE).items():
            if self.by_attributes:
                truth = known["attributes"][:, [ATTRIBUTES.index(target) for target in targets]]
            elif name == "semantic":
                said["semantic own"], truth = (
                    said["semantic own"].argmax(1, keepdim=True),
                    said["semantic truth"][:, None],
                )
            else:
                truth = said[f"{name} truth"]
            found |= {f"{name} {t}": (said[f"{name} own"][:, k], truth[:, k]) for k, t in enumerate(targets)}
        return found

    @contextmanager
    def without(self, *columns: str) -> Iterator[None]:
        """Answers without some columns, the others scaled up: for a table of what each brings."""
        unknown = set(columns) - set(COLUMNS)
        if unknown or len(set(columns)) == len(COLUMNS):
            raise ValueError(f"columns to leave out: some, but not all, of {', '.join(COLUMNS)}")
        before, self.left_out = self.left_out, frozenset(columns)
        try:
            yield
        finally:
            self.left_out = before
