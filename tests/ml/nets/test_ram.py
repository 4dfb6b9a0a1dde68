"""RAM and the report's variants: what a glimpse shows, how looking is learnt, and what each variant is better at."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml import schedules
from ml.nets import catalog
from ml.nets.ram import Arguments, Ram, RamCnn, RamLstm, RamLstmCnn, Retina, reinforce
from ml.recipes import TRAINING

KINDS = {"ram": Ram, "ram_lstm": RamLstm, "ram_cnn": RamCnn, "ram_lstm_cnn": RamLstmCnn}
SMALL = Arguments(side=24, patch=8, scales=1, glimpses=4, width=32, sensor=32, rollouts=3)
Make = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


# ---------------------------------------------------------------- size and shape


@pytest.mark.parametrize(
    ("name", "one", "three"),
    [("ram", 297_221, 493_829), ("ram_lstm", 691_973, 888_581), ("ram_cnn", 362_117, 560_453),
     ("ram_lstm_cnn", 756_869, 955_205)],
)  # fmt: skip
def test_it_has_the_parameters_of_the_table(name: str, one: int, three: int) -> None:
    for scales, count in ((1, one), (3, three)):
        net = catalog.build(name, Arguments(scales=scales), 2)
        assert sum(parameter.numel() for parameter in net.parameters()) == count


def test_every_step_has_the_shape_of_the_table() -> None:
    net, images, places = RamLstmCnn(Arguments(), 2), torch.rand(2, 3, 100, 100), torch.zeros(2, 2)
    windows = net.retina(images, places)
    assert windows.shape == (2, 9, 16, 16)
    assert net.glimpse(windows, places).shape == (2, 256)
    assert net.patches is not None and net.patches(windows).shape == (2, 128)
    look = net.look_at(images, net.chance(2))
    assert look.features.shape == (2, 384)
    assert look.log_prob.shape == look.baseline.shape == (2, 7)
    assert look.places.shape == (2, 7, 2)
    assert net.views[0].shape == (3, 100, 100)


def test_all_begins_within_a_tenth_and_the_lstm_remembers() -> None:
    net = RamLstm(Arguments(), 2)
    for name, parameter in net.named_parameters():
        assert "bias_ih" in name or float(parameter.detach().abs().max()) <= 0.1
    cell = net.core.cell
    forget = (cell.bias_ih + cell.bias_hh)[256:512]
    assert torch.equal(forget, torch.ones(256))


def test_the_rate_falls_on_a_line_that_ends_long_after_the_training() -> None:
    optimiser = schedules.optimiser(Ram(SMALL, 2), TRAINING["ram"])
    schedule = schedules.schedule(optimiser, TRAINING["ram"], 50)
    rates = []
    for _ in range(801):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates[0] == 0.01
    assert rates[50] == pytest.approx(0.0094, abs=5e-5)
    assert rates[800] == pytest.approx(1e-5)


# ---------------------------------------------------------------- the retina


def cut(image: NDArray[np.float32], x: float, y: float, patch: int, scales: int) -> NDArray[np.float32]:
    """The windows around the pixel (x, y), pixel by pixel; zeros outside. image (c, s, s)."""
    channels, side = image.shape[0], image.shape[1]
    found = []
    for scale in range(scales):
        cell = 2**scale
        window = np.zeros((channels, patch, patch), np.float32)
        for row in range(patch * cell):
            for column in range(patch * cell):
                down, right = int(y) - patch * cell // 2 + row, int(x) - patch * cell // 2 + column
                if 0 <= down < side and 0 <= right < side:
                    window[:, row // cell, column // cell] += image[:, down, right] / cell**2
        found.append(window)
    return np.concatenate(found)


def place_of(x: float, y: float, side: int) -> Tensor:
    """A pixel as the network names it."""
    return torch.tensor([[2 * x / (side - 1) - 1, 2 * y / (side - 1) - 1]])


@pytest.mark.parametrize("side", [20, 21])
@pytest.mark.parametrize("scales", [1, 3])
def test_a_glimpse_equals_a_crop_computed_pixel_by_pixel(side: int, scales: int) -> None:
    image = torch.rand(3, side, side)
    for x, y in ((0, 0), (side - 1, side - 1), (side - 1, 0), (3, 11), (10, 10), (7, 2)):
        seen = Retina(4, scales)(image[None], place_of(x, y, side))[0]
        assert np.allclose(seen.numpy(), cut(image.numpy(), x, y, 4, scales), atol=1e-6), (x, y)


def coordinates(side: int) -> Tensor:
    """A picture that says at each pixel where it is: x + 1, y + 1, 1."""
    along = torch.arange(side).float().expand(side, side)
    return torch.stack([along + 1, along.T + 1, torch.ones(side, side)])[None]


def test_a_picture_of_coordinates_is_seen_where_it_should_be() -> None:
    middle = Retina(16, 1)(coordinates(100), torch.zeros(1, 2))[0]
    assert torch.equal(middle[0, 0], torch.arange(42.0, 58) + 1)  # x grows to the right
    assert torch.equal(middle[1, :, 0], torch.arange(42.0, 58) + 1)  # y grows downwards
    corner = Retina(16, 1)(coordinates(100), torch.tensor([[1.0, -1.0]]))[0]  # the upper right
    assert float(corner[0, 8, 8]) == 100 and float(corner[1, 8, 8]) == 1
    assert float(corner[:, :8].abs().sum()) == 0 == float(corner[:, :, 9:].abs().sum())  # outside
    assert bool((corner[2, 8:, :9] == 1).all())


def test_an_even_picture_stays_even_within_its_edges() -> None:
    seen = Retina(16, 3)(torch.full((1, 3, 100, 100), 0.7), torch.tensor([[0.1, -0.2]]))
    assert torch.allclose(seen, torch.full_like(seen, 0.7))


@pytest.mark.parametrize("side", [99, 100])
def test_a_step_of_one_pixel_moves_the_window_by_one(side: int) -> None:
    image, step = torch.rand(1, 3, side, side), 2 / (side - 1)
    for start in np.linspace(-0.5, 0.5, 41):
        here, right, below = (
            Retina(16, 1)(image, torch.tensor([[start + dx * step, 0.1 + dy * step]], dtype=torch.float32))
            for dx, dy in ((0, 0), (1, 0), (0, 1))
        )
        assert torch.equal(here[..., :, 1:], right[..., :, :-1])
        assert torch.equal(here[..., 1:, :], below[..., :-1, :])


# ---------------------------------------------------------------- how looking is learnt


def terms_of(net: Ram, label: Tensor) -> dict[str, Tensor]:
    side = net.arguments.side
    return net.train().losses(net(torch.rand(len(label), 3, side, side)), {"label": label})


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_class_loss_never_moves_the_locator_and_the_reward_does(kind: type[Ram]) -> None:
    net, label = kind(SMALL, 2), torch.arange(16) % 2
    terms = terms_of(net, label)
    weights = list(net.locator.parameters())
    by_class = torch.autograd.grad(terms["class"], weights, retain_graph=True, allow_unused=True)
    assert all(gradient is None or not gradient.any() for gradient in by_class)
    by_reward = torch.autograd.grad(terms["policy"], weights)
    assert all(bool(gradient.any()) for gradient in by_reward)


def test_each_loss_teaches_its_own_part() -> None:
    net = Ram(SMALL, 2)
    terms = terms_of(net, torch.arange(16) % 2)
    learnt = {}
    for name, term in terms.items():
        gradients = torch.autograd.grad(term, list(net.parameters()), retain_graph=True, allow_unused=True)
        named = zip(net.named_parameters(), gradients, strict=True)
        learnt[name] = {key.split(".")[0] for (key, _), found in named if found is not None and found.any()}
    assert learnt["class"] == {"glimpse", "core", "classifier"}
    assert learnt["policy"] == {"glimpse", "core", "locator"}
    assert learnt["baseline"] == {"baseline"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("baseline", ["scalar", "linear"])
def test_every_parameter_learns(kind: type[Ram], baseline: str) -> None:
    net = kind(Arguments(side=24, patch=8, glimpses=3, width=16, sensor=16, baseline=baseline), 2)
    sum(terms_of(net, torch.arange(32) % 2).values()).backward()
    dead = [name for name, each in net.named_parameters() if each.grad is None or not each.grad.any()]
    assert dead == []


def test_the_losses_equal_hand_computed_values() -> None:
    net = Ram(SMALL, 2)
    said = {
        "logits": torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)], [5.0, 0.0]]),
        "log_prob": torch.tensor([[-1.0, -2.0], [0.5, 1.0], [9.0, 9.0]]),
        "baseline": torch.full((3, 2), 0.25),
    }
    terms = net.losses(said, {"label": torch.tensor([1, 0, -1])})  # right, wrong, unknown
    assert float(terms["class"]) == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)
    assert float(terms["policy"]) == pytest.approx(-(0.75 * -3 + -0.25 * 1.5) / 2)
    assert float(terms["baseline"]) == pytest.approx((0.75**2 + 0.25**2) / 2)


def test_photographs_without_a_label_teach_nothing() -> None:
    terms = terms_of(Ram(SMALL, 2), torch.full((4,), -1))
    assert set(terms) == {"class"} and float(terms["class"].detach()) == 0


def test_reinforce_has_the_gradient_of_the_expected_reward_on_a_line() -> None:
    """A place is drawn on a line around m and is rewarded right of .1: what is expected is a normal's share."""
    m, sigma, generator = torch.tensor(0.05, requires_grad=True), 0.22, torch.Generator().manual_seed(1)
    drawn = (m + sigma * torch.randn(400_000, 1, generator=generator)).detach()
    log_prob = torch.distributions.Normal(m, sigma).log_prob(drawn)
    reward = (drawn[:, 0] > 0.1).float()

    def expected(mean: float) -> float:
        return 0.5 * (1 - math.erf((0.1 - mean) / sigma / math.sqrt(2)))

    by_difference = (expected(0.05 + 1e-4) - expected(0.05 - 1e-4)) / 2e-4
    for baseline in (0.0, 0.4):  # it makes the estimate less noisy and leaves its mean alone
        terms = reinforce(log_prob, torch.full_like(drawn, baseline), reward)
        (found,) = torch.autograd.grad(terms["policy"], m, retain_graph=True)
        assert float(-found) == pytest.approx(by_difference, rel=0.02)


