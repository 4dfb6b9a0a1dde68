"""From a command's words to a network file with figures, and back."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ml import experiment, files
from ml.nets import catalog
from ml.recipes import TRAINING, RecipeError

QUICK = ("epochs=2", "batch=16", "side=32", "patch=8", "scales=2", "rollouts=2")
SETS = [word for setting in QUICK for word in ("--set", setting)]


def train(oasis: Path, *words: str, network: str = "ram") -> None:
    call_command("train", network, "--data", f"oasis:{oasis}", "--workers", "0", *words)


@pytest.fixture
def folders(settings, tmp_path: Path) -> Path:
    settings.RUNS_DIR, settings.NETWORKS_DIR = tmp_path / "runs", tmp_path / "networks"
    return tmp_path


def test_every_network_has_a_recipe_and_settings_of_one_meaning():
    for name, entry in catalog.entries().items():
        assert name in TRAINING
        arguments = set(entry.arguments.__dataclass_fields__)
        assert not arguments & set(experiment.Protocol.__dataclass_fields__)
        assert not arguments & set(TRAINING[name].__dataclass_fields__)
        assert entry.arguments().task == entry.tasks[0] or name == "ilgnet"


def test_settings_find_their_place():
    plan = experiment.planned("ram", [], ["side=64", "lr=0.5", "delta=1", "data.tags=2", "mirror=true"], seed=3)
    assert (plan.arguments.side, plan.recipe.lr, plan.protocol.delta) == (64, 0.5, 1.0)
    assert plan.options == {"tags": "2"}
    assert plan.arguments.mirror is True


@pytest.mark.parametrize(
    ("name", "setting", "says"),
    [
        ("ram", "sied=64", "no setting 'sied'"),
        ("ram", "side=wide", "cannot be 'wide'"),
        ("ram", "task=score", "cannot be trained for 'score'"),
        ("ram", "rule=hardly", "rule: median"),
        ("rem", "side=64", "no network 'rem'"),
    ],
)
def test_a_wrong_word_is_refused_in_one_sentence(name, setting, says):
    with pytest.raises(RecipeError, match=says):
        experiment.planned(name, [], [setting])


def test_a_training_has_its_own_name_and_the_same_words_the_same():
    plans = [experiment.planned("ram", [("oasis", Path("a"))], words) for words in ([], ["side=64"], [])]
    assert plans[0].slug == plans[2].slug != plans[1].slug


def test_training_by_command_makes_a_file_that_can_be_judged(small_oasis, folders, capsys):
    train(small_oasis, *SETS)
    (file,) = (folders / "networks").glob("ram-*.safetensors")
    card = files.load(file).card
    assert card["figures"]["n"] == card["data"]["test"] > 0
    assert card["figures"]["majority"] >= 0.5
    assert 0 <= card["best_on_test"] <= 1, "the report's own way, beside the honest figure"
    assert str(small_oasis) not in json.dumps(card), "a card names no machine"
    assert file.with_suffix(".svg").read_text().startswith("<svg")
    capsys.readouterr()
    call_command("evaluate", str(file), "--data", f"oasis:{small_oasis}", "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["figures"][0]["accuracy"] == card["figures"]["accuracy"]
    assert report["figures"][0]["confusion"] == card["figures"]["confusion"]


def test_evaluating_a_name_trains_with_several_seeds(small_oasis, folders, capsys):
    call_command("evaluate", "ram", "--data", f"oasis:{small_oasis}", "--seeds", "2", *SETS, "--set", "epochs=1")
    said = capsys.readouterr().out
    assert "| mean (SD) |" in said and "majority" in said
    assert "65.2 (R), best on test" in said


def test_a_file_that_is_not_of_this_catalogue_is_refused(small_oasis, small_network, folders):
    with pytest.raises(CommandError, match="was not made by one of the networks"):
        call_command("evaluate", str(small_network.path), "--data", f"oasis:{small_oasis}")


def test_without_weights_the_command_says_so_and_ends(small_oasis, folders, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", _no_internet)
    with pytest.raises(CommandError, match="no ImageNet weights"):
        train(small_oasis, network="nima")


def _no_internet(*args, **kwargs):
    raise OSError("no route")


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(small_oasis, tmp_path):
    cut = _started(tmp_path / "cut", small_oasis)
    _until(lambda: list((tmp_path / "cut" / "runs").glob("*/checkpoint.safetensors")))
    cut.send_signal(signal.SIGTERM)
    said = cut.communicate(timeout=60)[1]
    assert cut.returncode and "--resume" in said and "Traceback" not in said
    for folder, words in (("cut", ["--resume"]), ("whole", [])):
        assert _started(tmp_path / folder, small_oasis, *words).wait(120) == 0
    (first,), (second,) = ((tmp_path / name / "networks").glob("ram-*.safetensors") for name in ("whole", "cut"))
    assert first.name == second.name, "the name is the hash of the weights"


def test_two_processes_train_one_network(small_oasis, tmp_path):
    """As on two GPUs: each takes half of the batches, gradients are averaged, one file comes out."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command += ["-m", "django", "train", "ram", "--data", f"oasis:{small_oasis}", "--workers", "0", *SETS]
    environment = {**os.environ, "EVOKE_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "evoke.settings"}
    environment |= {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-1000:]
    (file,) = (tmp_path / "networks").glob("ram-*.safetensors")
    assert done.stdout.count("Made ") == 1 and file.name in done.stdout
    steps = -(-files.load(file).card["data"]["train"] // 16)
    assert f"0/{steps // 2} " in done.stderr, "each process takes half of the batches"


def _started(var: Path, oasis: Path, *words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "django", "train", "ram", "--data", f"oasis:{oasis}", "--workers", "0", *SETS]
    environment = {**os.environ, "EVOKE_VAR": str(var), "DJANGO_SETTINGS_MODULE": "evoke.settings"}
    command += ["--set", "epochs=30", *words]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def _until(found, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)
