"""Classifiers of objects and scenes: what torch says, without torch; what a broken set of files is told."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torchvision.models import resnet18

from ml import concepts
from ml.data import places365
from ml.files import NetworkFileError
from ml.nets import classes
from ml.transforms import eval_view

PLACES = ["/a/alley", "/b/beach", "/c/church/indoor"]


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
        classes.Scenes("resnet18", {"fc.weight": np.zeros((3, 512), np.float32)})


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


def test_weights_are_converted_as_the_documentation_says(installed, tmp_path):
    """A checkpoint as its authors publish it, through the code block of the documentation word for word."""
    docs = Path(__file__).parents[2] / "site" / "docs" / "dataset.md"
    code = next(block for block in re.findall(r"```python\n(.*?)```", docs.read_text(), re.S) if "save_file" in block)
    weights = safetensors.torch.load_file(installed / "resnet18_places365.safetensors")
    published = {"state_dict": {f"module.{name}": array for name, array in weights.items()}, "best_prec1": 0.5}
    torch.save(published, tmp_path / "published.pth.tar")
    made = tmp_path / "made.safetensors"
    command = [sys.executable, "-c", code, str(tmp_path / "published.pth.tar"), str(made)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    again = safetensors.torch.load_file(made)
    assert set(again) == set(weights) and all(torch.equal(again[name], weights[name]) for name in weights)
