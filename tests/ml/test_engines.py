"""Engines that score: each says what fp32 eager torch says, or is not used; the choice is measured once."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr

from ml import engines, engines_test, files, scorer
from ml.engines import Finding
from ml.nets.starter import Starter
from ml.transforms import eval_view

HERE = [name for name in ("onnxruntime", "openvino", "torch") if name in engines.names()]


@pytest.fixture(scope="module")
def shipped(cache):
    """The shipped network and its exported model."""
    network = files.shipped()
    return network, scorer.exported(network, cache)


@pytest.fixture(scope="module")
def real_views(realdata):
    """What the shipped network looks at of 32 real photographs."""
    found = sorted((realdata / "gallery" / "photos").iterdir())[:32]
    images = []
    for path in found:
        image = Image.open(path)
        image.draft("RGB", (520, 520))
        images.append(image.convert("RGB"))
    views = files.shipped().arguments["backbones"]
    return [np.stack([eval_view(image, b["view"], b["size"]) for image in images]) for b in views]


@pytest.fixture(scope="module")
def eager(shipped, real_views):
    """What torch says of them, eager and fp32."""
    network, _ = shipped
    net = Starter(network.arguments, network.arrays).eval()
    with torch.inference_mode():
        return [part.numpy() for part in net(*map(torch.from_numpy, real_views))]


def says_the_same(found, expected):
    errors = [np.abs(a - b).max() for a, b in zip(found, expected, strict=True)]
    ranks = [spearmanr(a, b).statistic for a, b in zip(found[1].T, expected[1].T, strict=True)]
    return max(errors) < 1e-2 and min(ranks) > 0.999


@pytest.mark.realdata
@pytest.mark.parametrize("name", HERE)
def test_an_engine_says_of_real_photographs_what_eager_torch_says(name, shipped, real_views, eager):
    network, model = shipped
    engine = engines.open_engine(name, model, network.path, 2)
    assert says_the_same(engines.run_all(engine, real_views), eager)


@pytest.mark.realdata
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("name", ["cuda", "cuda-tf32", "cuda-bf16"])
def test_a_gpu_says_the_same_or_is_dropped(name, shipped, real_views, eager):
    network, model = shipped
    engine = engines.open_engine(name, model, network.path, None)
    assert engine.lanes == torch.cuda.device_count()
    same = says_the_same(engines.run_all(engine, real_views), eager)
    assert same or (name != "cuda" and engines_test.finding(name, model, network.path).dropped)


def test_a_gpu_that_is_not_there_is_told(shipped):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    network, model = shipped
    with pytest.raises(RuntimeError, match="no CUDA device"):
        engines.open_engine("cuda-bf16", model, network.path, None)


class Doubler:
    """An engine that wants batches of four."""

    name, lanes, outputs, batch, fixed = "doubler", 2, 1, 4, True

    def __init__(self):
        self.sizes = []

    def run(self, pixels):
        self.sizes.append(len(pixels[0]))
        return [pixels[0].astype(np.float32).reshape(len(pixels[0]), -1) * 2]


@pytest.mark.parametrize("count", [1, 4, 9])
def test_batches_of_a_fixed_size_are_filled_up_and_nothing_is_added(count):
    doubler = Doubler()
    pixels = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    found = engines.run_all(doubler, [pixels])[0]
    assert found.ravel().tolist() == [2 * i for i in range(count)]
    assert set(doubler.sizes) == {4}


@pytest.fixture
def tested(monkeypatch):
    """What each engine's self-test says here, and which were asked."""
    said = {
        "onnxruntime": Finding("onnxruntime", 50.0),
        "openvino": Finding("openvino", 80.0),
        "torch-bf16": Finding("torch-bf16", 900.0, 0.3, 0.99, "it strays from fp32"),
    }
    asked: list[str] = []
    monkeypatch.setattr(engines, "names", lambda: list(said))
    monkeypatch.setattr(engines, "_tested", lambda name, model, source: asked.append(name) or said[name])
    return asked


def test_the_fastest_that_does_not_stray_is_chosen_and_remembered(tested, tmp_path):
    ask = ("net-1", Path("model"), Path("source"), tmp_path)
    assert engines.choose(*ask) == engines.choose(*ask) == "openvino"
    assert tested == ["onnxruntime", "openvino", "torch-bf16"], "measured once"
    kept = json.loads((tmp_path / engines.RECORD).read_text())[engines.key("net-1")]
    assert kept["machine"] == engines.machine()
    assert [finding["dropped"] for finding in kept["findings"]] == ["", "", "it strays from fp32"]


def test_onnx_runtime_stays_where_another_is_hardly_faster(tested, tmp_path, monkeypatch):
    rates = {"onnxruntime": 76.0, "openvino": 80.0}
    monkeypatch.setattr(engines, "_tested", lambda name, *_: Finding(name, rates.get(name, 0.0)))
    assert engines.choose("net-1", Path("model"), Path("source"), tmp_path) == "onnxruntime"


def test_another_machine_measures_for_itself(tested, tmp_path, monkeypatch):
    engines.choose("net-1", Path("model"), Path("source"), tmp_path)
    monkeypatch.setattr(engines, "machine", lambda: "another")
    assert engines.recorded("net-1", tmp_path) is None
    engines.choose("net-1", Path("model"), Path("source"), tmp_path)
    assert len(tested) == 6 and len(json.loads((tmp_path / engines.RECORD).read_text())) == 2


def test_a_damaged_record_is_measured_anew(tested, tmp_path):
    (tmp_path / engines.RECORD).write_text("{")
    assert engines.choose("net-1", Path("model"), Path("source"), tmp_path) == "openvino"


def test_an_engine_that_is_gone_is_not_used(tested, tmp_path, monkeypatch):
    engines.choose("net-1", Path("model"), Path("source"), tmp_path)
    monkeypatch.setattr(engines, "names", lambda: ["onnxruntime"])
    assert engines.recorded("net-1", tmp_path) is None


def test_an_engine_whose_test_fails_is_dropped_with_its_reason(shipped):
    network, model = shipped
    found = engines._tested("onnxruntime", model.with_name("absent.onnx"), network.path)
    assert found.dropped and found.per_second == 0


def test_the_self_test_finds_an_engine_fit(shipped):
    network, model = shipped
    found = engines_test.finding("onnxruntime", model, network.path)
    assert not found.dropped and found.per_second > 0 and found.error < 1e-3 and found.rank > 0.999


def test_what_strays_is_told():
    expected = [np.zeros((40, 6)), np.linspace(1, 7, 120).reshape(40, 3), np.full((40, 64), 5.0)]
    assert engines_test.compare(expected, expected) == (0.0, pytest.approx(1.0))
    off = [expected[0], expected[1] + 0.02, expected[2]]
    assert engines_test.compare(off, expected)[0] == pytest.approx(0.02)
    off = [expected[0], expected[1], expected[2] + 0.04]
    assert engines_test.compare(off, expected)[0] == pytest.approx(0.008), "by the largest value of it"


def test_prepared_photographs_score_as_whole_ones_do(small_network, cache, small_oasis):
    images = [Image.open(path).convert("RGB") for path in sorted((small_oasis / "photos").iterdir())[:3]]
    one = scorer.Scorer(small_network, cache)
    ready = one.score_prepared([one.prepare(image) for image in images])
    assert np.allclose(ready.embedding, one.score(images).embedding, atol=1e-4)
