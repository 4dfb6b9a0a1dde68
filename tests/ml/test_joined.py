"""A trained network joined to a starter: it says one thing, the starter the rest."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from ml import experiment, files, joined
from ml.files import NetworkFileError
from ml.joined import JoinedScorer
from ml.moods import MOODS
from ml.prior import prior_of
from ml.scorer import Scorer

QUICK = ("epochs=1", "batch=16", "side=32", "patch=8", "scales=2", "rollouts=2")
CONVOLUTION = ("epochs=1", "batch=16", "side=32", "width=0.1", "tests=one")


@pytest.fixture(scope="module")
def made(small_oasis, small_network, tmp_path_factory):
    """Networks by task, in one folder with the starter."""
    folder = tmp_path_factory.mktemp("joined")
    plans = {
        "binary": experiment.planned("ram", [("oasis", small_oasis)], QUICK),
        "emotion": experiment.planned("ram", [("oasis", small_oasis)], [*QUICK, "task=emotion"]),
        "category": experiment.planned("rapid_scnn", [("oasis", small_oasis)], [*CONVOLUTION, "task=category"]),
    }
    return {task: experiment.train(plan, folder / task, folder, workers=0) for task, plan in plans.items()}


@pytest.fixture
def photographs(small_oasis: Path) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in sorted((small_oasis / "photos").glob("*.jpg"))[:20]]


def scored(made, base, task: str, folder: Path, cache: Path, photographs):
    network = joined.join(made[task], base, folder)
    return network, JoinedScorer(network, folder, cache).score(photographs), Scorer(base, cache).score(photographs)


def test_one_that_tells_high_from_low_says_beauty_alone(made, small_network, cache, photographs, tmp_path):
    network, both, base = scored(made, small_network, "binary", tmp_path, cache, photographs)
    for name in ("moods", "valence", "arousal", "embedding"):
        assert np.array_equal(getattr(both, name), getattr(base, name))
    assert not np.array_equal(both.aesthetic, base.aesthetic)
    assert both.aesthetic.min() >= 1 and both.aesthetic.max() <= 7
    assert np.array_equal(prior_of(network).covariance, prior_of(small_network).covariance)


def test_its_beauty_is_on_the_starters_scale(made, small_network, cache, small_oasis, tmp_path):
    """On the photographs of its test part the mean and spread are the starter's, whatever scale it spoke on."""
    plan = experiment.planned("ram", [("oasis", small_oasis)], QUICK)
    trial = experiment.prepared(plan, workers=0)
    images = [Image.open(trial.feed.photographs.paths[row]).convert("RGB") for row in trial.rows.test]
    network = joined.join(made["binary"], small_network, tmp_path)
    aesthetic = JoinedScorer(network, tmp_path, cache).score(images).aesthetic
    prior = prior_of(small_network)
    assert aesthetic.mean() == pytest.approx(prior.center[0], abs=0.15)
    assert aesthetic.std() == pytest.approx(prior.scale[0], rel=0.2)


def test_one_that_says_moods_leaves_beauty_to_the_starter(made, small_network, cache, photographs, tmp_path):
    network, both, base = scored(made, small_network, "emotion", tmp_path, cache, photographs)
    assert prior_of(network).floor.tolist() == made["emotion"].card["floors"] != prior_of(small_network).floor.tolist()
    assert np.array_equal(both.aesthetic, base.aesthetic)
    assert both.moods.shape == (20, len(MOODS)) and np.allclose(both.moods.sum(1), 1, atol=1e-5)
    assert not np.allclose(both.moods, base.moods)


def test_no_photographs_give_no_rows(made, small_network, cache, tmp_path):
    assert scored(made, small_network, "binary", tmp_path, cache, [])[1].moods.shape == (0, len(MOODS))


def test_what_the_site_has_no_use_for_is_refused(made, small_network, tmp_path):
    with pytest.raises(NetworkFileError, match="no use for that"):
        joined.join(made["category"], small_network, tmp_path)
    with pytest.raises(NetworkFileError, match="no network that can be joined"):
        joined.join(small_network, small_network, tmp_path)
    with pytest.raises(NetworkFileError, match="train it anew"):
        joined.join(replace(made["binary"], card={**made["binary"].card, "said": None}), small_network, tmp_path)


def test_a_part_that_is_gone_is_named_in_one_sentence(made, small_network, cache, tmp_path):
    network = joined.join(made["binary"], small_network, tmp_path)
    (tmp_path / f"{made['binary'].name}.safetensors").unlink()
    with pytest.raises(NetworkFileError, match="cannot be read"):
        JoinedScorer(network, tmp_path, cache)


@pytest.mark.django_db
def test_a_network_is_added_promoted_and_scores(made, small_network, photographs, settings, tmp_path, capsys):
    from ml import interface
    from ml.models import Network

    settings.NETWORKS_DIR = tmp_path
    for file in (made["binary"], small_network):
        files.copied(file, tmp_path)
    call_command("add_network", made["binary"].name, "--base", small_network.name)
    row = Network.objects.get(name__startswith="ram-")
    assert row.state == Network.State.CANDIDATE and "as a candidate" in capsys.readouterr().out
    call_command("add_network", made["binary"].name, "--base", small_network.name)
    assert Network.objects.filter(name__startswith="ram-").count() == 1
    assert interface.scorer(row.pk)(photographs[:2]).aesthetic.shape == (2,)
    assert interface.prior(row.pk).scale[0] == prior_of(small_network).scale[0]
    with pytest.raises(CommandError, match="no use for that"):
        call_command("add_network", str(made["category"].path), "--base", small_network.name)
