"""Losses against values computed by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ml import losses


def one_hot(place: int) -> Tensor:
    """All votes for one of ten bins: (1, 10)."""
    return functional.one_hot(torch.tensor([place]), 10).float()


def test_the_two_ends_are_furthest_apart() -> None:
    assert float(losses.emd(one_hot(0), one_hot(9))) == pytest.approx(math.sqrt(9 / 10), abs=1e-4)  # .9487
    assert float(losses.emd(one_hot(0), one_hot(9), power=1)) == pytest.approx(0.9, abs=1e-4)


def test_distance_grows_with_the_bins_between() -> None:
    apart = [float(losses.emd(one_hot(0), one_hot(place), power=1)) for place in range(10)]
    assert apart == pytest.approx([place / 10 for place in range(10)], abs=1e-4)


def test_a_distribution_is_at_no_distance_from_itself_and_has_a_gradient_there() -> None:
    shares = torch.full((2, 10), 0.1, requires_grad=True)
    distance = losses.emd(shares, shares.detach())
    assert float(distance.detach()) == pytest.approx(0, abs=1e-5)
    distance.backward()
    assert torch.isfinite(shares.grad).all()


def test_emd_is_the_mean_over_photographs() -> None:
    said, truth = torch.cat([one_hot(0), one_hot(3)]), torch.cat([one_hot(9), one_hot(3)])
    assert float(losses.emd(said, truth)) == pytest.approx(math.sqrt(0.9) / 2, abs=1e-4)


def test_euclidean_is_caffes_half_the_mean_square() -> None:
    said, truth = torch.tensor([0.5, 1.0]), torch.tensor([0.0, 0.4])
    assert float(losses.euclidean(said, truth)) == pytest.approx((0.25 + 0.36) / 4)
    assert float(losses.euclidean(said, truth)) == pytest.approx(float(functional.mse_loss(said, truth)) / 2)


def test_unknown_scores_teach_nothing() -> None:
    said = torch.tensor([0.5, 1.0], requires_grad=True)
    losses.euclidean(said, torch.tensor([0.0, math.nan])).backward()
    assert said.grad is not None and said.grad.tolist() == [0.5, 0.0], "and do not weaken what the others teach"


def test_euclidean_of_several_columns_is_the_sum_of_theirs() -> None:
    said, truth = torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([[0.0, math.nan], [0.0, 1.0]])
    assert float(losses.euclidean(said, truth)) == pytest.approx((1 + 9) / 4 + 16 / 2)


def test_cross_entropy_of_even_logits_is_the_log_of_the_classes() -> None:
    assert float(losses.cross_entropy(torch.zeros(3, 6), torch.tensor([0, 5, -1]))) == pytest.approx(math.log(6))


@pytest.mark.parametrize(
    ("task", "known"),
    [
        ("score", {"score": torch.full((2,), math.nan)}),
        ("distribution", {"distribution": torch.full((2, 10), math.nan)}),
        ("binary", {"label": torch.tensor([-1, -1])}),
    ],
)
def test_a_batch_of_which_nothing_is_known_costs_nothing_and_can_be_differentiated(task: str, known: dict) -> None:
    logits = torch.randn(2, 10, requires_grad=True)
    loss = losses.of_task(task, logits, known)
    loss.backward()
    assert float(loss.detach()) == 0 and logits.grad is not None and not logits.grad.any()


def test_answers_are_what_a_task_asks_for() -> None:
    logits = torch.randn(4, 10)
    assert torch.equal(losses.answer("score", logits[:, :1])["score"], logits[:, 0])
    assert losses.answer("distribution", logits)["distribution"].sum(1).tolist() == pytest.approx([1] * 4)
    assert losses.answer("emotion", logits)["probabilities"].argmax(1).equal(logits.argmax(1))
