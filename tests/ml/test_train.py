"""Training and retraining: the same in, the same out; too little is refused; new rows change what is said."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from ml import files
from ml.prior import prior_of
from ml.recipes import RecipeError, Starter, from_card, with_settings
from ml.rows import TrainingRow
from ml.scorer import Scorer
from ml.train import LEAST_ROWS, TooLittleData, retrain, train
from ml.transforms import VIEWS


def _photo(colour: tuple[int, int, int]):
    return lambda: Image.new("RGB", (64, 48), colour)


def _rows(count: int) -> list[TrainingRow]:
    """Red photographs are loved and angry, blue ones are not and lonely."""
    rows = []
    for n in range(count):
        red = n % 2 == 0
        colour = (200 + n % 50, n % 40, 10) if red else (10, n % 40, 200 + n % 50)
        mood = "anger" if red else "solitude"
        rows.append(TrainingRow(f"key{n}", f"creator{n}", _photo(colour), 6.5 if red else 1.5, 30, mood))
    return rows


def test_training_twice_gives_the_same_bytes(small_network, small_oasis, cache, tmp_path):
    again = train([("oasis", small_oasis)], tmp_path, cache, recipe=from_card(small_network.card))
    assert again.path.read_bytes() == small_network.path.read_bytes()


def test_the_card_says_what_was_done(small_network):
    card = small_network.card
    assert card["data"] == {"oasis": 80}
    assert len(card["data_hash"]) == 64
    assert set(card["figures"]) >= {"valence", "arousal", "aesthetic", "emotion_oasis"}
    assert card["figures"]["valence"]["n"] == 80
    assert "Kurdi" in card["licence"]


def test_it_carries_a_prior_that_is_a_covariance(small_network):
    prior = prior_of(small_network)
    assert prior.covariance.shape == (68, 68)
    assert np.allclose(prior.covariance, prior.covariance.T)
    assert np.linalg.eigvalsh(prior.covariance).min() > 0
    assert prior.noise > 0
    assert prior.shared > 0
    assert (prior.floor >= 1 / 6 - 1e-9).all()


def test_it_needs_oasis(tmp_path, cache):
    with pytest.raises(TooLittleData, match="needs --data oasis:DIR"):
        train([("flickr8k", tmp_path)], tmp_path, cache)


def test_retraining_learns_what_the_collection_says(small_network, cache, tmp_path):
    states: list[dict] = []
    made = retrain(small_network, _rows(40), folder=tmp_path, cache_dir=cache, progress=states.append)
    images = [_photo((225, 20, 10))(), _photo((10, 20, 225))()]
    before, after = Scorer(small_network, cache).score(images), Scorer(files.load(made.path), cache).score(images)
    assert after.aesthetic[0] - after.aesthetic[1] > before.aesthetic[0] - before.aesthetic[1] + 1
    assert after.moods[0, 3] > before.moods[0, 3]
    assert after.moods[1, 5] > before.moods[1, 5]
    assert np.allclose(before.embedding, after.embedding, atol=1e-4)
    assert made.card["figures"]["aesthetic"]["pearson"] > 0.5
    assert set(made.card["figures"]["before"]) >= {"aesthetic"}
    assert states[-1]["step"] == states[-1]["steps"]
    assert all(set(state) == {"step", "steps", "message", "metrics"} for state in states)


def test_retraining_twice_gives_the_same_network(small_network, cache, tmp_path):
    first, second = (retrain(small_network, _rows(24), folder=tmp_path, cache_dir=cache, seed=1) for _ in range(2))
    assert first.name == second.name


def test_a_retrained_network_can_be_trained_again(small_network, cache, tmp_path):
    first = retrain(small_network, _rows(24), folder=tmp_path, cache_dir=cache)
    second = retrain(files.load(first.path), _rows(30), folder=tmp_path, cache_dir=cache)
    assert second.card["data"]["collection"] == 30


def test_it_refuses_too_few_rows(small_network, cache, tmp_path):
    rows = [*_rows(LEAST_ROWS - 1), TrainingRow("bare", "nobody", _photo((0, 0, 0)))]
    with pytest.raises(TooLittleData, match=f"Only {LEAST_ROWS - 1} photographs are rated or labelled"):
        retrain(small_network, rows, folder=tmp_path, cache_dir=cache)


def test_photographs_that_are_gone_are_left_out(small_network, cache, tmp_path):
    def gone() -> Image.Image:
        raise FileNotFoundError("no such rendition")

    rows = [dataclasses.replace(row, image=gone) if n < 3 else row for n, row in enumerate(_rows(30))]
    made = retrain(small_network, rows, folder=tmp_path, cache_dir=cache)
    assert made.card["data"]["collection"] == 27
    with pytest.raises(TooLittleData):
        retrain(small_network, rows[:21], folder=tmp_path, cache_dir=cache)


def test_settings_are_read_by_the_type_of_their_default():
    recipe = with_settings(Starter(), ["components=96", "score_components=64", "views=squeeze,squeeze", "width=2"])
    assert (recipe.components, recipe.views, recipe.width) == (96, ("squeeze", "squeeze"), 2.0)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("colour=red", "There is no setting 'colour'"),
        ("components", "as name=value"),
        ("components=many", "components cannot be 'many'"),
        ("score_components=8", "at least 64"),
        ("components=100", "at most components"),
        ("places=999", "at most 380"),
        ("views=upside,down", f"one of {', '.join(VIEWS)}"),
        ("backbones=lite9,lite2", "not lite9"),
        ("groups=pool,pool,pool", "must hold logits"),
    ],
)
def test_it_refuses_settings_that_cannot_be(setting, sentence):
    with pytest.raises(RecipeError, match=sentence):
        with_settings(Starter(), [setting])
