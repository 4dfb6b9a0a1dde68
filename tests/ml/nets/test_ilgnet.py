"""ILGNet: the sizes of the authors' prototxt, its rates, and where its weights come from."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from ml.nets import catalog, pretrained
from ml.nets.base import NoWeights
from ml.nets.ilgnet import Arguments, CaffeBase, Ilgnet, Inception
from ml.recipes import TRAINING, RecipeError

SMALL = {"side": 96, "width": 0.125}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def pictures(number: int, side: int = 96) -> Tensor:
    """Large spots in 0-255 less a mean, as the caffe stem knows pixels: (n, 3, side, side)."""
    spots = torch.randn(number, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    return nn.functional.interpolate(60 * spots, size=(side, side), mode="bilinear")


def small(**changes: object) -> Ilgnet:
    torch.manual_seed(0)
    return Ilgnet(Arguments(**{**SMALL, **changes}), 2)  # type: ignore[arg-type]


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.fixture(scope="module")
def full() -> Ilgnet:
    """The whole network, without memory."""
    with torch.device("meta"):
        return Ilgnet(Arguments(), 2)


def test_parameter_count_is_that_of_the_table(full: Ilgnet) -> None:
    assert count(full) == 150_938_082
    assert count(full.read_first) + count(full.read_second) == (200_704 + 376_320) * 256 + 512


def test_every_shape_is_that_of_the_table(full: Ilgnet) -> None:
    shapes: dict[str, tuple[int, ...]] = {}

    def keep(name: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return layer.register_forward_hook(lambda _, __, out: shapes.__setitem__(name, tuple(out.shape[1:])))

    base = full.base
    assert isinstance(base, CaffeBase)
    hooks = [keep(name, layer) for name, layer in base.named_layers().items()]
    hooks += [keep("average", full.average), keep("temp1", full.read_first), keep("temp2", full.read_second)]
    hooks += [keep("temp3", full.read_globe), keep("join", full.join)]
    first, second, third = base(torch.zeros(1, 3, 227, 227, device="meta"))
    said = full(torch.zeros(1, 3, 227, 227, device="meta"))
    for hook in hooks:
        hook.remove()
    assert [tuple(m.shape[1:]) for m in (first, second, third)] == [(256, 28, 28), (480, 28, 28), (512, 14, 14)]
    assert shapes["conv1/7x7_s2"] == (64, 114, 114) and shapes["conv2/3x3"] == (192, 57, 57)
    assert shapes["inception_3b/3x3_reduce"] == (128, 28, 28) and shapes["inception_4a/5x5"] == (48, 14, 14)
    assert shapes["average"] == (512, 4, 4) and shapes["loss1/conv"] == (128, 4, 4)
    assert [shapes[name] for name in ("temp1", "temp2", "temp3", "join")] == [(256,), (256,), (512,), (1024,)]
    assert said["logits"].shape == (1, 2)


def test_pools_round_up_and_see_the_last_rows() -> None:
    """The last row of an even map falls out of pools that round down."""
    base = small().base
    assert isinstance(base, CaffeBase)
    assert base.pool(torch.zeros(1, 1, 114, 114)).shape[2:] == (57, 57)
    last = torch.zeros(1, 1, 28, 28)
    last[..., -1, -1] = 1
    assert base.pool(last)[..., -1, -1] == 1


def test_the_modules_pool_by_the_mean() -> None:
    module = Inception(1, 1, 1, 1, 1, 1, 1)
    for layer in module.layers:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    nn.init.ones_(module.project.weight)
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 9
    assert module(x)[0, 3, 1:4, 1:4].tolist() == [[1, 1, 1]] * 3  # by the maximum: nines
    assert not module(x)[0, :3].any()


def test_normalisation_follows_the_first_pool_and_precedes_the_second() -> None:
    base = small().base
    assert isinstance(base, CaffeBase)
    order: list[str] = []
    for name in ("conv1", "conv2", "pool", "lrn", "a3"):
        getattr(base, name).register_forward_hook(lambda *_, name=name: order.append(name))
    base(pictures(1))
    assert order == ["conv1", "pool", "lrn", "conv2", "lrn", "pool", "a3", "pool"]


def test_local_maps_come_from_3a_and_3b_and_the_global_one_from_4a() -> None:
    net, x = small().eval(), pictures(2)
    before = net(x)["logits"]
    base = net.base
    assert isinstance(base, CaffeBase)
    for reader in (net.read_first, net.read_second, net.read_globe):
        weight = reader[1].weight.data.clone()  # type: ignore[union-attr, operator]
        nn.init.zeros_(reader[1].weight)  # type: ignore[arg-type]
        assert not torch.allclose(net(x)["logits"], before, atol=1e-6)
        reader[1].weight.data = weight  # type: ignore[union-attr]
    nn.init.zeros_(net.read_globe[1].weight)  # type: ignore[arg-type]
    without_globe = net(x)["logits"]
    nn.init.zeros_(base.a4.one.weight)
    assert torch.equal(net(x)["logits"], without_globe)
    nn.init.zeros_(base.b3.one.weight)
    assert not torch.equal(net(x)["logits"], without_globe)


def test_new_layers_begin_with_caffes_xavier_and_a_bias_of_a_fifth() -> None:
    net = small(width=0.5)
    layer, last = net.read_globe[1], net.classifier
    assert isinstance(layer, nn.Linear)
    bound = (3 / layer.in_features) ** 0.5
    assert float(layer.weight.detach().abs().max()) == pytest.approx(bound, rel=0.01)
    assert layer.bias.unique().tolist() == pytest.approx([0.2])
    assert not last.bias.any()


def test_rates_are_those_of_the_prototxt() -> None:
    net = small()
    base = net.base
    assert isinstance(base, CaffeBase)
    recipe = TRAINING["ilgnet"]
    assert (recipe.lr, recipe.momentum, recipe.weight_decay, recipe.batch) == (1e-4, 0.9, 2e-4, 48)
    groups = {id(p): (g["lr"], g["weight_decay"]) for g in net.parameter_groups(1.0, 2e-4) for p in g["params"]}
    assert len(groups) == len(list(net.parameters()))
    assert groups[id(base.conv1.weight)] == (1.0, 2e-4) and groups[id(base.conv1.bias)] == (2.0, 0.0)
    assert groups[id(net.classifier.weight)] == (10.0, 2e-4) and groups[id(net.classifier.bias)] == (20.0, 0.0)


def test_input_is_a_window_of_227_in_a_warp_of_256_blue_first(full: Ilgnet) -> None:
    (view,) = full.views
    assert (view.frame, view.resize, view.side, view.norm, view.bgr) == ("warp", 256, 227, "caffe", True)


def test_dropout_is_seven_tenths_in_training_alone(full: Ilgnet) -> None:
    assert [m.p for m in full.modules() if isinstance(m, nn.Dropout)] == [0.7] * 4
    net, x = small(), pictures(4)
    assert torch.equal(net.eval()(x)["logits"], net(x)["logits"])
    assert not torch.equal(net.train()(x)["logits"], net(x)["logits"])


@pytest.mark.parametrize("stem", ["caffe", "torchvision", "lite0"])
def test_a_gradient_reaches_every_layer(stem: str) -> None:
    net = small(stem=stem, dropout=0.0)
    net.losses(net(pictures(8)), {"label": torch.arange(8) % 2})["loss"].backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() and p.grad.any() for p in net.parameters())


@pytest.mark.parametrize(
    ("stem", "scale", "steps"), [("caffe", 1.0, 30), ("torchvision", 1 / 60, 10), ("lite0", 1 / 60, 10)]
)
def test_it_overfits_32_pictures(stem: str, scale: float, steps: int) -> None:
    net, x, label = small(stem=stem, dropout=0.0, side=75), pictures(32, 75) * scale, torch.arange(32) % 2
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.9  # statistics that follow within these few steps
    optimiser = torch.optim.SGD(net.parameter_groups(1e-3, 0.0), momentum=0.9)
    for _ in range(steps):
        optimiser.zero_grad()
        net.losses(net(x), {"label": label})["loss"].backward()
        optimiser.step()
    assert net.answers(net.eval()(x))["probabilities"].argmax(1).equal(label)


def test_building_it_leaves_batch_norm_as_it_was() -> None:
    means = [v for name, v in small(stem="torchvision").state_dict().items() if name.endswith("running_mean")]
    assert means and not any(mean.any() for mean in means)


def test_torchvisions_stem_has_the_same_maps_and_other_pixels() -> None:
    with torch.device("meta"):
        net = Ilgnet(Arguments(stem="torchvision"), 2)
        maps = net.base(torch.zeros(1, 3, 227, 227))
    assert [tuple(m.shape[1:]) for m in maps] == [(256, 28, 28), (480, 28, 28), (512, 14, 14)]
    assert (net.views[0].norm, net.views[0].bgr) == ("half", False)


def test_torchvisions_weights_fill_its_stem(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import googlenet

    whole = googlenet(weights=None, aux_logits=True, init_weights=False)
    monkeypatch.setattr(pretrained, "imagenet", lambda name: whole.state_dict() if name == "googlenet" else {})
    net = small(stem="torchvision", width=1.0)
    net.start()
    x = pictures(2) / 60
    net.eval(), whole.eval()
    expected = whole.inception3a(whole.maxpool2(whole.conv3(whole.conv2(whole.maxpool1(whole.conv1(x))))))
    first, second, third = net.base(x)
    assert torch.equal(first, expected)
    assert torch.equal(third, whole.inception4a(whole.maxpool3(second)))
    assert torch.equal(net.base.globe(third), whole.aux1.conv(third))


def test_the_packaged_stem_starts_without_the_internet() -> None:
    net = small(stem="lite0")
    before = net.base.first[0].weight.clone()  # type: ignore[index, union-attr]
    net.start()
    assert not torch.equal(net.base.first[0].weight, before)  # type: ignore[index, union-attr]


def test_without_converted_weights_it_says_so() -> None:
    with pytest.raises(NoWeights, match="no ImageNet weights"):
        small().start()
    small(weights="none").start()


def test_converted_weights_are_taken_by_caffes_names(tmp_path: Path) -> None:
    base = small().base
    assert isinstance(base, CaffeBase)
    arrays = {f"{name}.{key}": torch.randn_like(value) for name, layer in base.named_layers().items()
              for key, value in layer.state_dict().items()}  # fmt: skip
    assert len(arrays) == 2 * (3 + 3 * 6 + 1)
    safetensors.torch.save_file(arrays, tmp_path / "googlenet.safetensors")
    net = small(base=str(tmp_path / "googlenet.safetensors"))
    net.start()
    assert isinstance(net.base, CaffeBase)
    assert torch.equal(net.base.b3.five_reduce.weight, arrays["inception_3b/5x5_reduce.weight"])
    assert torch.equal(net.base.a4.project.bias, arrays["inception_4a/pool_proj.bias"])  # type: ignore[arg-type]


def test_a_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    for name in ("other", "absent"):
        with pytest.raises(NoWeights, match=name):
            small(base=str(tmp_path / f"{name}.safetensors")).start()


@pytest.mark.parametrize(
    "wrong", [{"stem": "vgg"}, {"side": 32}, {"width": 0.0}, {"weights": "web"}, {"stem": "lite0", "base": "a"}]
)
def test_it_refuses_arguments_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        Arguments(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("stem", ["caffe", "torchvision", "lite0"])
def test_it_is_rebuilt_from_its_arguments_and_says_the_same(stem: str) -> None:
    net = small(stem=stem).eval()
    twin = catalog.rebuilt("ilgnet", catalog.told(net.arguments), 2).eval()
    twin.load_state_dict(net.state_dict())
    assert torch.equal(net(pictures(2))["logits"], twin(pictures(2))["logits"])
