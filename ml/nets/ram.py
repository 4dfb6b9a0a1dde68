"""Recurrent attention: a network that looks at a photograph through small glimpses and learns where to look.

Mnih, Heess, Graves, Kavukcuoglu, "Recurrent Models of Visual Attention", NIPS 2014, arXiv 1406.6247. The report used
"the torch framework"; its patch, scale and number of glimpses are those of Element-Research's example
recurrent-visual-attention.lua, whose other values are taken here too.

At each of T = 7 steps a place l_t = (x, y) is drawn, (0, 0) the middle and (-1, -1) the centre of the first pixel:

    locator    mean_t = hardtanh(Linear 256 -> 2 (h_{t-1}));  l_t ~ N(mean_t, .22^2), held within [-1, 1]; h_0 = 0
    retina     k windows around l_t, sides 16, 32, 64, each averaged to 16 x 16, zeros outside    (n, 3k, 16, 16)
    glimpse    h_g = ReLU(Linear 768k -> 128 (windows)), h_l = ReLU(Linear 2 -> 128 (l_t))        (n, 256)
               g_t = Linear 256 -> 256 (ReLU(Linear 256 -> 256 [h_g; h_l]))
    core       h_t = ReLU(g_t + Linear 256 -> 256 (h_{t-1}))                                      (n, 256)
    classifier Linear 256 -> classes, from h_T only

The class loss teaches glimpse, core and classifier. It cannot teach where to look, since a place is drawn and not
computed: the locator learns by REINFORCE (Williams 1992) from the reward R, 1 where the answer is right and else 0. The
mean over photographs of  - sum_t (R - b) log N(l_t; mean_t, .22)  has the gradient of minus the expected reward; the
baseline b only makes it less noisy, and is itself fitted by (R - b)^2.

The report's own ideas, with our details:

    ram_lstm   the core is an LSTM cell (forget bias 1); its input weights stand in for the glimpse's last layer
    ram_cnn    "a small CNN to classify patches better": the windows also pass conv 3x3 32, conv 3x3 64, max-pool 2,
               conv 3x3 64, mean over places, fc 128, averaged over the steps and put beside h_T: Linear 384 -> classes
    ram_lstm_cnn  both

Ours: pictures of 100 x 100 (whole, aspect ratio lost), places over the full picture (the demo keeps to its middle),
k = 3 windows (the demo has 1, where "scale 2" means nothing), the policy's gradient runs on into the core, the density
is that of the place as drawn (before it is held within the picture), He initial values in the CNN; when tested, the
mean answer of 10 looks whose chance is always the same.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml import losses
from ml.nets.base import Known, Net, Said
from ml.nets.catalog import register
from ml.nets.initial import he
from ml.views import View

PAPER = "Mnih, Heess, Graves, Kavukcuoglu, Recurrent Models of Visual Attention, NIPS 2014"
TASKS = ("binary", "emotion")
START = 0.1  # all weights begin uniform in -.1 to .1, as in the demo
PATCH_WIDTH = 128  # of the CNN's word on a glimpse
Core = tuple[Tensor, ...]  # a core's state; the first tensor is h, (n, width)


@dataclass(frozen=True)
class Arguments:
    """The report's RAM. baseline: "scalar" (the demo's) or "linear" (the paper's, from h)."""

    task: str = "binary"
    side: int = 100
    patch: int = 16
    scales: int = 3
    glimpses: int = 7
    width: int = 256  # of h
    sensor: int = 128  # of h_g and of h_l
    sigma: float = 0.22
    baseline: str = "scalar"
    rollouts: int = 10  # looks whose mean answers when tested
    mirror: bool = False


class Retina(nn.Module):
    """What is seen at a place: windows of growing side around it, all shrunk to one size."""

    def __init__(self, patch: int, scales: int) -> None:
        super().__init__()
        self.patch, self.scales = patch, scales

    def forward(self, images: Tensor, places: Tensor) -> Tensor:
        """(n, c, s, s), (n, 2) as (x, y) in -1..1 -> (n, scales * c, patch, patch); zeros outside the picture.

        A window of side w around the pixel p holds the pixels p - w / 2 up to p + w / 2 - 1.
        """
        room = self.patch * 2 ** (self.scales - 1) // 2
        padded = functional.pad(images, [room] * 4)
        # Halves go up (with room for float error), so that a step of one pixel always is one pixel.
        centre = torch.floor((places.float() + 1) / 2 * (images.shape[-1] - 1) + 0.5 + 1e-4).long() + room
        windows = [self._window(padded, centre, scale) for scale in range(self.scales)]
        return torch.cat(windows, 1)

    def _window(self, padded: Tensor, centre: Tensor, scale: int) -> Tensor:
        side = self.patch * 2**scale
        steps = torch.arange(side, device=padded.device) - side // 2
        columns, rows = centre[:, :1] + steps, centre[:, 1:] + steps  # (n, side) each: x runs right, y down
        which = torch.arange(len(padded), device=padded.device)[:, None, None]
        window = padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        return functional.avg_pool2d(window, 2**scale)


class Glimpse(nn.Module):
    """What and where, put together."""

    def __init__(self, pixels: int, sensor: int, width: int, last: bool) -> None:
        super().__init__()
        self.what, self.where = nn.Linear(pixels, sensor), nn.Linear(2, sensor)
        self.both = nn.Linear(2 * sensor, width)
        self.last: nn.Module = nn.Linear(width, width) if last else nn.Identity()

    def forward(self, windows: Tensor, places: Tensor) -> Tensor:
        """(n, 3k, patch, patch), (n, 2) -> (n, width)."""
        parts = [torch.relu(self.what(windows.flatten(1))), torch.relu(self.where(places))]
        return self.last(torch.relu(self.both(torch.cat(parts, 1))))


class Recurrent(nn.Module):
    """The paper's core: h_t = ReLU(g_t + W h_{t-1})."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.back = nn.Linear(width, width)

    def begin(self, n: int, like: Tensor) -> Core:
        """The state before the first glimpse."""
        return (like.new_zeros(n, self.back.in_features),)

    def forward(self, glimpse: Tensor, state: Core) -> Core:
        """(n, width) and the state before it -> the state after it."""
        return (torch.relu(glimpse + self.back(state[0])),)


class Memory(nn.Module):
    """The report's idea: an LSTM cell, whose gates can keep what an early glimpse showed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(width, width)

    def begin(self, n: int, like: Tensor) -> Core:
        """The state (h, c) before the first glimpse."""
        nothing = like.new_zeros(n, self.cell.hidden_size)
        return nothing, nothing

    def forward(self, glimpse: Tensor, state: Core) -> Core:
        """(n, width) and the state before it -> the state after it."""
        return self.cell(glimpse, state)

    def remember(self) -> None:
        """Forget biases that sum to 1: the cell keeps what it holds until it learns otherwise."""
        width = self.cell.hidden_size
        with torch.no_grad():
            self.cell.bias_ih[width : 2 * width] = 1
            self.cell.bias_hh[width : 2 * width] = 0


def patch_network(channels: int) -> nn.Sequential:
    """The report's small CNN on a glimpse's windows (n, channels, patch, patch) -> (n, 128)."""
    net = nn.Sequential(
        nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(64, PATCH_WIDTH), nn.ReLU(),
    )  # fmt: skip
    he(net)
    return net


def reinforce(log_prob: Tensor, baseline: Tensor, reward: Tensor) -> dict[str, Tensor]:
    """The locator's and the baseline's losses from log densities and baselines (n, T) and rewards (n,).

    The first has the gradient of minus the expected reward (in the mean over draws); the reward and the baseline are
    numbers to it, nothing is learnt through them. The second fits the baseline.
    """
    advantage = reward[:, None] - baseline
    policy = -(advantage.detach() * log_prob).sum(1).mean()
    return {"policy": policy, "baseline": advantage.square().mean()}


class Look(NamedTuple):
    """One look at n photographs."""

    features: Tensor  # (n, width), with the CNN (n, width + 128): what the classifier gets
    log_prob: Tensor  # (n, T) of the places drawn
    baseline: Tensor  # (n, T)
    places: Tensor  # (n, T, 2) as (x, y)


@register(
    "ram",
    arguments=Arguments,
    tasks=TASKS,
    paper=PAPER,
    about="It sees a photograph only through seven small glimpses, each sharp in its middle and coarse around it. "
    "A recurrent core adds up what they showed and decides where to look next. "
    "Where to look is learnt from reward alone: whether the answer in the end was right.",
)
class Ram(Net):
    """RAM, with room for the report's variants."""

    best_on_test = True  # the report gives "highest accuracy on the testing set" within 50 epochs
    lstm: ClassVar[bool] = False
    cnn: ClassVar[bool] = False

    def __init__(self, arguments: Arguments, classes: int) -> None:
        super().__init__(arguments.task, classes)
        a = self.arguments = arguments
        if a.baseline not in ("scalar", "linear"):
            raise ValueError(f"baseline must be scalar or linear, not {a.baseline}")
        self.views = (View("warp", a.side, a.side, "unit", a.mirror),)
        channels = 3 * a.scales
        self.retina = Retina(a.patch, a.scales)
        self.glimpse = Glimpse(channels * a.patch**2, a.sensor, a.width, last=not self.lstm)
        self.core: Recurrent | Memory = Memory(a.width) if self.lstm else Recurrent(a.width)
        self.locator = nn.Linear(a.width, 2)
        self.baseline = nn.Linear(a.width, 1) if a.baseline == "linear" else Scalar()
        self.classifier = nn.Linear(self.features, self.outputs)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -START, START)
        if isinstance(self.core, Memory):
            self.core.remember()
        self.patches = patch_network(channels) if self.cnn else None
        chance = torch.Generator().manual_seed(0)
        noise = torch.randn(a.rollouts, a.glimpses, 2, generator=chance, device="cpu")
        self.register_buffer("noise", noise, persistent=False)  # of the looks when tested, the same for all photographs

    @property
    def features(self) -> int:
        """Width of what the classifier gets."""
        return self.arguments.width + (PATCH_WIDTH if self.cnn else 0)

    def forward(self, *inputs: Tensor) -> Said:
        """(n, 3, side, side) in 0-1. Also "places" (n, looks, T, 2); training, what REINFORCE needs of its one look."""
        if not self.training:
            return self._mean_answer(inputs[0])
        look = self.look_at(inputs[0], self.chance(len(inputs[0])))
        logits = self.classifier(look.features)
        return {"logits": logits, "log_prob": look.log_prob, "baseline": look.baseline, "places": look.places[:, None]}

    def _mean_answer(self, images: Tensor) -> Said:
        looks = [self.look_at(images, noise) for noise in self.get_buffer("noise")]
        shares = torch.stack([torch.softmax(self.classifier(look.features), 1) for look in looks]).mean(0)
        return {
            "logits": shares.clamp_min(losses.TINY).log(),
            "places": torch.stack([look.places for look in looks], 1),
        }

    def chance(self, n: int) -> Tensor:
        """Fresh normal noise (n, T, 2)."""
        return torch.randn(n, self.arguments.glimpses, 2, device=self.get_buffer("noise").device)

    def look_at(self, images: Tensor, noise: Tensor) -> Look:
        """One look: noise (n, T, 2), or (T, 2) for all alike, decides the places around the locator's means."""
        n, sigma = len(images), self.arguments.sigma
        state = self.core.begin(n, images)
        noise = noise.expand(n, -1, -1)
        steps, seen = [], []
        for step in range(self.arguments.glimpses):
            hidden = state[0]
            mean = functional.hardtanh(self.locator(hidden))
            drawn = (mean + sigma * noise[:, step]).detach()  # no gradient through a draw: only its density has one
            log_prob = torch.distributions.Normal(mean, sigma).log_prob(drawn).sum(1)
            place = drawn.clamp(-1, 1)
            steps.append((log_prob, self.baseline(hidden.detach())[:, 0], place))
            windows = self.retina(images, place)
            state = self.core(self.glimpse(windows, place), state)
            if self.patches is not None:
                seen.append(self.patches(windows))
        features = torch.cat([state[0], torch.stack(seen).mean(0)], 1) if seen else state[0]
        log_probs, baselines, places = (torch.stack(part, 1) for part in zip(*steps, strict=True))
        return Look(features, log_probs, baselines, places)

    def losses(self, said: Said, known: Known) -> dict[str, Tensor]:
        """The class loss, and when training those of the locator and of its baseline."""
        label = known["label"]
        terms = {"class": losses.cross_entropy(said["logits"], label)}
        rows = label >= 0
        if "log_prob" in said and rows.any():
            reward = (said["logits"].argmax(1) == label).float()[rows]
            terms |= reinforce(said["log_prob"][rows], said["baseline"][rows], reward)
        return terms