def test_the_networks_own_gradient_is_that_of_its_expected_reward() -> None:
    """One glimpse of one picture: the reward of every place is known, so the expected one is a sum over a grid."""
    net = Ram(Arguments(side=16, patch=4, scales=1, glimpses=1, width=8, sensor=8, sigma=0.3), 2).train()
    bright = torch.zeros(1, 3, 16, 16)
    bright[..., 9:] = 1
    with torch.no_grad():
        net.locator.bias[:] = torch.tensor([0.05, -0.1])
        for parameter in (*net.glimpse.parameters(), *net.classifier.parameters()):
            parameter.normal_(0, 0.7)  # so that the answer depends on the place
    axis = torch.linspace(-2.5, 2.5, 161)
    grid = torch.cartesian_prod(axis, axis)

    def answers(drawn: Tensor) -> Tensor:
        noise = (drawn - net.locator.bias.detach()) / 0.3
        return net.classifier(net.look_at(bright.expand(len(drawn), -1, -1, -1), noise[:, None]).features).argmax(1)

    with torch.no_grad():
        reward = (answers(grid) == 1).double()
    assert 0.2 < float(reward[(grid.abs() < 1).all(1)].mean()) < 0.95

    def expected(mean: Tensor) -> float:
        weights = torch.exp(-((grid - mean).double() ** 2).sum(1) / (2 * 0.3**2))
        return float((weights * reward).sum() / weights.sum())

    mean, steps = net.locator.bias.detach().clone(), torch.eye(2) * 1e-3
    by_difference = [(expected(mean + step) - expected(mean - step)) / 2e-3 for step in steps]
    total = torch.zeros(2)
    for _ in range(10):
        said = net(bright.expand(20_000, -1, -1, -1))
        policy = net.losses(said, {"label": torch.ones(20_000, dtype=torch.int64)})["policy"]
        total -= torch.autograd.grad(policy, net.locator.bias)[0] / 10
    assert max(abs(value) for value in by_difference) > 0.1
    assert total.tolist() == pytest.approx(by_difference, abs=0.03)


