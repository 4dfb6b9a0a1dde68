"""The report's emotion network: its layers, in its order, and its recipe."""

import pytest
import torch
from torch import Tensor, nn

from ml import schedules
from ml.nets import catalog
from ml.nets.emotion_vgg import Arguments, EmotionVgg
from ml.recipes import TRAINING

TINY = Arguments(preset="small-112", width=0.125, side=32)


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("preset", "count"),
    [("full", 433_581_574), ("two", 436_717_894), ("small", 26_608_390), ("small-112", 7_207_942)],
)
def test_it_has_the_parameters_of_the_table(preset: str, count: int) -> None:
    with torch.device("meta"):
        net = catalog.build("emotion_vgg", Arguments(preset=preset), 6)
    assert sum(parameter.numel() for parameter in net.parameters()) == count


def test_every_block_has_the_size_of_the_table() -> None:
    with torch.device("meta"):
        net, x = EmotionVgg(Arguments(), 6), torch.zeros(2, *EmotionVgg(Arguments(), 6).views[0].shape)
        sizes = []
        for layer in net.blocks:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                sizes.append(tuple(x.shape[1:]))
        assert sizes == [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14)]
        widths = [layer.out_features for layer in net.head if isinstance(layer, nn.Linear)]
    assert widths == [4096, 4096, 1024, 6]
    assert x.flatten(1).shape[1] == 100_352


@pytest.mark.parametrize(("preset", "units"), [("full", 1), ("two", 2)])
def test_lrn_sits_between_relu_and_batch_norm(preset: str, units: int) -> None:
    with torch.device("meta"):
        net = EmotionVgg(Arguments(preset=preset), 6)
    unit = [nn.Conv2d, nn.ReLU, nn.LocalResponseNorm, nn.BatchNorm2d]
    assert [type(layer) for layer in net.blocks] == 4 * [*units * unit, nn.MaxPool2d]
    lrn = net.blocks[2]
    assert (lrn.size, lrn.alpha, lrn.beta, lrn.k) == (5, 1e-4, 0.75, 1.0)


def test_more_is_dropped_in_the_later_layers() -> None:
    net = EmotionVgg(TINY, 6)
    kinds = [type(layer) for layer in net.head]
    assert kinds == [nn.Flatten, *3 * [nn.Linear, nn.ReLU, nn.Dropout], nn.Linear]
    assert [layer.p for layer in net.head if isinstance(layer, nn.Dropout)] == [0.5, 0.6, 0.6]


def test_the_rate_is_halved_every_five_epochs() -> None:
    recipe = TRAINING["emotion_vgg"]
    optimiser = schedules.optimiser(EmotionVgg(TINY, 6), recipe)
    schedule = schedules.schedule(optimiser, recipe, recipe.epochs)
    rates = []
    for _ in range(11):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert [rates[0], rates[4], rates[5], rates[9], rates[10]] == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025])
    assert (recipe.optimiser, optimiser.param_groups[0]["momentum"], recipe.batch) == ("sgd", 0.9, 128)


def test_it_sees_256_pixels_of_which_224_count() -> None:
    with torch.device("meta"):
        view, small = (EmotionVgg(Arguments(preset=preset), 6).views[0] for preset in ("full", "small-112"))
        shorter = EmotionVgg(Arguments(frame="center-crop"), 6).views[0]
    assert (view.frame, view.resize, view.side) == ("warp", 256, 224)
    assert (small.resize, small.side) == (128, 112)
    assert shorter.frame == "center-crop"


def test_its_blocks_start_from_he_values_and_its_wide_layers_from_smaller_ones() -> None:
    torch.manual_seed(0)
    net = EmotionVgg(Arguments(preset="small-112", side=32), 6)
    for layer, variance in ((net.blocks[5], 2.0), (net.head[1], 1 / 3)):
        fan_in = layer.weight[0].numel()
        assert float(layer.weight.detach().std()) == pytest.approx((variance / fan_in) ** 0.5, rel=0.03)
    assert not net.blocks[5].bias.any()


