"""RAPID's three networks: the table's sizes, what each column sees, and which of them learn."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.files import save
from ml.nets import catalog, rapid
from ml.nets.rapid import Column, Columns, Double, RapidDcnn, RapidRdcnn, RapidScnn, Single, Triple
from ml.recipes import TRAINING, RecipeError

SMALL = {"width": 0.125, "side": 64}


def count(module: nn.Module, learning: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not learning)


def pictures(number: int = 4, side: int = 64) -> Tensor:
    return torch.randn(number, 3, side, side, generator=torch.Generator().manual_seed(1))


def labels(number: int) -> dict[str, Tensor]:
    return {"label": torch.arange(number) % 2}


def step(net: Columns, *inputs: Tensor) -> None:
    """One step of its recipe."""
    optimiser = torch.optim.SGD(net.parameter_groups(0.01, 5e-4), lr=0.01, momentum=0.9)
    net.train()
    sum(net.losses(net(*inputs), labels(len(inputs[0]))).values()).backward()
    optimiser.step()


@pytest.fixture
def filed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Give a network a path under which from_file finds it."""
    nets: dict[str, object] = {}
    monkeypatch.setattr(rapid.catalog, "from_file", lambda path: nets[str(path)])

    def put(net: object) -> str:
        nets[f"{len(nets)}.safetensors"] = net
        return f"{len(nets) - 1}.safetensors"

    return put


def trained(view: str, task: str = "binary", classes: int = 2, **changes: object) -> RapidScnn:
    return RapidScnn(Single(task=task, view=view, **{**SMALL, **changes}), classes)  # type: ignore[arg-type]


def test_parameter_counts_are_those_of_the_table() -> None:
    with torch.device("meta"):
        assert count(RapidScnn(Single(), 2)) == 43_721_386
        assert count(RapidScnn(Single(task="style"), 14)) == 43_724_470
        assert count(RapidDcnn(Double(), 2)) == 87_442_770
        third = RapidRdcnn(Triple(), 2)
    assert count(third) == 131_164_154
    assert count(third, learning=True) == 87_443_282


def test_every_shape_is_that_of_the_table() -> None:
    shapes = []
    with torch.device("meta"):
        column = Column(Single())
        for layer in column.modules():
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.Linear):
                layer.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
        column(torch.zeros(1, 3, 224, 224))
    assert shapes == [
        (64, 107, 107),
        (64, 53, 53),
        (64, 53, 53),
        (64, 26, 26),
        (64, 26, 26),
        (64, 26, 26),
        (1000,),
        (256,),
    ]


def test_pooling_comes_before_normalisation_and_only_twice() -> None:
    kinds = [type(layer).__name__ for layer in Column(Single(width=0.05, side=64)).convolutions]
    block = ["Conv2d", "ReLU", "MaxPool2d", "LocalResponseNorm"]
    assert kinds == [*block, *block, "Conv2d", "ReLU", "Conv2d", "ReLU"]


@pytest.mark.parametrize(("view", "tests"), [("warp", 10), ("center-crop", 10), ("padding", 10), ("crop", 50)])
def test_scnn_sees_one_of_four_views_and_judges_by_many(view: str, tests: int) -> None:
    seen = RapidScnn(Single(view=view, width=0.05), 2).views
    assert [(v.frame, v.resize, v.side) for v in seen] == [(view, 256, 224)]
    assert seen[0].eval(torch.zeros(3, 300, 280, dtype=torch.uint8)).shape == (tests, 3, 224, 224)


def test_a_small_networks_crop_shows_as_much_as_the_full_ones() -> None:
    view = RapidScnn(Single(view="crop", width=0.05, side=112), 2).views[0]
    assert (view.resize, view.side, view.shrink) == (128, 112, 0.5)


@pytest.mark.parametrize(
    "build",
    [
        lambda: trained("warp", dropout=0.0),
        lambda: RapidDcnn(Double(dropout=0.0, **SMALL), 2),
        lambda: RapidRdcnn(Triple(dropout=0.0, third="random", **SMALL), 2),
    ],
    ids=["scnn", "dcnn", "rdcnn"],
)
def test_each_overfits_32_pictures(build: Callable[[], Columns]) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net, known = build(), labels(32)
    inputs = [pictures(32) for _ in net.views]
    optimiser = torch.optim.SGD(net.parameter_groups(0.01, 0.0), momentum=0.9)
    for _ in range(80):
        optimiser.zero_grad()
        sum(net.losses(net(*inputs), known).values()).backward()
        optimiser.step()
    assert net.answers(net.eval()(*inputs))["probabilities"].argmax(1).equal(known["label"])


