"""Classifiers of objects and scenes: what torch says, without torch; what a broken set of files is told."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torchvision.models import ResNet34_Weights, resnet18, resnet34

from ml import concepts, interface, weights
from ml.data import places365
from ml.files import NetworkFileError
from ml.nets import classes
from ml.transforms import eval_view

PLACES = ["/a/alley", "/b/beach", "/c/church/indoor"]


@pytest.fixture(autouse=True)
def no_torch_cache(tmp_path, monkeypatch):
    """What this machine has installed does not matter."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A folder in which the classifiers are exported once."""
    return tmp_path_factory.mktemp("onnx")


@pytest.fixture(scope="session")
def images() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (h, w, 3), np.uint8)) for h, w in ((300, 400), (500, 300), (80, 90))]


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Weights by chance for three scenes, as somebody would install those of Places365."""
    folder = tmp_path_factory.mktemp("places365")
    torch.manual_seed(0)
    arrays = resnet18(num_classes=len(PLACES)).state_dict()
    safetensors.torch.save_file(arrays, folder / "resnet18_places365.safetensors")
    write_lists(folder, PLACES, [2, 2, 1])
    return folder


def write_lists(folder, names, flags):
    rows = [f"{name} {number}" for number, name in enumerate(names)]
    (folder / places365.CATEGORIES).write_text("\n".join(rows))
    (folder / places365.INDOOR).write_text("\n".join(f"{n} {f}" for n, f in zip(names, flags, strict=True)))


def test_objects_are_what_torch_says(exported, images):
    found = concepts.objects(exported)
    seen = found.predict(images)
    net = classes.Top(classes.Objects("lite2"), 5)
    pixels = torch.from_numpy(np.stack([eval_view(image, "crop", 260) for image in images]))
    with torch.no_grad():
        wanted, probabilities = net(pixels)
    assert (seen.classes == wanted.numpy()).all()
    assert np.abs(seen.probabilities - probabilities.numpy()).max() < 1e-4
    assert (np.diff(seen.probabilities, axis=1) <= 0).all()


def test_objects_have_imagenets_names_and_the_hash_of_their_weights(exported):
    found = concepts.objects(exported)
    assert found.name == "efficientnet-lite2-9656183e"
    assert (len(found.classes), found.classes[0], found.classes[744]) == (1000, "tench", "projectile")
    assert found.indoor == ()


def test_scenes_are_there_where_their_weights_are(exported, installed, images, tmp_path):
    assert concepts.scenes(tmp_path, exported) is None
    found = concepts.scenes(installed, exported)
    assert found.classes == ("alley", "beach", "church (indoor)")
    assert found.indoor == (False, False, True)
    net = classes.Top(classes.scenes("resnet18", installed / "resnet18_places365.safetensors"), 3)
    with torch.no_grad():
        wanted = net(torch.from_numpy(np.stack([eval_view(image, "squeeze", 256) for image in images])))
    seen = found.predict(images)
    assert (seen.classes == wanted[0].numpy()).all()
    assert np.abs(seen.probabilities - wanted[1].numpy()).max() < 1e-4


def test_other_lists_are_another_classifier(exported, installed, tmp_path):
    before = concepts.scenes(installed, exported).name
    for path in installed.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    write_lists(tmp_path, PLACES, [1, 2, 1])
    after = concepts.scenes(tmp_path, exported)
    assert after.name != before
    assert after.indoor == (True, False, True)


@pytest.mark.parametrize(
    ("names", "flags", "sentence"),
    [
        (None, None, "is missing beside the weights"),
        (["/a/alley"], [2], "knows 3 scenes"),
        (PLACES, [2, 2, 3], "do not name the same scenes"),
        (["no number"], ["x"], "is not one of Places365's lists"),
    ],
)
def test_a_broken_set_is_told_in_one_sentence(exported, installed, tmp_path, names, flags, sentence):
    name = "resnet18_places365.safetensors"
    (tmp_path / name).write_bytes((installed / name).read_bytes())
    if names is not None:
        write_lists(tmp_path, names, flags)
    with pytest.raises(NetworkFileError, match=sentence):
        concepts.scenes(tmp_path, exported)


@pytest.mark.parametrize("content", [b"", b"not weights"])
def test_weights_that_are_none_are_told(exported, tmp_path, content):
    (tmp_path / "resnet50_places365.safetensors").write_bytes(content)
    write_lists(tmp_path, PLACES, [1, 1, 1])
    with pytest.raises(NetworkFileError, match="can be read"):
        concepts.scenes(tmp_path, exported)


def test_weights_of_another_network_are_refused():
    with pytest.raises(NetworkFileError, match="not those of a resnet18"):
        classes.Resnet("resnet18", {"fc.weight": np.zeros((3, 512), np.float32)})


def test_looking_needs_no_torch(exported, images, tmp_path):
    concepts.objects(exported)
    images[0].save(tmp_path / "one.png")
    code = (
        "import sys; from PIL import Image; from ml import concepts\n"
        "concepts.objects(sys.argv[1]).predict([Image.open(sys.argv[2]).convert('RGB')])\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(exported), str(tmp_path / "one.png")], capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr


def test_a_checkpoint_becomes_the_weights_that_scenes_take(installed, tmp_path):
    """As its authors publish it: of several GPUs, older than batch norm's counters."""
    weights = safetensors.torch.load_file(installed / "resnet18_places365.safetensors")
    old = {f"module.{name}": tensor for name, tensor in weights.items() if not name.endswith("num_batches_tracked")}
    torch.save({"state_dict": old, "best_prec1": 0.5, "arch": "resnet18", "epoch": 90}, tmp_path / "published.pth.tar")
    made = classes.from_checkpoint(tmp_path / "published.pth.tar", "resnet18", len(PLACES))
    assert len(made) == len(old) and all(torch.equal(made[name], weights[name]) for name in made)
    classes.Resnet("resnet18", {name: tensor.numpy() for name, tensor in made.items()})


