"""NIMA: its distance, its sizes, and that it learns how votes are spread."""

from typing import Any

import pytest
import torch
import torchvision
from small_nets import answered, count, known, learn, pictures
from torch import Tensor

from ml import losses
from ml.nets.nima import Arguments, MobileNet, Nima, mean_of
from ml.recipes import RecipeError

NARROW = Arguments(weights="none", width=0.25, side=64, dropout=0.0)


def nima(**changes: Any) -> Nima:
    torch.manual_seed(0)
    return Nima(Arguments(**{**NARROW.__dict__, **changes}), 0)


def one_hot(place: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor([place - 1]), 10).float()


def spreads(n: int) -> Tensor:
    """Votes around a mean that differs from photograph to photograph."""
    mean = torch.linspace(2, 9, n)[:, None]
    return torch.softmax(-((torch.arange(1, 11) - mean) ** 2) / 2, 1)


@pytest.mark.parametrize(("trunk", "parameters"), [("mobilenet_v2", 2_236_682), ("vgg16", 134_301_514)])
def test_it_has_the_published_sizes(trunk: str, parameters: int) -> None:
    with torch.device("meta"):
        assert count(Nima(Arguments(trunk=trunk), 0)) == parameters


def test_mobilenet_fits_torchvisions_weights() -> None:
    theirs, ours = torchvision.models.mobilenet_v2().state_dict(), MobileNet().state_dict()
    assert {name for name in theirs if not name.startswith("classifier.")} == set(ours)


def test_dropout_is_the_papers() -> None:
    assert nima(dropout=Arguments().dropout).dropout.p == 0.75


def test_the_distance_is_the_papers() -> None:
    assert float(losses.emd(one_hot(4), one_hot(4))) < 1e-5
    assert float(losses.emd(one_hot(1), one_hot(10))) == pytest.approx(0.9**0.5, abs=1e-4)  # .9487
    assert losses.emd(one_hot(4), one_hot(5)) < losses.emd(one_hot(4), one_hot(7))


def test_the_distance_of_equal_spreads_has_a_finite_gradient() -> None:
    said = spreads(3).requires_grad_()
    losses.emd(said, spreads(3)).backward()
    assert torch.isfinite(said.grad).all()


def test_the_mean_of_a_spread_is_the_score() -> None:
    assert mean_of(torch.cat([one_hot(1), one_hot(10), (one_hot(5) + one_hot(6)) / 2])).tolist() == [0, 1, 0.5]


@pytest.mark.parametrize("trunk", ["mobilenet_v2", "lite0"])
def test_it_learns_32_spreads_by_heart(trunk: str) -> None:
    net = nima(trunk=trunk, weights="imagenet" if trunk == "lite0" else "none")
    if trunk == "lite0":
        net.start()
    # without the cumulative sum, a known bug of copies, all means stay at 4.7-5.3
    said = learn(net, pictures(32, 32), known(32, distribution=spreads(32)), steps=20, lr=3e-4)["distribution"]
    means, truth = mean_of(said), mean_of(spreads(32))
    assert torch.corrcoef(torch.stack([means.argsort().argsort(), truth.argsort().argsort()]).float())[0, 1] > 0.95
    assert means.max() - means.min() > 0.5 and torch.allclose(said.sum(1), torch.ones(32))


def test_without_votes_the_mean_learns_the_score() -> None:
    truth = torch.linspace(0.1, 0.9, 32)
    net = nima(task="score")
    said = learn(net, pictures(32, 32), known(32, score=truth), steps=30, lr=3e-4)["score"]
    assert said.min() >= 0 and said.max() <= 1 and torch.corrcoef(torch.stack([said, truth]))[0, 1] > 0.95


def test_gradients_reach_all() -> None:
    net = nima().train()
    net.losses(net(pictures(8, 64)), known(8, distribution=spreads(8)))["loss"].backward()
    assert [name for name, each in net.named_parameters() if not each.grad.abs().sum() > 0] == []


def test_photographs_without_votes_teach_nothing() -> None:
    net = nima().eval()
    votes = spreads(4)
    votes[2:] = torch.nan
    with torch.no_grad():
        said = net(pictures(4, 64))
        half = net.losses({"logits": said["logits"][:2]}, known(2, distribution=votes[:2]))["loss"]
        assert torch.equal(net.losses(said, known(4, distribution=votes))["loss"], half)
        assert net.losses(said, known(4))["loss"] == 0


def test_the_last_layer_learns_ten_times_as_fast_and_a_saved_network_answers_the_same() -> None:
    net = nima()
    assert [group["lr"] for group in net.parameter_groups(1e-5, 0.0)] == [1e-5, pytest.approx(1e-4)]
    learn(net, pictures(4, 64), known(4, distribution=spreads(4)), steps=1)
    other = nima()
    other.load_state_dict(net.state_dict())
    x = pictures(4, 64)
    assert torch.equal(answered(net, x)["distribution"], answered(other, x)["distribution"])


def test_an_unknown_trunk_is_refused() -> None:
    with pytest.raises(RecipeError, match="trunk must be"):
        nima(trunk="inception")
