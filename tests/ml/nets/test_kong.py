"""Kong's network: its trunk, its losses by hand, its heads and stages, its pairs, and that every variant learns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_nets import answered, count, known, learn, pictures
from torch import Tensor, nn

from ml.data.photographs import Photographs, Ratings
from ml.nets.base import NoWeights
from ml.nets.kong import STAGES, VARIANTS, Arguments, Bvlc, Kong, gated, rank_loss
from ml.recipes import RecipeError

NARROW = Arguments(weights="none", width=1 / 16, side=67, contents=3, dropout=0.0, alpha=0.02)
ALL = np.arange(32)


def seen(n: int) -> Tensor:
    """Photographs in Caffe's range, 0-255 less the mean."""
    return 58 * pictures(n, 67)


def kong(variant: str = "att_cont", stage: str = "", **changes: Any) -> Kong:
    torch.manual_seed(0)
    net = Kong(replace(NARROW, variant=variant, **changes), 2)
    if stage:
        net.enter(stage, 0)
    return net


def photographs(ratings: bool = True) -> Photographs:
    """32 photographs with scores from 0 to 1, each rated by two of four people around its mean."""
    rng = np.random.default_rng(0)
    score, photo = np.linspace(0, 1, 32), np.repeat(ALL, 2)
    people = np.array([f"p{(n + k) % 4}" for n in range(32) for k in (0, 1)])
    own = Ratings(people, photo, np.clip(score[photo] + rng.normal(0, 0.1, 64), 0, 1))
    paths = [Path(f"{n}.jpg") for n in range(32)]
    return Photographs("made", paths, np.array([p.name for p in paths]), score=score, ratings=own if ratings else None)


def looked(net: Kong, inputs: Tensor) -> Kong:
    with torch.no_grad():
        net.look(photographs(), ALL, lambda: [(inputs[:20],), (inputs[20:],)])
    return net


def targets(n: int = 32) -> dict[str, Tensor]:
    """All that the loop may give: score, attributes, pairs of neighbours, kinds of content."""
    rng = torch.Generator().manual_seed(2)
    pair = torch.arange(2, n + 2) // 2 * torch.tensor([-1.0, 1.0]).repeat(n // 2)  # rows 0, 1: -1, +1; ...
    score = torch.linspace(0, 1, n)
    return known(
        n, score=score, high=(score > 0.5).long(), pair=pair, content=torch.arange(n) % 3 * 1.0,
        attributes=torch.rand((n, 11), generator=rng) * 2 - 1,
    )  # fmt: skip


def total(net: Kong, x: Tensor, truth: dict[str, Tensor]) -> Tensor:
    found = sum(net.losses(net(x), truth).values())
    assert isinstance(found, Tensor)
    return found


