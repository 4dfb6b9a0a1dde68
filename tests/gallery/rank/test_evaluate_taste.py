import csv
import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from gallery.management.commands import evaluate_taste
from ml.data.photographs import Photographs, Ratings
from ml.data.tables import DataError
from ml.scorer import Scores
from ml.taste_trials import of_data_set

TESTERS = 6


def told(*words, **options):
    out = StringIO()
    call_command("evaluate_taste", *words, json=True, stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.fixture
def flickr_aes(realdata, tmp_path):
    """OASIS people and photographs laid out as FLICKR-AES: six people test on the first 50, others rate 50 more."""
    by_person: dict[str, dict[str, int]] = {}
    with (realdata / "oasis" / "ratings.csv").open() as file:
        for row in csv.DictReader(file):
            by_person.setdefault(row["person"], {})[row["file"]] = int(row["rating"])
    files = sorted({file for rated in by_person.values() for file in rated})[::9][:100]
    (tmp_path / "40K").mkdir()
    names = {file: f"{place}.jpg" for place, file in enumerate(files)}
    for file, name in names.items():
        (tmp_path / "40K" / name).symlink_to(realdata / "oasis" / "photos" / file)
    tested, trained = set(files[:50]), set(files[50:])
    people = sorted(by_person, key=lambda who: len(tested & set(by_person[who])))
    testers, others = people[-TESTERS:], people[:-TESTERS]
    lines = ["worker, imagePair, score"]
    for group, known in ((testers, tested), (others[:60], trained)):
        for who in group:
            lines += [
                f"{who}, {names[file]}, {1 + round((score - 1) * 4 / 6)}"
                for file, score in by_person[who].items()
                if file in known
            ]
    (tmp_path / "FLICKR-AES_image_labeled_by_each_worker.csv").write_text("\n".join(lines))
    (tmp_path / "FLICKR-AES_image_score.txt").write_text("\n".join(f"{name} 0.5" for name in names.values()))
    (tmp_path / "testers.txt").write_text("\n".join(testers))
    return tmp_path


@pytest.mark.realdata
def test_the_protocol_of_flickr_aes_judges_its_test_workers_alone(flickr_aes):
    options = {"data": f"flickr-aes:{flickr_aes}", "option": [f"workers={flickr_aes / 'testers.txt'}"]}
    found = told(counts="3,10", draws=4, least_rest=5, **options)
    assert found["people"] == TESTERS
    assert set(found["k"]) == {"3", "10"}
    assert all(0.2 < row["generic"] < 0.9 for row in found["k"].values())
    assert found["k"]["10"]["taste"] > found["k"]["10"]["generic"] - 0.03


def test_a_count_counts_its_draws_and_leaves_the_rest_to_judge():
    rng = np.random.default_rng(0)
    x, prior = rng.normal(size=(205, 68)), small_prior()
    ratings = 4 + x[:, 0]  # what this person likes, and nobody else
    trial = evaluate_taste_trial(x, ratings, prior)
    protocol = evaluate_taste.Protocol(counts=(0, 200), draws=3, least_rest=5, seed=0)
    found = list(evaluate_taste._judge(trial, protocol))
    assert [k for k, _, _ in found] == [0, 200] * 3
    assert all(personal > 0.8 for k, _, personal in found if k == 200)
    assert not list(evaluate_taste._judge(trial, evaluate_taste.Protocol(counts=(201,), least_rest=5)))


def small_prior():
    from ml.prior import Prior

    return Prior(0.05 * np.eye(68), 0.1, 0.0, np.full(3, 4.0), np.ones(3), np.zeros(6))


def evaluate_taste_trial(x, ratings, prior):
    from ml.taste_trials import Trial

    return Trial(1, x, np.random.default_rng(1).normal(4, 0.1, len(x)), ratings, prior)


def data_set(parts):
    people = np.array(["one"] * 4 + ["other"] * 4)
    ratings = Ratings(people, np.array([0, 1, 2, 3, 4, 5, 6, 7]), np.tile([0.0, 0.25, 0.75, 1.0], 2))
    paths = [f"{place}.jpg" for place in range(8)]
    return Photographs("made", paths, np.array(paths), parts=parts, ratings=ratings)


def scores(count):
    rng = np.random.default_rng(2)
    columns = [rng.uniform(1, 7, count).astype(np.float32) for _ in range(3)]
    return Scores(np.full((count, 6), 1 / 6, np.float32), *columns, rng.normal(size=(count, 64)).astype(np.float32))


def test_who_rated_photographs_for_training_gives_the_prior_and_is_not_judged():
    photographs = data_set(np.array(["test"] * 4 + ["train"] * 4))
    (trial,) = of_data_set(photographs, np.arange(8), scores(8), small_prior())
    assert trial.ratings.tolist() == [1, 2.5, 5.5, 7]
    assert not np.array_equal(trial.prior.covariance, small_prior().covariance)


def test_without_parts_everybody_is_judged_by_the_networks_own_prior():
    prior = small_prior()
    found = list(of_data_set(data_set(None), np.array([0, 1, 2, 4, 5, 6, 7]), scores(7), prior))
    assert [len(trial.ratings) for trial in found] == [3, 4]  # the photograph that could not be read is left out
    assert all(trial.prior is prior for trial in found)


def test_a_data_set_without_single_ratings_is_refused():
    photographs = Photographs("made", ["a.jpg"], np.array(["a"]), score=np.array([0.5]))
    with pytest.raises(DataError, match="no ratings of single people"):
        list(of_data_set(photographs, np.arange(1), scores(1), small_prior()))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"counts": "3,x", "data": "flickr-aes:nowhere"}, "--counts must be whole numbers"),
        ({"draws": 0, "data": "flickr-aes:nowhere"}, "--draws must be at least 1"),
        ({"data": "flickr-aes:nowhere", "folds": 5}, "stands in place of"),
        ({}, "Give --photos with --ratings, or --data"),
        ({"data": "nothing:nowhere"}, "There is no kind of data set"),
    ],
)
def test_wrong_words_get_one_sentence(options, sentence):
    with pytest.raises(CommandError, match=sentence):
        told(**options)
