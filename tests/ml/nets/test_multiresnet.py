"""Multi-ResNet: its sizes, its units against a pre-activation ResNet, its warm start."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from small_nets import answered, count, known, learn, pictures
from torch import Tensor, nn
from torch.nn import functional

from ml.nets import catalog
from ml.nets.multiresnet import Arguments, Branch, CifarView, MultiResNet, Unit, warm
from ml.recipes import RecipeError

NARROW = Arguments(units=(1, 2), branches=2, width=1 / 8, side=64)


def net_of(**changes: Any) -> MultiResNet:
    torch.manual_seed(0)
    arguments = replace(NARROW, **changes)
    return MultiResNet(arguments, {"binary": 2, "emotion": 6}.get(arguments.task, 10))


def unit_with_statistics(branches: int, channels: int = 8) -> Unit:
    """A unit of one width whose batch norms are not the identity."""
    torch.manual_seed(branches)
    unit = Unit(channels, channels, 1, branches)
    for layer in unit.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -1, 1)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
    return unit.eval()


def pre_activation(x: Tensor, branch: Branch) -> Tensor:
    """x + f(x) of He et al. (2016b), written out from its weights."""
    f = x
    for norm, convolution in (
        (branch.before[0], branch.reduce),
        (branch.between[0], branch.filter),
        (branch.after[0], branch.expand),
    ):
        f = functional.batch_norm(f, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        f = functional.conv2d(functional.relu(f), convolution.weight, padding=convolution.padding)
    return x + f


def test_the_papers_net_for_cifar_has_its_10_2_million_parameters() -> None:
    with torch.device("meta"):
        net = MultiResNet(Arguments("objects", "cifar", (22, 22, 22), 5), 10)
    assert count(net) == 10_187_354 and net.paths == 6**66


@pytest.mark.parametrize(
    ("units", "branches", "parameters"),
    [
        ((3, 4, 6, 3), 1, 23_504_450), ((3, 4, 6, 3), 2, 44_218_690), ((3, 4, 6, 3), 4, 85_647_170),
        ((1, 2, 3, 1), 1, 10_526_786), ((1, 2, 3, 1), 2, 18_263_362), ((1, 2, 3, 1), 4, 33_736_514),
    ],
)  # fmt: skip
def test_the_nets_for_photographs_have_their_sizes(units: tuple[int, ...], branches: int, parameters: int) -> None:
    with torch.device("meta"):
        assert count(MultiResNet(Arguments(units=units, branches=branches), 2)) == parameters


@pytest.mark.parametrize(
    ("arguments", "side", "maps"),
    [
        (Arguments("objects", "cifar", (1, 1, 1), 2), 32, [(64, 32, 32), (128, 16, 16), (256, 8, 8)]),
        (Arguments(units=(1, 1, 1, 1)), 224, [(256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7)]),
    ],
)
def test_maps_have_the_papers_shapes(arguments: Arguments, side: int, maps: list[tuple[int, ...]]) -> None:
    with torch.device("meta"):
        net = MultiResNet(arguments, 10)
        x, found = net.stem(torch.zeros(1, 3, side, side)), []
        for stage in net.stages:
            x = stage(x)
            found.append(tuple(x.shape[1:]))
    assert found == maps


def test_one_branch_is_a_pre_activation_resnet() -> None:
    unit, x = unit_with_statistics(1), torch.randn(2, 8, 5, 5)
    assert torch.allclose(unit(x), pre_activation(x, unit.branches[0]), atol=1e-6)


def test_branches_are_added_and_are_not_one_object() -> None:
    unit, x = unit_with_statistics(3), torch.randn(2, 8, 5, 5)
    alone = [pre_activation(x, branch) - x for branch in unit.branches]
    assert torch.allclose(unit(x), x + sum(alone), atol=1e-5)
    assert not torch.allclose(alone[0], alone[1]) and len({id(each) for each in unit.parameters()}) == 3 * 9


def test_the_order_of_branches_does_not_matter() -> None:
    unit, x = unit_with_statistics(3), torch.randn(2, 8, 5, 5)
    before = unit(x)
    unit.branches = nn.ModuleList(reversed(unit.branches))
    assert torch.allclose(unit(x), before, atol=1e-5)


def test_a_unit_that_widens_shares_one_activation() -> None:
    unit = Unit(8, 16, 2, 3)
    assert sum(isinstance(each, nn.BatchNorm2d) for each in unit.modules()) == 1 + 3 * 2
    assert unit(torch.randn(2, 8, 6, 6)).shape == (2, 16, 3, 3)


def test_convolutions_begin_with_the_papers_deviation() -> None:
    torch.manual_seed(0)
    layer = MultiResNet(Arguments("objects", "cifar", (1, 1, 1), 1), 10).stages[2][0].branches[0].filter
    assert float(layer.weight.detach().std()) == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.05)


@pytest.mark.parametrize("training", [False, True])
def test_a_warm_start_answers_as_the_single_net(training: bool) -> None:
    single, several, x = net_of(branches=1), net_of(branches=3), pictures(4, 64)
    learn(single, x, known(4, label=torch.tensor([0, 1, 0, 1])), steps=2)
    warm(several, single)
    first, second, *_ = several.stages[1][1].branches
    assert not torch.equal(first.expand.weight, second.expand.weight)  # the noise
    assert torch.equal(first.filter.weight, second.filter.weight)
    answers = [net.train(training)(x)["logits"] for net in (single, several)]
    assert torch.allclose(*answers, atol=1e-5)


def test_it_starts_warm_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    single, several, x = net_of(branches=1), net_of(branches=2, warm="single.safetensors"), pictures(4, 64)
    monkeypatch.setattr(catalog, "from_file", lambda path: single)
    several.start()
    assert torch.allclose(single.eval()(x)["logits"], several.eval()(x)["logits"], atol=1e-5)


def test_a_file_of_another_shape_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "from_file", lambda path: net_of(branches=1, units=(1, 1)))
    with pytest.raises(RecipeError, match="warm needs"):
        net_of(branches=2, warm="single.safetensors").start()


@pytest.mark.parametrize("changes", [{"form": "mnist"}, {"branches": 0}, {"units": (1, 0)}])
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="form must be"):
        net_of(**changes)


@pytest.mark.parametrize(
    ("changes", "side", "classes", "steps"),
    [
        ({}, 64, 2, 20),
        ({"task": "emotion"}, 64, 6, 30),
        ({"task": "objects", "form": "cifar", "width": 1 / 4}, 32, 10, 50),
    ],
)
def test_it_learns_32_photographs_by_heart(changes: dict[str, Any], side: int, classes: int, steps: int) -> None:
    label = torch.arange(32) % classes
    said = learn(net_of(**changes), pictures(32, side), known(32, label=label), steps=steps, lr=1e-2)
    assert said["probabilities"].shape == (32, classes) and (said["probabilities"].argmax(1) == label).all()


def test_gradients_reach_every_branch() -> None:
    net = net_of(branches=3).train()
    net.losses(net(pictures(8, 64)), known(8, label=torch.arange(8) % 2))["loss"].backward()
    assert [name for name, each in net.named_parameters() if not each.grad.abs().sum() > 0] == []


def test_a_saved_network_answers_the_same() -> None:
    net, other, x = net_of(), net_of(), pictures(4, 64)
    learn(net, x, known(4, label=torch.tensor([0, 1, 0, 1])), steps=2)
    other.load_state_dict(net.state_dict())
    assert torch.equal(answered(net, x)["probabilities"], answered(other, x)["probabilities"])


def test_cifar_is_seen_whole_in_tests_and_shifted_within_zeros_in_training() -> None:
    view = net_of(task="objects", form="cifar").views[0]
    assert isinstance(view, CifarView)
    image = torch.full((3, 32, 32), 255, dtype=torch.uint8)
    assert view.eval(image).shape == (1, 3, 32, 32) and (view.eval(image) > 1).all()
    torch.manual_seed(0)
    shifted = [view.train(image) for _ in range(40)]
    zeros = [int((window[0] == 0).all(1).sum()) for window in shifted]
    assert all(window.shape == (3, 32, 32) for window in shifted) and set(zeros) == {0, 1, 2, 3, 4}