def test_the_trunk_has_caffes_layers() -> None:
    with torch.device("meta"):
        net = Bvlc(1.0, 227)
        x, sizes = torch.zeros(1, 3, 227, 227), []
        for layer in net.features:
            x = layer(x)
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                sizes.append(tuple(x.shape[1:]))
        assert net.fc7(net.fc6(x)).shape == (1, 4096)
    assert count(net) == 56_868_224
    assert sizes == [
        (96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (384, 13, 13), (384, 13, 13), (256, 13, 13),
        (256, 6, 6),
    ]  # fmt: skip
    kinds = [type(layer).__name__ for layer in net.features[:8]]
    assert kinds == ["Conv2d", "ReLU", "MaxPool2d", "LocalResponseNorm"] * 2
    assert [layer.groups for layer in net.features if isinstance(layer, nn.Conv2d)] == [1, 2, 1, 2, 2]


def test_the_heads_have_their_sizes() -> None:
    with torch.device("meta"):
        reg, att, both = (Kong(Arguments(variant=variant), 2) for variant in ("reg", "att", "att_cont"))
    assert count(reg) == 56_872_321
    assert count(att.branches) + count(att.attributes) == 1_442_507
    assert count(att.merge) + count(att.score) == 569_601
    assert count(both) - count(att) == (4096 + 1) * 4096 + (4096 + 1) * 10 + (128 + 1) * 10


def test_torchvisions_alexnet_is_another_trunk() -> None:
    with torch.device("meta"):
        net = Kong(Arguments(variant="reg", trunk="torchvision"), 2)
    assert count(net) == 61_100_840 - 4097 * 1000 + 4097
    assert not any(isinstance(layer, nn.LocalResponseNorm) for layer in net.modules())


def test_the_rank_loss_is_zero_beyond_the_margin_and_half_of_it_at_equality() -> None:
    pair = torch.tensor([1.0, -1.0, 2.0, -2.0])
    assert rank_loss(torch.tensor([0.9, 0.2, 0.6, 0.5]), pair, 0.05) == 0
    assert rank_loss(torch.full((4,), 0.3), pair, 0.05) == pytest.approx(0.05 / 2)
    # one pair in order by .02 of .05, one against by .1: (.03 + .15) / (2 * 2)
    assert rank_loss(torch.tensor([0.52, 0.5, 0.4, 0.5]), pair, 0.05) == pytest.approx(0.045)


def test_the_rank_loss_of_swapped_pairs_pulls_the_other_way() -> None:
    pair = torch.tensor([1.0, -1.0])
    score = torch.tensor([0.5, 0.5], requires_grad=True)
    one, other = (torch.autograd.grad(rank_loss(score, sign * pair, 0.05), score)[0] for sign in (1, -1))
    assert torch.equal(one, torch.tensor([-0.5, 0.5])) and torch.equal(one, -other)


def test_photographs_without_a_partner_are_not_ranked() -> None:
    score = torch.tensor([0.1, 0.9, 0.5, 0.5])
    assert rank_loss(score, torch.tensor([0.0, torch.nan, 3.0, 4.0]), 0.05) == 0  # 3 and 4 lost theirs


def test_both_photographs_of_a_pair_are_seen_by_the_same_weights() -> None:
    net, x = kong("rank").eval(), seen(1).repeat(2, 1, 1, 1)
    said = net(x)["logits"]
    assert torch.allclose(said[0], said[1], atol=1e-6)
    net.losses({"logits": said}, known(2, pair=torch.tensor([1.0, -1.0])))["rank"].backward()
    assert net.base.weight.grad.abs().max() < 1e-6  # the two pulls cancel in shared weights


def test_the_regression_loss_is_caffes() -> None:
    loss = kong("reg").losses({"logits": torch.tensor([[0.5], [0.9]])}, known(2, score=torch.tensor([0.5, 0.5])))
    assert loss["score"] == pytest.approx(0.4**2 / 4) and set(loss) == {"score"}


def test_kinds_of_content_share_the_score_out() -> None:
    scores = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    sure = torch.tensor([[0.0, 50.0, 0.0], [0.0, 0.0, 50.0]])
    assert torch.allclose(gated(sure, scores)[:, 0], torch.tensor([0.2, 0.6]))
    assert torch.allclose(gated(torch.zeros(2, 3), scores)[:, 0], torch.tensor([0.2, 0.5]))
    shares = torch.softmax(kong().eval()(seen(4))["content"], 1)
    assert shares.shape == (4, 3) and torch.allclose(shares.sum(1), torch.ones(4))


def test_an_attributes_branch_learns_from_its_own_column() -> None:
    net, truth = kong("att").eval(), known(8, attributes=torch.full((8, 11), torch.nan))
    truth["attributes"][:, 4] = 0.5
    net.losses(net(seen(8)), truth)["attributes"].backward()
    moved = [float(last.weight.grad.abs().sum()) > 0 for last in net.attributes]
    assert moved == [place == 4 for place in range(11)]
    assert [float(branch[0].weight.grad.abs().sum()) > 0 for branch in net.branches] == moved


def test_content_teaches_the_top_two_layers_alone() -> None:
    net, truth = kong("cont"), known(8, content=torch.arange(8) % 3 * 1.0)
    net.losses(net(seen(8)), truth)["content"].backward()
    moved = {name for name, each in net.named_parameters() if each.grad is not None and each.grad.abs().sum() > 0}
    assert moved == {"fc7_content.0.weight", "fc7_content.0.bias", "content.weight", "content.bias"}


@pytest.mark.parametrize(
    ("variant", "terms"),
    [
        ("conf", [{"class"}] * 4),
        ("reg", [{"score"}] * 4),
        ("rank", [{"score"}] + [{"score", "rank"}] * 3),
        ("att", [{"score"}, {"score", "rank"}] + [{"score", "rank", "attributes"}] * 2),
        ("cont", [{"score"}] + [{"score", "rank"}] * 2 + [{"score", "rank", "content"}]),
        (
            "att_cont",
            [
                {"score"}, {"score", "rank"}, {"score", "rank", "attributes"},
                {"score", "rank", "attributes", "content"},
            ],
        ),
    ],
)  # fmt: skip
def test_stages_add_losses_one_on_top_of_the_other(variant: str, terms: list[set[str]]) -> None:
    net, x, truth = kong(variant), seen(4), targets(4)
    for stage, wanted in zip(STAGES, terms, strict=True):
        net.enter(stage, 0)
        assert set(net.losses(net(x), truth)) == wanted
    net.enter("all", 0)
    assert set(net.losses(net(x), truth)) == terms[-1]


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_reach_every_part_that_answers(variant: str) -> None:
    net = looked(kong(variant), seen(32)).train()
    total(net, seen(32), targets()).backward()
    former = {"att": ["base"], "cont": ["base"], "att_cont": ["base", "score"]}.get(variant, [])  # of other stages
    unused = {f"{head}.{kind}" for head in former for kind in ("weight", "bias")}
    without = {name for name, each in net.named_parameters() if each.grad is None or not each.grad.abs().sum() > 0}
    assert without == unused


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_learns_32_photographs_by_heart(variant: str) -> None:
    x = seen(32)
    net, truth = looked(kong(variant), x), targets()
    steps = 250 if variant == "cont" else 150  # K predictors, each with a third of the photographs
    said = learn(net, x, truth, steps=steps, lr=1e-3)["score"]
    if variant == "conf":
        assert ((said > 0.5).long() == truth["high"]).all()
    else:
        ranks = torch.stack([said.argsort().argsort(), torch.arange(32)]).float()
        assert torch.corrcoef(ranks)[0, 1] > 0.95


def test_lite_stands_in_for_alexnet() -> None:
    net, x = kong("reg", trunk="lite0", weights="imagenet", side=64), pictures(4, 64)
    net.start()
    net.eval()
    pooled = net.trunk.features(x)
    assert torch.equal(net.trunk.fc7(net.trunk.fc6(pooled)), pooled)  # fc7 begins as the identity
    assert net(x)["logits"].shape == (4, 1) and net.views[0].norm == "lite"


def test_the_faithful_trunk_has_no_weights_and_says_what_to_take() -> None:
    with pytest.raises(NoWeights, match=r"^no ImageNet weights.*trunk=torchvision"):
        kong(weights="imagenet").start()


def test_content_begins_with_the_trunks_own_fc7() -> None:
    net = kong("cont")
    nn.init.normal_(net.trunk.fc7[0].weight)
    net.start()
    assert torch.equal(net.fc7_content[0].weight, net.trunk.fc7[0].weight)
    assert net.fc7_content[0].weight is not net.trunk.fc7[0].weight


def test_looking_finds_clusters_and_the_mean_score() -> None:
    x = torch.cat([seen(1) + torch.randn(16, 3, 67, 67), -seen(1).repeat(16, 1, 1, 1)])
    net = looked(kong("cont", contents=2), x)
    (first,), (second,) = set(net._content_of[:16]), set(net._content_of[16:])
    assert {first, second} == {0, 1} and not torch.equal(net.centroids[0], net.centroids[1])
    assert torch.allclose(net.predictors.bias, torch.tensor(0.5))
    with torch.no_grad():
        features = net.trunk.fc7(net.trunk.fc6(net.trunk.features(x)))
    assert torch.cdist(features, net.centroids).argmin(1).tolist() == net._content_of


def test_a_file_keeps_stage_and_kinds_of_content() -> None:
    x = seen(32)
    net, other = looked(kong(stage="att"), x), kong()
    other.load_state_dict(net.state_dict())
    assert other._content_of == net._content_of and len(other._content_of) == 32
    assert torch.equal(answered(net, x)["score"], answered(other, x)["score"])
    assert all(isinstance(value, Tensor) for value in net.state_dict().values())  # as safetensors needs them


def batches(net: Kong, rows: np.ndarray, known_of: Photographs, seed: int = 0) -> list[list[Any]]:
    found = net.sampler(known_of, rows, 8, torch.Generator().manual_seed(seed))
    assert found is not None
    return list(found)


def test_pairs_are_drawn_from_the_stage_rank_on() -> None:
    generator = torch.Generator()
    assert kong(stage="reg").sampler(photographs(), ALL, 8, generator) is None
    assert kong("reg").sampler(photographs(), ALL, 8, generator) is None
    assert kong("conf").sampler(photographs(), ALL, 8, generator) is None
    assert kong(stage="rank").sampler(photographs(), ALL, 8, generator) is not None


@pytest.mark.parametrize("pairs", ["both", "across", "within"])
def test_batches_hold_whole_pairs_of_training_photographs_only(pairs: str) -> None:
    rows, data = np.arange(0, 32, 2), photographs()
    ranked = 0
    for batch in batches(looked(kong("rank", pairs=pairs), seen(32)), rows, data):
        assert 1 <= len(batch) <= 9 and {row for row, _ in batch} <= set(rows.tolist())
        numbers = {more["pair"]: row for row, more in batch if more["pair"]}
        assert all(-number in numbers for number in numbers)
        for number, row in numbers.items():
            if number > 0 and pairs == "across":
                assert data.score[row] >= data.score[numbers[-number]] + 0.5 - 1e-9
            ranked += number > 0
    assert ranked >= 4


def test_within_pairs_follow_the_persons_own_order() -> None:
    data = photographs()
    own = {(who, photo): score for who, photo, score in zip(*vars(data.ratings).values(), strict=True)}
    for batch in batches(kong("rank", pairs="within"), ALL, data):
        numbers = {more["pair"]: row for row, more in batch if more["pair"]}
        for number, row in numbers.items():
            other = numbers[-number]
            both = [who for who in ("p0", "p1", "p2", "p3") if (who, row) in own and (who, other) in own]
            assert any((own[who, row] > own[who, other]) == (number > 0) for who in both)


def test_the_same_generator_draws_the_same_batches() -> None:
    net, data = kong("rank"), photographs()
    assert batches(net, ALL, data, 1) == batches(net, ALL, data, 1) != batches(net, ALL, data, 2)


def test_batches_tell_the_kinds_of_content() -> None:
    net = looked(kong("cont"), seen(32))
    for batch in batches(net, ALL, photographs()):
        assert all(more["content"] == net._content_of[row] for row, more in batch)


def test_without_single_ratings_pairs_are_across_raters_or_refused() -> None:
    assert batches(kong("rank"), ALL, photographs(ratings=False))
    with pytest.raises(RecipeError, match="made lacks the ratings that pairs=within needs"):
        batches(kong("rank", pairs="within"), ALL, photographs(ratings=False))


def test_new_layers_learn_ten_times_as_fast_and_biases_twice() -> None:
    net = kong()
    rates = {
        id(each): (group["lr"], group["weight_decay"])
        for group in net.parameter_groups(1, 0.1)
        for each in group["params"]
    }
    of = {name: rates[id(each)] for name, each in net.named_parameters()}
    assert of["trunk.fc7.0.weight"] == (1, 0.1) and of["trunk.fc7.0.bias"] == (2, 0)
    assert of["fc7_content.0.weight"] == (1, 0.1) and of["score.weight"] == (10, 0.1)
    assert of["attributes.3.bias"] == (20, 0) and len(of) == len(rates)


def test_conf_tells_probabilities_or_the_share_of_high() -> None:
    x = seen(4)
    asked, scored = kong("conf", task="binary"), kong("conf")
    said = answered(asked, x)["probabilities"]
    assert said.shape == (4, 2) and torch.equal(said[:, 1], answered(scored, x)["score"])


@pytest.mark.parametrize(
    "changes", [{"variant": "all"}, {"pairs": "cross"}, {"task": "binary", "variant": "reg"}, {"trunk": "vgg16"}]
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        Kong(replace(NARROW, **changes), 2)


def test_it_sees_bgr_windows_of_227_in_a_frame_of_256() -> None:
    with torch.device("meta"):
        (view,) = Kong(Arguments(), 2).views
    assert (view.frame, view.resize, view.side, view.norm, view.bgr) == ("warp", 256, 227, "caffe", True)


def test_dropout_works_in_training_alone() -> None:
    net, x = kong("reg", dropout=0.5), seen(2)
    assert torch.equal(answered(net, x)["score"], answered(net, x)["score"])
    net.train()
    assert not torch.equal(net(x)["logits"], net(x)["logits"])
