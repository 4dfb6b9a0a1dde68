"""VGG-16 and ResNet-50 against torchvision's own, what is frozen in them, and that they can learn."""

from typing import Any

import pytest
import torch
import torchvision
from small_nets import answered, count, known, learn, pictures
from torch import Tensor

from ml.nets.base import Net, NoWeights
from ml.nets.lite import Lite
from ml.nets.resnet50_ft import Arguments as ResNetArguments
from ml.nets.resnet50_ft import ResNet, ResNet50Ft
from ml.nets.vgg16_ft import Arguments as VggArguments
from ml.nets.vgg16_ft import Vgg16, Vgg16Ft
from ml.recipes import RecipeError

NARROW_VGG = VggArguments(weights="none", width=1 / 16, side=64)
NARROW_RESNET = ResNetArguments(weights="none", width=1 / 8, units=(1, 1, 1, 1), side=64)


def vgg(**changes: Any) -> Vgg16Ft:
    torch.manual_seed(0)
    return Vgg16Ft(VggArguments(**{**NARROW_VGG.__dict__, **changes}), 2)


def resnet(**changes: Any) -> ResNet50Ft:
    torch.manual_seed(0)
    return ResNet50Ft(ResNetArguments(**{**NARROW_RESNET.__dict__, **changes}), 2)


def frozen_bytes(net: Vgg16Ft) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.frozen.state_dict().items()}


def test_vgg16_has_the_papers_size_and_learns_its_last_layers_only() -> None:
    with torch.device("meta"):
        net = Vgg16Ft(VggArguments(), 2)
    assert (count(net), count(net, learning=True)) == (134_268_738, 121_913_858)
    learning = {name for name, each in net.named_parameters() if each.requires_grad}
    assert {name.rsplit(".", 1)[0] for name in learning} == {
        "trunk.features.28", "trunk.classifier.0", "trunk.classifier.3", "last",
    }  # fmt: skip


def test_vgg16_fits_torchvisions_weights() -> None:
    with torch.device("meta"):
        theirs, ours = torchvision.models.vgg16().state_dict(), Vgg16().state_dict()
    assert {name: value.shape for name, value in theirs.items() if not name.startswith("classifier.6")} == {
        name: value.shape for name, value in ours.items()
    }


def test_vgg16_has_the_papers_maps() -> None:
    net = Vgg16(width=1 / 64)
    sizes, x = [], torch.zeros(1, 3, 224, 224)
    for layer in net.features:
        x = layer(x)
        if isinstance(layer, torch.nn.MaxPool2d):
            sizes.append(tuple(x.shape[1:]))
    assert sizes == [(1, 112, 112), (2, 56, 56), (4, 28, 28), (8, 14, 14), (8, 7, 7)]


def test_resnet50_has_its_size() -> None:
    with torch.device("meta"):
        net = ResNet50Ft(ResNetArguments(), 2)
    assert count(net) == count(net, learning=True) == 23_512_130


def test_resnet50_answers_as_torchvisions_with_the_same_weights() -> None:
    torch.manual_seed(0)
    theirs, ours, x = torchvision.models.resnet50(), ResNet(), torch.randn(1, 3, 64, 64)
    theirs.fc = torch.nn.Identity()
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        assert torch.allclose(ours.eval()(x), theirs.eval()(x), atol=1e-5)


def test_what_is_frozen_keeps_its_bytes() -> None:
    net = vgg()
    before = frozen_bytes(net)
    assert "26.weight" in before and "28.weight" not in before
    learn(net, pictures(4, 64), known(4, label=torch.tensor([0, 1, 0, 1])), steps=2)
    assert all(torch.equal(value, net.frozen.state_dict()[name]) for name, value in before.items())
    assert not torch.equal(net.last.weight, vgg().last.weight)


def test_the_frozen_statistics_of_lite_stay_too() -> None:
    net = vgg(trunk="lite0", weights="imagenet")
    net.start()
    before = frozen_bytes(net)
    assert any("running_mean" in name for name in before)
    learn(net, pictures(4, 64), known(4, label=torch.tensor([0, 1, 0, 1])), steps=2)
    assert all(torch.equal(value, net.frozen.state_dict()[name]) for name, value in before.items())


