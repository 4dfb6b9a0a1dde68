"""Looking at photographs: once, and in the same numbers ever after."""

from pathlib import Path

import numpy as np
import pytest

from ml import words
from ml.examples import Extractor, describe, with_words
from ml.fitting import useful
from ml.recipes import Starter

LITE0 = Starter(backbones=("lite0",), views=("crop",))


def test_photographs_are_looked_at_once(small_oasis: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    paths = sorted((small_oasis / "photos").iterdir())[:20]
    first = Extractor(LITE0, cache)(paths)
    again = Extractor(LITE0, cache)
    monkeypatch.setattr(again, "_session", None)  # whatever looked now would fail
    assert np.array_equal(again(paths), first)
    assert first.shape == (20, sum(Extractor(LITE0, cache).sizes))


def test_another_photograph_under_the_same_name_is_looked_at(small_oasis: Path, cache: Path, tmp_path: Path):
    one, other = sorted((small_oasis / "photos").iterdir())[:2]
    path = tmp_path / "photo.jpg"
    path.write_bytes(one.read_bytes())
    before = Extractor(LITE0, cache)([path])
    path.write_bytes(other.read_bytes())
    assert not np.array_equal(Extractor(LITE0, cache)([path]), before)


def test_a_photograph_lies_at_the_mean_of_its_texts(monkeypatch: pytest.MonkeyPatch):
    def embed(texts):
        return np.array([np.full(words.WIDTH, len(text)) for text in texts], np.float32)

    monkeypatch.setattr(words, "embed", embed)
    examples = describe(["a", "b"], np.full((2, 3), np.nan), [None, None], "set")
    found = with_words(examples, [["four", "sixsix"], []]).words
    assert (found[0] == 5).all()
    assert np.isnan(found[1]).all()


def test_heads_learn_from_as_many_photographs_of_no_mood_as_of_some_mood():
    moods = ["happy"] * 10 + [None] * 50
    examples = describe([str(n) for n in range(60)], np.full((60, 3), np.nan), moods, "set")
    places = useful(examples)
    assert len(places) == 20
    assert set(range(10)) <= set(places.tolist())
    assert np.array_equal(places, useful(examples))
