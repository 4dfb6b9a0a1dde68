"""Kong's network: aesthetic score by regression, ranking, attributes and content.

Kong, Shen, Lin, Mech, Fowlkes (2016), Photo Aesthetics Ranking Network with Attributes and Content Adaptation, ECCV,
arXiv 1606.01621.

Trunk: AlexNet (Krizhevsky, Sutskever, Hinton 2012) as trained in Caffe (BVLC): two groups where it had two GPUs, and
response normalisation (LRN) after pooling; pools round their output up.

    layer                              out            then
    conv1 11x11 / 4, 96                96 x 55 x 55   ReLU, max-pool 3 / 2, LRN -> 27 x 27
    conv2 5x5, 256, 2 groups           256 x 27 x 27  ReLU, max-pool 3 / 2, LRN -> 13 x 13
    conv3 3x3, 384                     384 x 13 x 13  ReLU
    conv4 3x3, 384, 2 groups           384 x 13 x 13  ReLU
    conv5 3x3, 256, 2 groups           256 x 13 x 13  ReLU, max-pool 3 / 2 -> 6 x 6
    fc6, fc7                           4096           ReLU, dropout .5 each

Heads, by variant; y is the score:

    conf      fc7 -> 2, softmax; the score is P(high)                     cross-entropy
    reg       fc7 -> y                                                    L_reg = 1/(2n) sum (y - truth)^2
    rank      the same, both photographs of a pair by the same weights    + w_r L_rank
    att       eleven branches fc7 -> 32 -> 1, one an attribute;           + w_a sum of eleven Euclidean losses
              (their 32s, fc7) -> merge 128 -> y
    cont      fc6 -> own fc7 -> softmax over K = 10 kinds of content: p;  + w_c cross-entropy
              K predictors y_k; y = sum_k p_k y_k
    att_cont  both: the K predictors read the merge layer                 all

L_rank = 1/(2n) sum over n pairs of max(0, alpha - (y_i - y_j)), i being the one that is to be higher. Pairs are drawn
across raters and within raters, see ml.nets.pairs. The kinds of content have no labels: they are the K-means clusters
of the training photographs' fc7 features. Stages, one on top of the other: reg, rank, att, cont.

Ours, as the paper does not say: alpha; the weights w; 32 and 128; LRN's and the trunk's initial values (He's) where no
ImageNet weights are had; own fc7 for content, on an fc6 that its cross-entropy leaves alone ("the top two layers" are
fine-tuned); K outputs of one layer as the predictors; the mean colour in place of AADB's mean image; half of an epoch's
photographs are drawn as partners of the other half; the score's bias begins at the mean training score.
Input: both sides to 256, a 227 x 227 window, BGR in 0-255 less the mean.

trunk "torchvision": its AlexNet has neither groups nor LRN and 64-192-384-256-256 channels, but weights that are easy
to have. trunk "lite0": the packaged EfficientNet-Lite0; its 1,280 features stand for fc6, and an fc7 that begins as the
identity follows.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torchvision.models import alexnet

from ml import losses
from ml.data.loading import Key
from ml.data.photographs import ATTRIBUTES, UNKNOWN, Photographs
from ml.nets import caffe, initial, pretrained
from ml.nets.base import SCORE, Known, Net, NoWeights, Said
from ml.nets.catalog import register
from ml.nets.lite import Lite
from ml.nets.pairs import AcrossRaters, Pairs, WithinRater
from ml.recipes import RecipeError
from ml.views import View

VARIANTS = ("conf", "reg", "rank", "att", "cont", "att_cont")
STAGES = ("reg", "rank", "att", "cont")
PAIRS = ("both", "across", "within")
BRANCH, MERGE = 32, 128  # widths of an attribute's branch and of the merge layer
NEW = 10  # times the rate, of new layers
DEVIATION = 58  # of pixels in 0-255: He's initial values are for inputs whose deviation is 1


class Bvlc(nn.Module):
    """AlexNet as trained in Caffe, without its last layer. width: of every layer; side: of the input."""

    def __init__(self, width: float, side: int, dropout: float = 0.5) -> None:
        super().__init__()
        one, two, three, five, full = (2 * round(each * width / 2) for each in (96, 256, 384, 256, 4096))
        left = caffe.pooled(caffe.pooled(caffe.pooled((side - 11) // 4 + 1)))  # 6 of 227
        self.features = nn.Sequential(
            nn.Conv2d(3, one, 11, 4), nn.ReLU(), caffe.pool(), caffe.lrn(),
            nn.Conv2d(one, two, 5, padding=2, groups=2), nn.ReLU(), caffe.pool(), caffe.lrn(),
            nn.Conv2d(two, three, 3, padding=1), nn.ReLU(),
            nn.Conv2d(three, three, 3, padding=1, groups=2), nn.ReLU(),
            nn.Conv2d(three, five, 3, padding=1, groups=2), nn.ReLU(), caffe.pool(),
        )  # fmt: skip
        self.fc6 = nn.Sequential(nn.Flatten(), nn.Linear(five * left**2, full), nn.ReLU(), nn.Dropout(dropout))
        self.fc7 = nn.Sequential(nn.Linear(full, full), nn.ReLU(), nn.Dropout(dropout))
        self.width = full
        initial.he(self)
        with torch.no_grad():
            next(self.features.parameters()).div_(DEVIATION)

    def load(self) -> None:
        """Raises NoWeights: torchvision has no AlexNet with groups."""
        raise NoWeights("no ImageNet weights: there are none for Caffe's AlexNet; take trunk=torchvision.")


class Torchvision(nn.Module):
    """torchvision's AlexNet, without its last layer."""

    def __init__(self, net: Any = None, dropout: float = 0.5) -> None:
        super().__init__()
        net = net or alexnet(weights=None, dropout=dropout)
        drop6, fc6, relu6, drop7, fc7, relu7, _ = net.classifier
        self.features = nn.Sequential(net.features, net.avgpool)
        self.fc6 = nn.Sequential(nn.Flatten(), drop6, fc6, relu6)
        self.fc7 = nn.Sequential(drop7, fc7, relu7)
        self.width = 4096

    def load(self) -> None:
        """ImageNet weights, torchvision's. Raises NoWeights."""
        net = alexnet(weights=None)
        pretrained.load(net, "alexnet", new=("classifier.6.",))
        self.load_state_dict(Torchvision(net).state_dict())