@pytest.mark.parametrize("make", [vgg, resnet])
def test_lite_starts_from_its_packaged_weights(make: Any) -> None:
    net = make(trunk="lite0", weights="imagenet")
    random = net.trunk.body[0].weight.clone()
    net.start()
    assert not torch.equal(random, net.trunk.body[0].weight)


@pytest.mark.parametrize("make", [vgg, resnet])
def test_without_weights_for_its_width_it_says_so(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        full = torchvision.models.vgg16() if make is vgg else torchvision.models.resnet50()
    monkeypatch.setattr("ml.nets.pretrained.imagenet", lambda name: full.state_dict())
    with pytest.raises(NoWeights, match=r"^no ImageNet weights"):
        make(weights="imagenet").start()


@pytest.mark.parametrize("make", [vgg, resnet])
def test_an_unknown_trunk_is_refused(make: Any) -> None:
    with pytest.raises(RecipeError, match="trunk must be"):
        make(trunk="vgg61")


@pytest.mark.parametrize("make", [vgg, resnet])
def test_the_new_layer_learns_ten_times_as_fast(make: Any) -> None:
    net = make()
    old, new = net.parameter_groups(1e-4, 5e-4)
    assert new["lr"] == pytest.approx(1e-3) and old["lr"] == 1e-4
    assert {id(each) for each in new["params"]} == {id(each) for each in net.last.parameters()}
    learning = [each for each in net.parameters() if each.requires_grad]
    assert len(old["params"]) + len(new["params"]) == len(learning)


@pytest.mark.parametrize(
    ("make", "steps"), [(vgg, 150), (resnet, 30), (lambda: started(vgg(trunk="lite0", weights="imagenet")), 40)]
)
def test_it_learns_32_photographs_by_heart(make: Any, steps: int) -> None:
    net, label = make(), torch.arange(32) % 2
    said = learn(net, pictures(32, 32 if isinstance(net.trunk, Lite) else 64), known(32, label=label), steps=steps)
    assert (said["probabilities"].argmax(1) == label).all()


def started(net: Net) -> Net:
    net.start()
    return net


def test_resnet_learns_six_moods_and_scores() -> None:
    torch.manual_seed(0)
    moods = ResNet50Ft(ResNetArguments(**{**NARROW_RESNET.__dict__, "task": "emotion"}), 6)
    label = torch.arange(32) % 6
    said = learn(moods, pictures(32, 64), known(32, label=label), steps=40)
    assert said["probabilities"].shape == (32, 6) and (said["probabilities"].argmax(1) == label).all()
    scored = resnet(task="score")
    assert answered(scored, pictures(2, 64))["score"].shape == (2,)


@pytest.mark.parametrize("make", [vgg, resnet])
def test_gradients_reach_all_that_learns(make: Any) -> None:
    net = make().train()
    sum(net.losses(net(pictures(8, 64)), known(8, label=torch.arange(8) % 2)).values()).backward()
    without = [name for name, each in net.named_parameters() if each.requires_grad and not each.grad.abs().sum() > 0]
    assert without == []


@pytest.mark.parametrize("make", [vgg, resnet])
def test_a_saved_network_answers_the_same(make: Any) -> None:
    net, other = make(), make()
    learn(net, pictures(4, 64), known(4, label=torch.tensor([0, 1, 0, 1])), steps=2)
    other.load_state_dict(net.state_dict())
    x = pictures(4, 64)
    assert torch.equal(answered(net, x)["probabilities"], answered(other, x)["probabilities"])


def test_dropout_works_in_training_alone() -> None:
    net, x = vgg(), pictures(2, 64)
    assert torch.equal(answered(net, x)["probabilities"], answered(net, x)["probabilities"])
    net.train()
    assert not torch.equal(net(x)["logits"], net(x)["logits"])