@pytest.fixture(scope="session")
def torch_home(tmp_path_factory):
    """torch's folder with a ResNet-34 by chance for ImageNet's classes, under the name that its hash gives it."""
    home = tmp_path_factory.mktemp("torch")
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(resnet34().state_dict(), folder / "new.pth")
    digits = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()[:8]
    (folder / "new.pth").rename(folder / f"resnet34-{digits}.pth")
    return home


@pytest.fixture
def resnet_installed(torch_home, monkeypatch):
    path = next(torch_home.glob("hub/checkpoints/*.pth"))
    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    file = weights.Published(f"https://127.0.0.1/{path.name}", 10**9, path.stem[-8:])
    monkeypatch.setitem(weights.KNOWN, "resnet34", weights.Weights((file,), ""))
    return path


def test_resnet34_names_objects_where_its_weights_are(exported, images, resnet_installed):
    found = concepts.objects(exported)
    assert found.name == resnet_installed.stem and len(found.classes) == 1000
    net = resnet34()
    net.load_state_dict(torch.load(resnet_installed, weights_only=True))
    view = ResNet34_Weights.IMAGENET1K_V1.transforms()
    pixels = np.stack([eval_view(image, "crop", 224) for image in images])
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    x = (x - torch.tensor(view.mean)[:, None, None]) / torch.tensor(view.std)[:, None, None]
    with torch.no_grad():
        probabilities, wanted = net.eval()(x).softmax(1).topk(5)
    seen = found.predict(images)
    assert (seen.classes == wanted.numpy()).all()
    assert np.abs(seen.probabilities - probabilities.numpy()).max() < 1e-4


def test_one_can_say_which_objects_classifier(exported, resnet_installed):
    assert concepts.objects(exported, "lite2").name.startswith("efficientnet-lite2-")
    assert concepts.objects(exported, "resnet34").name == resnet_installed.stem
    with pytest.raises(NetworkFileError, match="no object classifier 'vgg'"):
        concepts.objects(exported, "vgg")
    assert set(interface.OBJECT_CLASSIFIERS) == set(concepts.OBJECTS)


def test_resnet34_asked_for_without_weights_is_one_sentence(tmp_path):
    with pytest.raises(NetworkFileError, match=r"is not installed: manage\.py install_weights resnet34 brings it"):
        concepts.objects(tmp_path, "resnet34")


def test_damaged_weights_name_nothing(tmp_path, resnet_installed, monkeypatch):
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / resnet_installed.name).write_bytes(resnet_installed.read_bytes()[:-1])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(NetworkFileError, match="is damaged or altered"):
        concepts.objects(tmp_path / "onnx")