def test_loss_is_the_negative_log_likelihood_of_softmax() -> None:
    net = trained("warp")
    logits = torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    expected = (functional.softplus(torch.tensor(1.0)) + functional.softplus(torch.tensor(-2.0))) / 2
    assert float(net.losses({"logits": logits}, {"label": torch.tensor([0, 0])})["loss"]) == pytest.approx(
        float(expected)
    )


def test_dropout_works_in_training_alone() -> None:
    net, x = trained("warp"), pictures()
    assert torch.equal(net.eval()(x)["logits"], net(x)["logits"])
    assert not torch.equal(net.train()(x)["logits"], net(x)["logits"])


def test_the_two_columns_meet_only_in_the_last_layer() -> None:
    net = RapidDcnn(Double(**SMALL), 2)
    assert [v.frame for v in net.views] == ["warp", "crop"]
    assert count(net) == 2 * count(net.whole) + count(net.last)
    with torch.device("meta"):
        assert RapidDcnn(Double(), 2).last.in_features == 512


def test_swapping_the_inputs_changes_what_dcnn_says() -> None:
    net, one, two = RapidDcnn(Double(**SMALL), 2).eval(), pictures(), pictures().flip(0)
    assert not torch.allclose(net(one, two)["logits"], net(two, one)["logits"])


def test_without_its_last_weights_the_local_column_says_nothing() -> None:
    net, one = RapidDcnn(Double(**SMALL), 2).eval(), pictures()
    net.last.weight.data[:, 32:] = 0
    assert torch.equal(net(one, pictures())["logits"], net(one, pictures().flip(0))["logits"])


@pytest.mark.parametrize("build", [lambda: RapidDcnn(Double(**SMALL), 2), lambda: RapidRdcnn(Triple(**SMALL), 2)])
def test_a_gradient_reaches_every_layer_that_learns(build: Callable[[], RapidDcnn]) -> None:
    torch.manual_seed(0)
    net = build()
    said = net(pictures(8), pictures(8).flip(0))
    net.losses(said, labels(8))["loss"].backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters() if p.requires_grad)


def test_dcnn_starts_from_its_trained_columns(filed: Callable[..., str]) -> None:
    whole, part = trained("warp"), trained("crop")
    net = RapidDcnn(Double(warp=filed(whole), crop=filed(part), **SMALL), 2)
    net.start()
    net.eval(), whole.eval(), part.eval()
    one, two = pictures(), pictures().flip(0)
    expected = torch.cat([whole(one)["features"], part(two)["features"]], 1)
    assert torch.equal(net(one, two)["features"], expected)


def test_dcnns_columns_settle_at_a_tenth_of_the_rate() -> None:
    net = RapidDcnn(Double(**SMALL), 2)

    def rate(of: nn.Parameter) -> float:
        return next(g["lr"] for g in net.parameter_groups(1.0, 0.0) if any(p is of for p in g["params"]))

    assert TRAINING["rapid_dcnn"].stages[0] == "settle:1"
    net.enter("settle", 0)
    assert (rate(net.part.full[1].weight), rate(net.last.weight)) == (0.1, 1.0)
    net.enter("joint", 0)
    assert (rate(net.part.full[1].weight), rate(net.last.weight)) == (1.0, 1.0)


def test_cuda_convnets_way_has_its_rates_and_pixels() -> None:
    net = trained("warp", init="gaussian")
    groups = {id(p): g for g in net.parameter_groups(0.001, 5e-4) for p in g["params"]}
    convolution, full = net.column.convolutions[0], net.column.full[1]
    assert groups[id(full.weight)]["lr"] == pytest.approx(10 * groups[id(convolution.weight)]["lr"])
    assert groups[id(convolution.bias)] == {**groups[id(convolution.bias)], "lr": 0.002, "weight_decay": 0.0}
    assert net.views[0].norm == "caffe"
    assert (convolution.bias[0].item(), full.bias[0].item()) == (0.0, 1.0)