def test_the_reports_rate_does_not_end_in_nan(one_thread: None) -> None:
    images, label = pictures(64, 5)
    net = fit(EmotionVgg(Arguments(preset="small-112", width=0.25, side=32), 6), images, label, epochs=15, lr=0.1)
    assert float(net.losses(net(images), {"label": label})["loss"].detach()) < 3


def test_it_refuses_presets_and_frames_that_there_are_not() -> None:
    for wrong in (Arguments(preset="huge"), Arguments(frame="crop")):
        with pytest.raises(ValueError, match="full, two, small, small-112"):
            EmotionVgg(wrong, 6)


# ---------------------------------------------------------------- training


def pictures(n: int, seed: int, side: int = 32) -> tuple[Tensor, Tensor]:
    """Colours with some noise, and six classes that have nothing to do with them."""
    generator = torch.Generator().manual_seed(seed)
    colour = torch.randn(n, 3, 1, 1, generator=generator) + torch.randn(n, 3, 4, 4, generator=generator)
    images = nn.functional.interpolate(colour, size=side) + 0.1 * torch.randn(n, 3, side, side, generator=generator)
    return images, torch.arange(n) % 6


def fit(net: EmotionVgg, images: Tensor, label: Tensor, epochs: int, lr: float = 0.05) -> EmotionVgg:
    optimiser = torch.optim.SGD(net.train().parameters(), lr, momentum=0.9)
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(32):
            loss = sum(net.losses(net(images[rows]), {"label": label[rows]}).values())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return net.eval()


@torch.no_grad()
def accuracy(net: EmotionVgg, images: Tensor, label: Tensor) -> float:
    return float((net(images)["logits"].argmax(1) == label).float().mean())


def test_it_overfits_32_pictures(one_thread: None) -> None:
    images, label = pictures(32, 0, side=16)
    net = EmotionVgg(Arguments(preset="small-112", width=0.5, side=16), 6)
    for _ in range(10):
        if accuracy(fit(net, images, label, 30, lr=0.02), images, label) > 0.99:
            break
    assert accuracy(net, images, label) > 0.99


def test_labels_by_chance_give_chance(one_thread: None) -> None:
    net = fit(EmotionVgg(TINY, 6), *pictures(192, 1), epochs=8)
    assert 0.10 < accuracy(net, *pictures(600, 2)) < 0.25


@pytest.mark.parametrize("preset", ["small-112", "two"])
def test_every_parameter_learns(preset: str) -> None:
    torch.manual_seed(0)
    net = EmotionVgg(Arguments(preset=preset, width=0.125, side=16), 6).train()
    images, label = pictures(64, 3, side=16)
    sum(net.losses(net(images), {"label": label}).values()).backward()
    # a bias before batch norm alone would not count; here ReLU and LRN lie between
    assert [name for name, each in net.named_parameters() if each.grad is None or not each.grad.any()] == []


def test_its_loss_is_cross_entropy_over_known_labels() -> None:
    net, logits = EmotionVgg(TINY, 3), torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    terms = net.losses({"logits": logits}, {"label": torch.tensor([2, 0, -1])})
    by_hand = (-torch.log(torch.softmax(logits[0], 0)[2]) - torch.log(torch.tensor(1 / 3))) / 2
    assert float(sum(terms.values())) == pytest.approx(float(by_hand))


def test_tested_it_always_says_the_same_and_training_it_does_not() -> None:
    torch.manual_seed(0)
    net, images = EmotionVgg(TINY, 6), pictures(8, 4)[0]
    assert not torch.equal(net(images)["logits"], net(images)["logits"])
    net.eval()
    assert torch.equal(net(images)["logits"], net(images)["logits"])
    again = EmotionVgg(TINY, 6).eval()
    again.load_state_dict(net.state_dict())
    assert torch.equal(net(images)["logits"], again(images)["logits"])
    assert net.answers(net(images))["probabilities"].sum(1).tolist() == pytest.approx([1] * 8)


def test_it_takes_other_class_tasks() -> None:
    net = catalog.build("emotion_vgg", Arguments(task="style", preset="small-112", width=0.125, side=32), 14)
    assert net.eval()(torch.rand(1, 3, 32, 32))["logits"].shape == (1, 14)
