"""The starter's parts that its training does not show: halves of a map, backbones of timm."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from ml import scorer
from ml.files import NetworkFileError
from ml.nets import starter
from ml.recipes import RecipeError, Starter, with_settings

NAME = "test_resnet.r160_in1k"  # the smallest of timm, here with random weights


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    """A random network of timm, whose weights lie where a machine without internet keeps them."""
    torch.manual_seed(0)
    net = timm.create_model(NAME, pretrained=False).eval()
    save_file(net.state_dict(), tmp_path / f"{NAME}.safetensors")
    monkeypatch.setenv(starter.TIMM_FOLDER, str(tmp_path))
    return net


def test_halves_tell_above_from_below_but_not_left_from_right():
    last = torch.zeros(1, 1, 7, 7)
    last[0, 0, :3, 2] = 7
    upper, lower = starter._halves(last)
    assert upper.item() == pytest.approx(3 / 4)
    assert lower.item() == 0
    mirrored = starter._halves(last.flip(3))
    assert [part.item() for part in mirrored] == [upper.item(), lower.item()]


def test_a_network_of_timm_gives_its_pooled_features_by_its_own_scaling(weights):
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8))
    entry = timm.get_pretrained_cfg(NAME)
    scaled = (pixels.permute(0, 3, 1, 2) / 255 - torch.tensor(entry.mean)[:, None, None]) / torch.tensor(entry.std)[
        :, None, None
    ]
    with torch.no_grad():
        expected = weights.forward_head(weights.forward_features(scaled), pre_logits=True)
        found = starter.Timm(f"timm:{NAME}")(pixels)["pool"]
    assert torch.allclose(found, expected, atol=1e-5)


def test_its_features_stand_behind_those_of_the_packaged_backbones(weights, tmp_path):
    recipe = replace(Starter(backbones=("lite0",), views=("crop",)), backbone=f"timm:{NAME}")
    session = scorer.features(recipe.arguments(), tmp_path / "onnx", 1)
    assert len(session.sizes) == len(recipe.parts()) == 4
    found = session.run([Image.effect_noise((200, 150), 90).convert("RGB")])
    assert [part.shape[1] for part in found] == [2560, *session.sizes[1:]]
    assert found[3].shape[1] == timm.create_model(NAME, pretrained=False).num_features


def test_weights_that_cannot_be_had_are_refused_in_one_sentence(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("Name or service not known\nand much more")

    monkeypatch.delenv(starter.TIMM_FOLDER, raising=False)
    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(
        NetworkFileError, match=r"weights of timm's test_resnet.* cannot be had here: they need internet"
    ):
        starter.Timm(f"timm:{NAME}")


@pytest.mark.parametrize("name", ["timm:no_such_network", "vit_base", "lite0"])
def test_names_that_timm_does_not_have_are_refused(name):
    with pytest.raises(RecipeError, match="timm:NAME"):
        with_settings(Starter(), [f"backbone={name}"])