def test_the_style_column_stays_as_it_is(filed: Callable[..., str]) -> None:
    style = trained("crop", "style", 14)
    net = RapidRdcnn(Triple(third=filed(style), **SMALL), 2)
    net.start()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    step(net, pictures(8), pictures(8).flip(0))
    after = net.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any(name.startswith("third.") for name in moved)
    assert {name for name in before if not name.startswith("third.")} == moved
    for name, tensor in style.column.state_dict().items():
        assert torch.equal(after[f"third.{name}"], tensor)


def test_the_style_column_drops_nothing_out_in_training() -> None:
    net = RapidRdcnn(Triple(**SMALL), 2).train()
    first, second = (net(pictures(), pictures())["features"] for _ in range(2))
    assert torch.equal(first[:, 64:], second[:, 64:])
    assert not torch.equal(first[:, :64], second[:, :64])


def test_the_style_column_contributes() -> None:
    net, one, two = RapidRdcnn(Triple(**SMALL), 2).eval(), pictures(), pictures().flip(0)
    before = net(one, two)["logits"]
    net.third.full[-3].weight.data.zero_()
    net.third.full[-3].bias.data.zero_()
    assert not torch.allclose(before, net(one, two)["logits"])


def test_the_third_column_has_no_head_of_fourteen_styles(filed: Callable[..., str]) -> None:
    net = RapidRdcnn(Triple(third=filed(trained("crop", "style", 14)), **SMALL), 2)
    net.start()
    assert net.last.weight.shape == (2, 96)
    assert not any(14 in p.shape for p in net.parameters())


@pytest.mark.parametrize(("view", "place"), [("warp", 0), ("crop", 1)])
def test_the_third_column_sees_the_input_that_is_asked_for(view: str, place: int) -> None:
    net = RapidRdcnn(Triple(third_view=view, **SMALL), 2).eval()
    inputs = pictures(), pictures().flip(0)
    assert torch.equal(net(*inputs)["features"][:, 64:], net.third(inputs[place]))


def test_a_column_of_categories_serves_as_the_third(filed: Callable[..., str]) -> None:
    semantic = trained("warp", "category", 5)
    net = RapidRdcnn(Triple(third=filed(semantic), third_view="warp", **SMALL), 2)
    net.start()
    assert torch.equal(net.third.convolutions[0].weight, semantic.column.convolutions[0].weight)


def test_it_asks_for_a_style_column() -> None:
    with pytest.raises(RecipeError, match="task=style"):
        RapidRdcnn(Triple(**SMALL), 2).start()
    RapidRdcnn(Triple(third="random", **SMALL), 2).start()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (lambda: trained("warp", "style", 14), "view warp"),
        (lambda: trained("crop"), "task binary"),
        (lambda: trained("crop", "style", 14, width=0.25), "width"),
        (lambda: RapidDcnn(Double(**SMALL), 2), "no rapid_scnn"),
    ],
)
def test_it_refuses_a_third_column_that_does_not_fit(
    filed: Callable[..., str], given: Callable[[], nn.Module], reason: str
) -> None:
    with pytest.raises(RecipeError, match=reason):
        RapidRdcnn(Triple(third=filed(given()), **SMALL), 2).start()


@pytest.mark.parametrize(
    "wrong", [{"view": "squash"}, {"init": "zeros"}, {"width": 0.0}, {"side": 16}, {"tests": "two"}]
)
def test_it_refuses_arguments_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        Single(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["rapid_scnn", "rapid_dcnn", "rapid_rdcnn"])
def test_it_is_rebuilt_from_its_arguments_and_says_the_same(name: str) -> None:
    found = catalog.entry(name)
    net = found.build(found.arguments(**SMALL), 2).eval()
    twin = catalog.rebuilt(name, catalog.told(net.arguments), 2).eval()
    twin.load_state_dict(net.state_dict())
    inputs = [pictures()] * len(net.views)
    assert torch.equal(net(*inputs)["logits"], twin(*inputs)["logits"])
    assert name in TRAINING


def test_a_column_trained_for_styles_comes_from_a_real_file(tmp_path: Path) -> None:
    style = trained("crop", "style", 3)
    arguments = catalog.arguments_of("rapid_scnn", style.arguments, ("a", "b", "c"))
    arrays = {name: tensor.numpy() for name, tensor in style.state_dict().items()}
    saved = save(tmp_path, "rapid_scnn", arrays, {"arguments": arguments})
    net = RapidRdcnn(Triple(third=str(saved.path), **SMALL), 2)
    net.start()
    assert torch.equal(net.third.full[1].weight, style.column.full[1].weight)
