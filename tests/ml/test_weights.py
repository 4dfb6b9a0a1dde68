"""Installing weights: made files, a server on this machine, and everything that can go wrong on the way."""

import hashlib
import io
import json
import os
import pickle
import signal
from functools import cache
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torchvision
from django.core.management import CommandError, call_command
from standins.server import serving
from torch import nn

from ml import weights
from ml.data import places365
from ml.files import NetworkFileError
from ml.nets import classes, pretrained
from ml.weights import Published, WeightsError

PLACES = ["/a/airfield", "/b/beach", "/c/church/indoor", "/z/zen_garden"]
CHECKPOINT = "resnet18_places365.pth.tar"


class Host:
    """What a server has: path to (status, headers, body); it remembers what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.drip, self.address = 0.0, ""

    def drips(self, path: str) -> bool:
        return False

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        return self.files.get(path, (404, {}, b""))

    def put(self, name: str, body: bytes, status: int = 200, **headers: str) -> None:
        self.files[f"/{name}"] = (status, {"connection": "close", **headers}, body)


class Tiny(nn.Module):
    """Stands in for a ResNet: names of layers as torchvision gives them, few numbers."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1, self.fc = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Linear(4, num_classes)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def lists(names: list[str], flags: list[int]) -> dict[str, bytes]:
    """The two lists as published: no line ends the first, one ends the second."""
    categories = "\n".join(f"{name} {number}" for number, name in enumerate(names))
    indoor = "".join(f"{name} {flag}\n" for name, flag in zip(names, flags, strict=True))
    return {places365.CATEGORIES: categories.encode(), places365.INDOOR: indoor.encode()}


@cache
def checkpoint(seed: int = 0) -> bytes:
    """As its authors made it: by Python 2 (strings of bytes, some not ASCII), of several GPUs, without counters."""
    torch.manual_seed(seed)
    state = {f"module.{k}": v for k, v in Tiny(len(PLACES)).state_dict().items() if "num_batches" not in k}
    out = io.BytesIO()
    saved = {"state_dict": state, "arch": "\u00e9", "best_prec1": 54.7, "epoch": 90}
    torch.save(saved, out, _use_new_zipfile_serialization=False)
    content = out.getvalue()
    for text in (*state, *saved, "\u00e9"):
        wide, narrow = text.encode(), text.encode("latin1")
        content = content.replace(
            b"X" + len(wide).to_bytes(4, "little") + wide, b"U" + len(narrow).to_bytes(1, "little") + narrow
        )
    assert b"U\x01\xe9" in content
    return content


@pytest.fixture
def host():
    host = Host()
    with serving(host):
        yield host


@pytest.fixture
def places(host, monkeypatch):
    """Places365 for four scenes on the server of this machine, with the hashes of its lists, and a small network."""
    monkeypatch.setitem(classes.RESNETS, "resnet18", Tiny)
    for name, content in {**lists(PLACES, [2, 2, 1, 2]), CHECKPOINT: checkpoint()}.items():
        host.put(name, content)
    files = [
        Published(f"{host.address}/{name}", 10_000, sha256(content))
        for name, content in lists(PLACES, [2, 2, 1, 2]).items()
    ]
    files.append(Published(f"{host.address}/{CHECKPOINT}", 100_000))
    monkeypatch.setitem(weights.KNOWN, "places365-resnet18", weights.Weights(tuple(files), "", "resnet18"))
    return host


@pytest.fixture
def imagenet(host, monkeypatch, tmp_path):
    """A network of torchvision's kind on the server, named by its hash as torchvision does; its name."""
    out = io.BytesIO()
    torch.save(Tiny(3).state_dict(), out)
    name = f"alexnet-{sha256(out.getvalue())[:8]}.pth"
    host.put(name, out.getvalue())
    known = weights.Weights((Published(f"{host.address}/{name}", 100_000, name[8:16]),), "")
    monkeypatch.setitem(weights.KNOWN, "alexnet", known)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return name


def install_places(folder: Path, **more) -> weights.Installed:
    return weights.install("places365-resnet18", folder, **more)