def test_the_baseline_becomes_the_mean_reward() -> None:
    net = Ram(SMALL, 2)
    optimiser = torch.optim.SGD(net.baseline.parameters(), 0.1)
    reward = torch.tensor([1.0, 1, 1, 0])
    for _ in range(60):
        loss = reinforce(torch.zeros(4, 4), net.baseline(torch.zeros(4, 32)).expand(4, 4), reward)["baseline"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(net.baseline(torch.zeros(1, 32)).detach()) == pytest.approx(0.75, abs=1e-3)


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_tested_it_always_says_the_same_and_training_it_does_not(kind: type[Ram]) -> None:
    net, images = kind(SMALL, 2), torch.rand(5, 3, 24, 24)
    net.eval()
    first = net(images)["logits"]
    torch.manual_seed(5)
    assert torch.equal(first, net(images)["logits"])
    assert torch.allclose(first[3:], net(images[3:])["logits"], atol=1e-6)  # whatever else is in the batch
    net.train()
    assert not torch.equal(net(images)["places"], net(images)["places"])


def test_the_answer_is_the_mean_over_its_looks() -> None:
    net, images = Ram(Arguments(side=24, patch=8, width=16, sensor=16), 2).eval(), torch.rand(2, 3, 24, 24)
    said = net(images)
    looks = [net.look_at(images, noise).features for noise in net.noise]
    shares = torch.stack([torch.softmax(net.classifier(look), 1) for look in looks]).mean(0)
    assert len(looks) == 10 and said["places"].shape == (2, 10, 7, 2)
    assert torch.allclose(net.answers(said)["probabilities"], shares, atol=1e-6)


def test_it_is_the_same_after_saving_and_loading() -> None:
    first, images = RamLstmCnn(SMALL, 2).eval(), torch.rand(2, 3, 24, 24)
    second = RamLstmCnn(SMALL, 2).eval()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(images)["logits"], second(images)["logits"])