class Scalar(nn.Module):
    """One learned number for all."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))

    def forward(self, hidden: Tensor) -> Tensor:
        """(n, width) -> (n, 1)."""
        return self.value.expand(len(hidden), 1)


@register(
    "ram_lstm",
    arguments=Arguments,
    tasks=TASKS,
    paper=f"{PAPER}; the LSTM core is the report's idea",
    about="RAM with an LSTM cell for its core. "
    "Its gates decide what of each glimpse to keep, so that an early glimpse can still count at the end. "
    "All else is RAM's.",
)
class RamLstm(Ram):
    """RAM with memory."""

    lstm = True


@register(
    "ram_cnn",
    arguments=Arguments,
    tasks=TASKS,
    paper=f"{PAPER}; the patch network is the report's idea",
    about="RAM with a small convolutional network that also reads each glimpse. "
    "Its words on the seven glimpses are averaged and put beside the core's state for the answer. "
    "All else is RAM's.",
)
class RamCnn(Ram):
    """RAM with a patch network."""

    cnn = True


@register(
    "ram_lstm_cnn",
    arguments=Arguments,
    tasks=TASKS,
    paper=f"{PAPER}; the LSTM core and the patch network are the report's ideas",
    about="RAM with both of the report's ideas. "
    "An LSTM cell keeps what the glimpses showed, a small convolutional network reads each of them. "
    "All else is RAM's.",
)
class RamLstmCnn(Ram):
    """RAM with memory and a patch network."""

    lstm = True
    cnn = True
