from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold

from ml import emotion
from ml.data import flickr8k, oasis
from ml.emotion import Emotion
from ml.heads import stretched
from ml.moods import CLASSES, MOODS, label_captions, label_themes


@dataclass
class Set:
    """Inputs of `emotion.fit`, and of the head: rows of 20 columns, the last six of them text cues."""

    rows: NDArray
    moods: NDArray
    sets: NDArray
    groups: NDArray

    def take(self, places: NDArray) -> "Set":
        return Set(*(getattr(self, name)[places] for name in self.__dataclass_fields__))

    def fit(self) -> Emotion:
        stretch = stretched(self.rows, (20, 6), (1.0, 0.0))
        return emotion.fit(self.rows, stretch, LINEAR, self.moods, self.sets, self.groups)


LINEAR = np.vstack([np.zeros((20, 6)), emotion.TEXT * np.eye(6)])  # text cues follow twenty projected columns


def planted(seed: int = 0, n: int = 240, noise: float = 1.0, cue: float = 0.0) -> Set:
    """Photographs of two sets whose rows lie about a centre for each mood; cue: how much their text cues tell."""
    rng = np.random.default_rng(seed)
    moods = np.arange(n) % 6
    centers = np.random.default_rng(99).normal(size=(6, 20))
    rows = centers[moods] + noise * rng.normal(size=(n, 20))
    said = cue * np.eye(6)[moods] + 0.1 * rng.normal(size=(n, 6))
    sets = np.where(np.arange(n) < n // 2, "themes", "captions")
    return Set(np.hstack([rows, said]), moods, sets, np.arange(n).astype(str))


def test_probabilities_are_positive_and_sum_to_one():
    data = planted()
    said = data.fit()(data.rows)
    assert said.shape == (240, len(MOODS))
    assert (said > 0).all()
    assert np.allclose(said.sum(1), 1)


def test_the_head_is_a_sum_over_labelled_photographs():
    data = planted()
    head = data.fit()
    near = [
        [np.exp(-emotion.WIDTH * np.sum(((row - one) * head.stretch) ** 2)) for one in head.support]
        for row in data.rows[:7]
    ]
    logits = np.array(near) @ head.alpha + data.rows[:7] @ head.linear + head.bias
    odds = np.exp(logits)
    assert np.allclose(head(data.rows[:7]), odds / odds.sum(1, keepdims=True))


def test_fitting_twice_gives_the_same_numbers():
    one, two = planted().fit(), planted().fit()
    for name in one.__dataclass_fields__:
        assert np.array_equal(getattr(one, name), getattr(two, name))


def test_it_learns_what_rows_tell_and_shuffled_labels_give_chance():
    train, test = planted(0), planted(1)
    assert (train.fit()(test.rows).argmax(1) == test.moods).mean() > 0.9
    np.random.default_rng(0).shuffle(train.moods)
    assert (train.fit()(test.rows).argmax(1) == test.moods).mean() < 0.35


def test_text_cues_speak_where_rows_tell_nothing():
    train, test = planted(0, noise=30, cue=3.0), planted(1, noise=30, cue=3.0)
    assert (train.fit()(test.rows).argmax(1) == test.moods).mean() > 0.8


def test_a_mood_with_few_photographs_is_not_drowned():
    train = planted(noise=1.5)
    rare = np.flatnonzero(train.moods == 1)
    head = train.take(np.setdiff1d(np.arange(240), rare[5:])).fit()
    test = planted(1, noise=1.5)
    said = head(test.rows).argmax(1)
    assert (said[test.moods == 1] == 1).mean() > 0.3


def test_sets_that_disagree_are_both_learned():
    """The same six groups of photographs, shifted, with their moods in another order in the second set."""
    train, test = planted(0, noise=0.5), planted(1, noise=0.5)
    for data in (train, test):
        second = data.sets == "captions"
        data.rows[second, :20] += 4
        data.moods[second] = (data.moods[second] + 1) % 6
    assert (train.fit()(test.rows).argmax(1) == test.moods).mean() > 0.9


def test_photographs_of_no_mood_lower_the_certainty_for_photographs_like_them():
    plain, told = planted(noise=0.3), planted(noise=0.3)
    odd = np.random.default_rng(5).normal(size=20)
    told.moods[:40], told.rows[:40, :20] = -1, told.rows[:40, :20] * 0.2 + odd
    query = np.hstack([odd, np.zeros(6)])[None]
    assert told.fit()(query).max() < plain.take(np.arange(40, 240)).fit()(query).max()


def test_probabilities_are_about_as_high_as_they_are_right():
    train, test = planted(0, n=600, noise=2.5), planted(1, n=600, noise=2.5)
    said = train.fit()(test.rows)
    right = (said.argmax(1) == test.moods).mean()
    assert said.max(1).mean() == pytest.approx(right, abs=0.1)


def test_it_refuses_photographs_of_a_single_mood():
    data = planted()
    data.moods[:] = 3
    with pytest.raises(ValueError, match="at least two moods"):
        data.fit()


def test_it_fits_on_a_handful_of_photographs():
    data = planted(n=12)
    assert np.isfinite(data.fit()(data.rows)).all()


def test_cues_follow_the_classes_of_each_mood():
    table = emotion.class_table()
    assert table.shape == (1000, 6)
    assert table.sum(0).tolist() == [len(CLASSES[mood]) for mood in MOODS]
    logits = np.zeros((6, 1000))
    for place, mood in enumerate(MOODS):
        only = next(index for index in CLASSES[mood] if table[index].sum() == 1)
        logits[place, only] = 30
    assert emotion.class_cues([logits, logits], table).argmax(1).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.realdata
def test_by_folds_on_real_photographs_it_beats_the_first_try_and_the_majority(realdata):
    """First try: logistic regression on pooled lite0 features, OASIS .47 accuracy, .41 balanced; Flickr8k .47 balanced.

    Here: lite0 alone, labelled photographs alone, nothing read; the shipped network's card has the recipe's figures.
    """
    data = real_set(realdata)
    said = np.zeros((len(data.moods), 6))
    folder = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for train, test in folder.split(data.rows, data.moods + 7 * (data.sets == "flickr8k"), data.groups):
        known = data.take(train)
        stretch = stretched(known.rows, (192,), (1.0,))
        head = emotion.fit(known.rows, stretch, np.zeros((192, 6)), known.moods, known.sets, known.groups)
        said[test] = head(data.rows[test])
    for name, first, balanced_first in (("oasis", 0.47, 0.41), ("flickr8k", 0.6, 0.45)):
        known = (data.sets == name) & (data.moods >= 0)
        truth, guess = data.moods[known], said[known].argmax(1)
        accuracy, balanced = accuracy_score(truth, guess), balanced_accuracy_score(truth, guess)
        majority = np.bincount(truth).max() / len(truth)
        assert accuracy > max(first, majority), f"{name}: accuracy {accuracy:.3f}, majority {majority:.3f}"
        assert balanced > balanced_first, f"{name}: balanced accuracy {balanced:.3f}"


def real_set(realdata: Path) -> Set:
    """OASIS, and the photographs of Flickr8k whose captions name a mood."""
    themes, captions = oasis.read(realdata / "oasis"), flickr8k.read(realdata / "flickr8k")
    named = label_captions(captions.captions).moods
    kept = [place for place, mood in enumerate(named) if mood]
    moods = label_themes(themes.subjects).moods + [named[place] for place in kept]
    return Set(
        rows=components(pooled(themes.paths + [captions.paths[place] for place in kept]), 192),
        moods=np.array([MOODS.index(mood) if mood else -1 for mood in moods]),
        sets=np.array(["oasis"] * len(themes.files) + ["flickr8k"] * len(kept)),
        groups=np.array(themes.subjects + [captions.files[place] for place in kept]),
    )


def components(pool: NDArray, count: int) -> NDArray:
    z = (pool - pool.mean(0)) / (pool.std(0) + 1e-3)
    return z @ np.linalg.svd(z, full_matrices=False)[2][:count].T


def pooled(paths: list[Path]) -> NDArray:
    """Pooled features (n, 1280) of EfficientNet-Lite0."""
    import torch
    from PIL import Image, ImageOps

    from ml.nets.starter import Backbone

    backbone, pool = Backbone("lite0"), []
    for start in range(0, len(paths), 32):
        images = [Image.open(path).convert("RGB") for path in paths[start : start + 32]]
        pixels = [np.asarray(ImageOps.fit(image, (224, 224), Image.Resampling.BICUBIC, 1 / 16)) for image in images]
        with torch.inference_mode():
            pool.append(backbone(torch.from_numpy(np.stack(pixels)))["pool"].numpy())
    return np.concatenate(pool)