def test_it_takes_emotions_and_says_that_its_report_looked_at_the_test_set() -> None:
    net = catalog.build("ram", Arguments(task="emotion", side=24, patch=8), 6).eval()
    assert net.answers(net(torch.rand(2, 3, 24, 24)))["probabilities"].shape == (2, 6)
    assert net.best_on_test


def test_it_refuses_a_baseline_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="scalar or linear"):
        Ram(Arguments(baseline="none"), 2)


# ---------------------------------------------------------------- toys


def fit(net: Ram, images: Tensor, label: Tensor, steps: int, lr: float, generator: torch.Generator) -> Ram:
    """Some steps of Adam on batches of 32."""
    optimiser = torch.optim.Adam(net.train().parameters(), lr)
    for _ in range(steps):
        rows = torch.randint(len(images), (32,), generator=generator)
        loss = sum(net.losses(net(images[rows]), {"label": label[rows]}).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


@torch.no_grad()
def accuracy(net: Ram, images: Tensor, label: Tensor) -> float:
    return float((net(images)["logits"].argmax(1) == label).float().mean())


def learnt(net: Ram, make: Make, seed: int, steps: int, lr: float) -> float:
    """Accuracy on new examples after some steps."""
    generator = torch.Generator().manual_seed(seed)
    fit(net, *make(1000, generator), steps, lr, generator)
    return accuracy(net, *make(400, generator))


def squares(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise with a bright square somewhere in the left half (0) or in the right one (1)."""
    label = torch.randint(2, (n,), generator=generator)
    images = torch.rand(n, 3, 24, 24, generator=generator) * 0.2
    across = torch.randint(7, (n,), generator=generator) + 12 * label
    down = torch.randint(19, (n,), generator=generator)
    for image, x, y in zip(images, across.tolist(), down.tolist(), strict=True):
        image[:, y : y + 6, x : x + 6] = 1
    return images, label


def test_it_finds_a_bright_square() -> None:
    net = Ram(Arguments(side=24, patch=8, scales=2, glimpses=4, width=32, sensor=32), 2)
    assert learnt(net, squares, 0, steps=300, lr=3e-3) > 0.95


class Shown(nn.Module):
    """In the retina's place: glimpse after glimpse of a given sequence (n, T, c, p, p), wherever it looks."""

    def __init__(self) -> None:
        super().__init__()
        self.step = -1

    def forward(self, sequence: Tensor, places: Tensor) -> Tensor:
        self.step = (self.step + 1) % sequence.shape[1]
        return sequence[:, self.step]


def cues(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Seven glimpses, each dark or bright; only the first, which bears a mark, is the answer."""
    shown = torch.randint(2, (n, 7), generator=generator)
    sequence = torch.zeros(n, 7, 3, 4, 4)
    sequence[:, :, 0] = shown[:, :, None, None] * 2.0 - 1
    sequence[:, 0, 1] = 1
    return sequence + 0.1 * torch.randn(sequence.shape, generator=generator), shown[:, 0]


def test_the_lstm_keeps_what_the_first_glimpse_showed() -> None:
    arguments = Arguments(side=8, patch=4, scales=1, width=32, sensor=32, rollouts=1)
    reached: dict[str, list[float]] = {"ram": [], "ram_lstm": []}
    for seed in range(2):
        for name, found in reached.items():
            torch.manual_seed(seed)
            net = KINDS[name](arguments, 2)
            net.retina = Shown()
            found.append(learnt(net, cues, seed, steps=120, lr=4e-3))
    assert np.mean(reached["ram_lstm"]) > 0.95
    assert np.mean(reached["ram_lstm"]) > np.mean(reached["ram"]) + 0.2


def stripes(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Stripes across (0) or down (1), of any width and phase, in noise."""
    label = torch.randint(2, (n,), generator=generator)
    width, phase = (torch.rand(n, 1, generator=generator) for _ in range(2))
    wave = torch.sin((0.6 + 0.6 * width) * torch.arange(24) + 2 * math.pi * phase)
    down = wave[:, :, None].expand(-1, -1, 24)
    images = torch.where(label[:, None, None] == 1, down, down.transpose(1, 2)) * 0.25 + 0.5
    images = images + 0.15 * torch.randn(images.shape, generator=generator)
    return images[:, None].expand(-1, 3, -1, -1), label


def test_the_cnn_reads_texture_sooner() -> None:
    reached: dict[str, list[float]] = {"ram": [], "ram_cnn": []}
    for seed in range(2):
        for name, found in reached.items():
            torch.manual_seed(seed)
            found.append(learnt(KINDS[name](SMALL, 2), stripes, seed, steps=40, lr=2e-3))
    assert np.mean(reached["ram_cnn"]) > 0.95
    assert np.mean(reached["ram_cnn"]) > np.mean(reached["ram"]) + 0.2


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_it_overfits_32_pictures(kind: type[Ram]) -> None:
    generator = torch.Generator().manual_seed(0)
    small = torch.randint(2, (32, 3, 6, 6), generator=generator).float()
    images, label = nn.functional.interpolate(small, size=24), torch.arange(32) % 2
    net = kind(Arguments(side=24, patch=8, scales=2, glimpses=3, width=64, sensor=64), 2)
    for _ in range(30):
        if accuracy(fit(net, images, label, 60, 2e-3, generator), images, label) > 0.99:
            break
    assert accuracy(net, images, label) > 0.99


def test_shuffled_labels_give_chance() -> None:
    def shuffled(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        images, _ = squares(n, generator)
        return images, torch.randint(2, (n,), generator=generator)

    assert 0.4 < learnt(Ram(SMALL, 2), shuffled, 3, steps=100, lr=3e-3) < 0.6