class LiteTrunk(nn.Module):
    """EfficientNet-Lite0 in AlexNet's place."""

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        self.features, self.fc6 = Lite(), nn.Identity()
        self.width = self.features.width
        same = nn.Linear(self.width, self.width)
        nn.init.eye_(same.weight)  # its input is not below 0, so that the ReLU changes nothing at first
        nn.init.zeros_(same.bias)
        self.fc7 = nn.Sequential(same, nn.ReLU(), nn.Dropout(dropout))

    def load(self) -> None:
        """The packaged ImageNet weights."""
        self.features.load()


Trunk = Bvlc | Torchvision | LiteTrunk


@dataclass(frozen=True)
class Arguments:
    """What kong is built from."""

    task: str = "score"
    variant: str = "att_cont"  # one of VARIANTS
    trunk: str = "bvlc"  # or "torchvision", "lite0"
    weights: str = "imagenet"  # or "none"
    width: float = 1.0  # of the trunk "bvlc"
    side: int = 0  # of the window; 0: 227 of bvlc, else 224
    dropout: float = 0.5  # less, where layers are narrow
    pairs: str = "both"  # or "across", "within" raters
    apart: float = 0.5  # of mean scores in 0-1, across raters: two points of AADB's 1-5
    alpha: float = 0.05  # by how much the higher one of a pair is to be higher, in 0-1
    w_rank: float = 1.0
    w_attributes: float = 0.1
    w_content: float = 0.1
    contents: int = 10  # K

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS or self.pairs not in PAIRS:
            raise RecipeError(f"variant: {', '.join(VARIANTS)}; pairs: {', '.join(PAIRS)}.")
        if self.task != SCORE and self.variant != "conf":
            raise RecipeError("Only the variant conf tells classes; the others are trained for task=score.")