def left(folder: Path) -> list[str]:
    """All that lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_places365_comes_in_as_the_scene_classifier_takes_it(places, tmp_path):
    done = install_places(tmp_path / "places365")
    assert done.new and done.path == places365.weights_in(tmp_path / "places365")
    assert left(tmp_path / "places365") == [
        places365.INDOOR, places365.CATEGORIES, weights.RECORDS, "resnet18_places365.safetensors"
    ]  # fmt: skip
    made = safetensors.torch.load_file(done.path)
    torch.manual_seed(0)
    truth = Tiny(len(PLACES)).state_dict()
    assert all(torch.equal(made[name], truth[name]) for name in made) and "fc.weight" in made
    assert classes.scenes("resnet18", done.path).count == 4
    assert places365.read(tmp_path / "places365")[1] == [False, False, True, False]


def test_what_came_first_is_recorded_and_asked_for_no_more(places, tmp_path):
    first = install_places(tmp_path)
    record = json.loads((tmp_path / weights.RECORDS).read_text())[CHECKPOINT]
    assert record["sha256"] == first.sha256[CHECKPOINT] == sha256(checkpoint())
    places.asked.clear()
    again = install_places(tmp_path)
    assert not again.new and again.path == first.path and places.asked == []


def test_another_content_is_refused_later(places, tmp_path):
    done = install_places(tmp_path)
    done.path.unlink()
    places.put(CHECKPOINT, checkpoint(seed=1))
    with pytest.raises(WeightsError, match=r"is not what it was: SHA-256 [0-9a-f]{64}, recorded [0-9a-f]{64}"):
        install_places(tmp_path)
    assert not done.path.exists() and ".installing" not in left(tmp_path)
    places.put(CHECKPOINT, checkpoint())
    assert install_places(tmp_path).new, "the content that was recorded is taken again"


def test_damaged_weights_are_fetched_anew(places, tmp_path):
    done = install_places(tmp_path)
    content = done.path.read_bytes()
    done.path.write_bytes(content[:-1])
    assert install_places(tmp_path).new and done.path.read_bytes() == content


def test_a_record_that_is_none_stops_it(places, tmp_path):
    (tmp_path / weights.RECORDS).write_text("{")
    with pytest.raises(WeightsError, match="is not a record of weights"):
        install_places(tmp_path)


class Code:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def _code(tmp_path: Path) -> bytes:
    out = io.BytesIO()
    torch.save({"state_dict": {"module.fc.weight": Code(tmp_path / "ran")}}, out)
    return out.getvalue()


def _saved(content: object) -> bytes:
    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_with_code_in_it_is_refused(places, tmp_path, zipped):
    ran = tmp_path / "ran"
    places.put(CHECKPOINT, _code(tmp_path) if zipped else pickle.dumps(Code(ran)))
    with pytest.raises(NetworkFileError, match="is not a file of weights alone, and nothing else is read"):
        install_places(tmp_path / "places365")
    assert not ran.exists() and left(tmp_path / "places365") == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html>Sign in to this network</html>", "is not a file of weights alone"),
        (checkpoint()[:-40], "is not a file of weights alone"),
        (_saved([1, 2]), "is not a file of weights by name"),
        (_saved({"model": {}}), "holds no weights under state_dict"),
        (_saved({"state_dict": Tiny(5).state_dict()}), "does not hold the weights of a resnet18 of 4 classes"),
        (_saved({"state_dict": {**Tiny(4).state_dict(), "more": 1}}), "does not hold the weights of a resnet18"),
        (_saved({"state_dict": {"fc.weight": torch.zeros(4, 4)}}), "does not hold the weights of a resnet18"),
        (_saved({"state_dict": Tiny(4).double().state_dict()}), "does not hold the weights of a resnet18"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(places, tmp_path, content, sentence):
    places.put(CHECKPOINT, content)
    with pytest.raises(NetworkFileError, match=sentence):
        install_places(tmp_path)
    assert left(tmp_path) == []


def test_lists_with_another_hash_are_refused(places, tmp_path):
    places.put(places365.INDOOR, b"/a/airfield 1\n")
    with pytest.raises(WeightsError, match=r"IO_places365\.txt has the SHA-256 .* thrown away"):
        install_places(tmp_path)
    assert left(tmp_path) == []


def test_imagenet_weights_come_where_torchvision_looks(imagenet, host, monkeypatch):
    assert str(weights.torch_folder()) == os.path.join(torch.hub.get_dir(), "checkpoints")
    done = weights.install("alexnet", weights.torch_folder())
    assert done.new and done.path.name == imagenet
    monkeypatch.setattr(pretrained, "address", lambda name: f"https://127.0.0.1:9/{imagenet}")  # nobody is there
    truth = torch.load(io.BytesIO(host.files[f"/{imagenet}"][2]), weights_only=True)
    assert all(torch.equal(tensor, truth[name]) for name, tensor in pretrained.imagenet("alexnet").items())
    assert weights.imagenet("alexnet") == done.path


def test_what_torchvision_fetched_itself_is_there_already(imagenet, host):
    folder = weights.torch_folder()
    folder.mkdir(parents=True)
    (folder / imagenet).write_bytes(host.files[f"/{imagenet}"][2])
    assert not weights.install("alexnet", folder).new and host.asked == []


def test_a_hash_other_than_the_names_is_refused(imagenet, host, tmp_path):
    host.put(imagenet, b"something else")
    with pytest.raises(WeightsError, match="has the SHA-256"):
        weights.install("alexnet", tmp_path / "here")
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "sentence"),
    [
        (404, {}, b"", r"127\.0\.0\.1 answers 404 for /alexnet"),
        (503, {}, b"", "answers 503"),
        (200, {"content-length": "5000"}, b"only this", "broke off"),
        (200, {"content-length": "0"}, b"", "broke off"),
        (
            200,
            {"content-length": "9000000000"},
            b"",
            r"is larger than it can be \(9,000,000,000 bytes, 100,000 at most",
        ),
        (200, {}, bytes(200_000), "is larger than it can be"),
        (302, {"location": "http://127.0.0.2/elsewhere"}, b"", r"sends to http://127\.0\.0\.2, which is not followed"),
        (302, {"location": "/alexnet-loop"}, b"", "answers 404 for /alexnet-loop"),
        (302, {"location": "file:///etc/passwd"}, b"", "which is not followed"),
    ],
)
def test_a_broken_download_leaves_nothing(imagenet, host, tmp_path, status, headers, body, sentence):
    host.files[f"/{imagenet}"] = (status, {"connection": "close", **headers}, body)
    with pytest.raises(WeightsError, match=sentence):
        weights.install("alexnet", tmp_path / "here")
    assert left(tmp_path) == []


def test_a_redirect_in_a_circle_ends(imagenet, host, tmp_path):
    host.put(imagenet, b"", 302, location=f"/{imagenet}")
    with pytest.raises(WeightsError, match="from one address to the next"):
        weights.install("alexnet", tmp_path)


def test_a_body_without_a_length_is_bounded(imagenet, host, tmp_path):
    """No announced length, and more than the file can have."""
    body = b"".join(b"4000\r\n" + bytes(0x4000) + b"\r\n" for _ in range(8)) + b"0\r\n\r\n"
    host.put(imagenet, body, **{"transfer-encoding": "chunked"})
    with pytest.raises(WeightsError, match=r"is larger than it can be|broke off"):
        weights.install("alexnet", tmp_path / "here")
    assert left(tmp_path) == []


def test_what_a_killed_process_left_is_cleared(imagenet, tmp_path):
    (tmp_path / "here" / ".installing").mkdir(parents=True)
    (tmp_path / "here" / ".installing" / "half").write_bytes(b"half")
    weights.install("alexnet", tmp_path / "here")
    assert left(tmp_path / "here") == sorted([imagenet, weights.RECORDS])


def test_two_do_not_install_into_one_folder_at_once(imagenet, tmp_path):
    def other(name: str, done: int, total: int) -> None:
        with pytest.raises(WeightsError, match="Another process installs"):
            weights.install("alexnet", tmp_path)

    assert weights.install("alexnet", tmp_path, other).new


def test_files_that_somebody_carried_here_are_taken(places, tmp_path):
    for path, (_, _, body) in places.files.items():
        (tmp_path / path[1:]).write_bytes(body)
    done = install_places(tmp_path / "places365", source=tmp_path)
    assert done.new and places.asked == [] and (tmp_path / CHECKPOINT).exists()
    with pytest.raises(WeightsError, match="holds no categories_places365"):
        install_places(tmp_path / "more", source=tmp_path / "places365" / "nothing")


def command(*words: str) -> str:
    out = io.StringIO()
    call_command("install_weights", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def networks(settings, tmp_path):
    settings.NETWORKS_DIR = tmp_path / "networks"
    former = signal.getsignal(signal.SIGTERM)
    yield tmp_path / "networks"
    signal.signal(signal.SIGTERM, former)


def test_the_command_installs_and_tells_the_hashes(places, networks):
    told = command("places365")
    assert told.startswith("Installed ") and f"{sha256(checkpoint())}  {CHECKPOINT}" in told
    assert (networks / "places365" / "resnet18_places365.safetensors").is_file()
    assert command("places365").startswith("Already installed")


def test_offline_is_one_sentence(imagenet, networks, monkeypatch):
    known = weights.Weights((Published("http://127.0.0.1:9/alexnet-00000000.pth", 10, "00000000"),), "")
    monkeypatch.setitem(weights.KNOWN, "alexnet", known)
    with pytest.raises(CommandError, match=r"^127\.0\.0\.1 cannot be reached \(.*\)\. Nothing of alexnet was install"):
        command("alexnet")
    assert not weights.torch_folder().exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_download_leaves_nothing(imagenet, networks, monkeypatch, request, number):
    from ml.management.commands import install_weights

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background sets it to be ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    monkeypatch.setattr(install_weights._bar, "__call__", lambda *told: os.kill(os.getpid(), number))
    with pytest.raises(CommandError, match="Stopped: nothing of alexnet was installed"):
        command("alexnet")
    assert not weights.torch_folder().exists()


def test_the_command_names_what_it_knows(networks):
    told = command("--list")
    assert all(name in told for name in weights.IMAGENET) and "places365 --network resnet50" in told
    for words in ([], ["nonsense"]):
        with pytest.raises(CommandError, match="Name the weights to install"):
            command(*words)


def test_torchvision_agrees_with_the_table():
    for name, known in weights.IMAGENET.items():
        truth = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
        file = known.files[0]
        assert file.url == truth.url and file.name.endswith(f"-{file.sha256}.pth") and len(file.sha256) == 8
        assert 0 < file.most - truth.meta["_file_size"] * weights.MIB < 2048
    used = {"vgg16", "resnet50", "alexnet", "googlenet", "mobilenet_v2", "resnet34"}
    assert set(weights.IMAGENET) == used


def test_all_that_is_not_by_https_says_so():
    plain = {file.url for known in weights.KNOWN.values() for file in known.files if not file.url.startswith("https:")}
    assert {url.split("/")[2] for url in plain} == {"places2.csail.mit.edu"} and "http only" in weights.__doc__


def test_the_published_lists_are_read(tmp_path):
    """365 scenes in the published format, 160 of them indoors."""
    names = ["/a/airfield", *(f"/m/made_up/{number}" for number in range(363)), "/z/zen_garden"]
    flags = [2, *([1] * 160), *([2] * 204)]
    for name, content in lists(names, flags).items():
        (tmp_path / name).write_bytes(content)
    found, indoor = places365.read(tmp_path)
    assert (len(found), sum(indoor), len(indoor) - sum(indoor)) == (365, 160, 205)
    assert (found.index("airfield"), found.index("zen garden")) == (0, 364)


def test_the_larger_network_of_scenes_is_used_where_both_are(tmp_path):
    for network in ("resnet18", "resnet50"):
        (tmp_path / weights.KNOWN[f"places365-{network}"].name).touch()
    assert places365.weights_in(tmp_path).name == "resnet50_places365.safetensors"
