"""ImageNet weights from files made here; no test reaches the internet."""

import hashlib
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ml.nets import pretrained
from ml.nets.base import NoWeights


class Two(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.body, self.last = nn.Sequential(nn.Conv2d(1, width, 1), nn.BatchNorm2d(width)), nn.Linear(width, 2)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network's weights in a file whose name ends in its hash, where torchvision's address points to."""
    torch.save(Two().state_dict(), tmp_path / "two.pth")
    data = (tmp_path / "two.pth").read_bytes()
    path = tmp_path / f"two-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    path.write_bytes(data)
    monkeypatch.setattr(pretrained, "address", lambda name: path.as_uri())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    return path


def _same(net: nn.Module, weights: dict[str, Tensor], start: str) -> bool:
    return all(torch.equal(net.state_dict()[name], weights[name]) for name in weights if name.startswith(start))


def test_it_fills_all_but_the_new_layers(kept: Path) -> None:
    weights, net = torch.load(kept, weights_only=True), Two()
    pretrained.load(net, "two", new=("last.",))
    assert _same(net, weights, "body.") and not _same(net, weights, "last.weight")


def test_it_takes_files_older_than_the_counters_of_batch_norm(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = torch.load(kept, weights_only=True)
    del weights["body.1.num_batches_tracked"]
    monkeypatch.setattr(pretrained, "imagenet", lambda name: weights)
    net = Two()
    pretrained.load(net, "two")
    assert _same(net, weights, "")


def test_a_net_of_another_width_has_no_weights(kept: Path) -> None:
    with pytest.raises(NoWeights, match=r"^no ImageNet weights: those of two fit it at its full width only"):
        pretrained.load(Two(width=4), "two")


def test_a_file_with_a_wrong_hash_is_refused(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = kept.with_name("two-00000000.pth")
    wrong.write_bytes(kept.read_bytes())
    monkeypatch.setattr(pretrained, "address", lambda name: wrong.as_uri())
    with pytest.raises(NoWeights, match=r"^no ImageNet weights"):
        pretrained.imagenet("two")


def test_a_site_out_of_reach_is_one_sentence_soon(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "address", lambda name: "http://127.0.0.1:9/two-00000000.pth")
    before = time.monotonic()
    with pytest.raises(NoWeights, match=r"^no ImageNet weights: two's cannot be had from 127\.0\.0\.1:9 now"):
        pretrained.imagenet("two")
    assert time.monotonic() - before < pretrained.PATIENCE


def test_torchvision_still_has_the_addresses() -> None:
    names = {name: pretrained.address(name).rsplit("/", 1)[1] for name in ("vgg16", "resnet50", "alexnet")}
    assert names["vgg16"] == "vgg16-397923af.pth" and names["resnet50"] == "resnet50-0676ba61.pth"
    assert names["alexnet"].startswith("alexnet-")