@register(
    "kong",
    arguments=Arguments,
    tasks=(SCORE, "binary"),
    paper="Kong, Shen, Lin, Mech, Fowlkes, Photo Aesthetics Ranking Network with Attributes and Content Adaptation, "
    "ECCV 2016",
    about="AlexNet learns the mean rating of a photograph, and from pairs which of two is better. Branches for eleven "
    "attributes such as light and symmetry help it. What is in the photograph decides how much each predictor counts.",
)
class Kong(Net):
    """A trunk and the heads of one variant; the stage says which heads answer."""

    centroids: Tensor  # (K, width of fc7), of the kinds of content

    def __init__(self, arguments: Arguments, classes: int) -> None:
        super().__init__(arguments.task, classes)
        self.arguments = arguments
        variant = arguments.variant
        self.trunk = _trunk(arguments)
        width = self.trunk.width
        self.base = _new(width, 2 if variant == "conf" else 1)
        if "att" in variant:
            self.branches = nn.ModuleList([nn.Sequential(_new(width, BRANCH), nn.ReLU()) for _ in ATTRIBUTES])
            self.attributes = nn.ModuleList([_new(BRANCH, 1) for _ in ATTRIBUTES])
            self.merge = nn.Sequential(_new(width + BRANCH * len(ATTRIBUTES), MERGE), nn.ReLU())
            self.score = _new(MERGE, 1)
        if "cont" in variant:
            self.fc7_content = copy.deepcopy(self.trunk.fc7)
            self.content = _new(width, arguments.contents)
            self.predictors = _new(MERGE if "att" in variant else width, arguments.contents)
            self.register_buffer("centroids", torch.zeros(arguments.contents, width))
        self._stage = len(STAGES) - 1
        self._content_of: list[int] = []  # by row, of the training photographs
        self.views = (_view(arguments),)

    def forward(self, *inputs: Tensor) -> Said:
        """(n, 3, s, s) -> logits (n, 1 or 2), and if the stage has them attributes (n, 11) and content (n, K)."""
        fc6 = self.trunk.fc6(self.trunk.features(inputs[0]))
        features = self.trunk.fc7(fc6)
        said = {"logits": self.base(features)}
        if self._has("att"):
            branches = [branch(features) for branch in self.branches]
            pairs = zip(self.attributes, branches, strict=True)
            said["attributes"] = torch.cat([last(branch) for last, branch in pairs], 1)
            features = self.merge(torch.cat([*branches, features], 1))
            said["logits"] = self.score(features)
        if self._has("cont"):
            said["content"] = self.content(self.fc7_content(fc6.detach()))
            said["logits"] = gated(said["content"], self.predictors(features))
        return said

    def losses(self, said: Said, known: Known) -> dict[str, Tensor]:
        """The terms of the stage reached."""
        if self.arguments.variant == "conf":
            return {"class": losses.cross_entropy(said["logits"], known["high"])}
        score = said["logits"][:, 0]
        terms = {"score": losses.euclidean(score, known["score"])}
        if self._has("rank") and "pair" in known:
            terms["rank"] = self.arguments.w_rank * rank_loss(score, known["pair"], self.arguments.alpha)
        if "attributes" in said:
            apart = losses.euclidean(said["attributes"], known["attributes"])
            terms["attributes"] = self.arguments.w_attributes * apart
        if "content" in said and "content" in known:
            label = known["content"].nan_to_num(UNKNOWN).long()
            terms["content"] = self.arguments.w_content * losses.cross_entropy(said["content"], label)
        return terms

    def answers(self, said: Said) -> Said:
        """{"score": (n,)}: of conf P(high), 0-1; {"probabilities": (n, 2)} for task "binary"."""
        if self.arguments.variant == "conf" and self.task == SCORE:
            return {"score": torch.softmax(said["logits"], 1)[:, 1]}
        return super().answers(said)

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """New layers at ten times the rate; biases as Caffe has them."""
        old = [self.trunk, *([self.fc7_content] if self._owns("cont") else [])]
        new = [part for part in self.children() if part not in old]
        return caffe.groups([(old, 1), (new, NEW)], lr, weight_decay)

    def start(self) -> None:
        """The trunk's ImageNet weights; the content's fc7 begins as the trunk's."""
        if self.arguments.weights == "imagenet":
            self.trunk.load()
        if self._owns("cont"):
            self.fc7_content.load_state_dict(self.trunk.fc7.state_dict())

    def enter(self, stage: str, epoch: int) -> None:
        """From here the heads up to this stage answer; any other name than those of STAGES: all."""
        self._stage = STAGES.index(stage) if stage in STAGES else len(STAGES) - 1

    def look(
        self, photographs: Photographs, rows: NDArray[np.int64], batches: Callable[[], Iterable[tuple[Tensor, ...]]]
    ) -> None:
        """The mean training score into the scores' biases; clusters of fc7 as kinds of content."""
        if photographs.score is not None and self.arguments.variant != "conf":
            mean = float(np.nanmean(photographs.score[rows]))
            for head in ("base", "score", "predictors"):
                if hasattr(self, head):
                    nn.init.constant_(getattr(self, head).bias, mean)
        if self._owns("cont"):
            self.eval()
            device = self.centroids.device
            found = [self.trunk.fc7(self.trunk.fc6(self.trunk.features(x.to(device)))).cpu() for (x,) in batches()]
            self._cluster(torch.cat(found).numpy(), rows, len(photographs))

    def sampler(
        self, photographs: Photographs, rows: NDArray[np.int64], batch: int, generator: torch.Generator
    ) -> Iterator[list[Key]] | None:
        """Photographs in pairs, from the stage rank on; "pair" +k is to be higher than -k, 0 has no partner."""
        if not self._has("rank"):
            return None
        chance = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
        return self._batches(self._ways(photographs, rows), rows, batch, chance)

    def get_extra_state(self) -> Tensor:
        """The stage and the training photographs' kinds of content; saved with the weights."""
        return torch.tensor([self._stage, *self._content_of])

    def set_extra_state(self, state: Tensor) -> None:
        """See get_extra_state."""
        self._stage, *self._content_of = state.tolist()

    def _owns(self, part: str) -> bool:
        """Whether the variant has the heads "att" or "cont", or the loss "rank" (all but conf and reg do)."""
        variant = self.arguments.variant
        return variant not in ("conf", "reg") if part == "rank" else part in variant

    def _has(self, part: str) -> bool:
        """Whether it has them and the stage is reached."""
        return self._owns(part) and self._stage >= STAGES.index(part)

    def _cluster(self, features: NDArray[np.float32], rows: NDArray[np.int64], count: int) -> None:
        found = KMeans(min(self.arguments.contents, len(rows)), n_init=4, random_state=0).fit(features)
        self.centroids[: found.n_clusters] = torch.from_numpy(found.cluster_centers_).to(self.centroids)
        content = np.full(count, UNKNOWN)
        content[rows] = found.labels_
        self._content_of = content.tolist()

    def _ways(self, photographs: Photographs, rows: NDArray[np.int64]) -> list[Pairs]:
        """The ways of drawing pairs that were asked for and that the data set knows enough for."""
        ways: list[Pairs] = []
        if self.arguments.pairs != "within" and photographs.score is not None:
            ways.append(AcrossRaters(photographs.score, rows, self.arguments.apart))
        if self.arguments.pairs != "across" and photographs.ratings is not None:
            ways.append(WithinRater(photographs.ratings, rows))
        if not ways:
            raise RecipeError(f"{photographs.name} lacks the ratings that pairs={self.arguments.pairs} needs.")
        return ways

    def _batches(
        self, ways: list[Pairs], rows: NDArray[np.int64], size: int, chance: np.random.Generator
    ) -> Iterator[list[Key]]:
        """Half of the rows, in a new order, each with a partner if one is found; as many photographs as rows."""
        batch: list[Key] = []
        for number, row in enumerate(chance.permutation(rows)[: -(-len(rows) // 2)].tolist(), start=1):
            drawn = (ways[place].partner(row, chance) for place in chance.permutation(len(ways)))
            partner = next((found for found in drawn if found is not None), None)
            sign = 0 if partner is None else -1 if partner[1] else 1
            batch.append((row, self._more(row, sign * number)))
            if partner is not None:
                batch.append((partner[0], self._more(partner[0], -sign * number)))
            if len(batch) >= size:
                yield batch
                batch = []
        if batch:
            yield batch

    def _more(self, row: int, pair: int) -> dict[str, float]:
        more = {"pair": float(pair)}
        return more | {"content": float(self._content_of[row])} if self._content_of else more


def rank_loss(score: Tensor, pair: Tensor, alpha: float) -> Tensor:
    """L_rank over pairs: score (n,), pair (n,) +k for the one to be higher than -k, 0 or NaN for none."""
    higher, lower = torch.nonzero((pair[:, None] > 0) & (pair[:, None] == -pair[None, :]), as_tuple=True)
    if not len(higher):
        return score.sum() * 0
    return (alpha - (score[higher] - score[lower])).clamp_min(0).sum() / (2 * len(higher))


def gated(content: Tensor, scores: Tensor) -> Tensor:
    """Logits of the kinds of content (n, K) and each kind's score (n, K) -> sum_k p_k y_k (n, 1)."""
    return (torch.softmax(content, 1) * scores).sum(1, keepdim=True)


def _trunk(arguments: Arguments) -> Trunk:
    match arguments.trunk:
        case "bvlc":
            return Bvlc(arguments.width, _side(arguments), arguments.dropout)
        case "torchvision":
            return Torchvision(dropout=arguments.dropout)
        case "lite0":
            return LiteTrunk(arguments.dropout)
    raise RecipeError(f"trunk must be bvlc, torchvision or lite0, not {arguments.trunk!r}.")


def _side(arguments: Arguments) -> int:
    return arguments.side or (227 if arguments.trunk == "bvlc" else 224)


def _view(arguments: Arguments) -> View:
    side = _side(arguments)
    resize = round(side * 256 / 227)
    if arguments.trunk == "bvlc":
        return View("warp", resize, side, "caffe", bgr=True)
    return View("warp", 256 if side == 224 else resize, side, "lite" if arguments.trunk == "lite0" else "imagenet")


def _new(inputs: int, outputs: int) -> nn.Linear:
    """A new layer: Gaussian with deviation .01."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer
