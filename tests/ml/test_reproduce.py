"""The table of the report's networks: what is run, what is kept, what stands in a row."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ml import experiment, published, reproduce, reproduction
from ml.nets import catalog
from ml.recipes import RecipeError


def test_every_network_has_a_row_and_every_row_can_be_planned():
    assert {row.network for row in reproduce.ROWS} == {*catalog.entries(), "starter"}
    for row in reproduce.ROWS:
        for small in (True, False):
            if row.network != "starter":
                settings = row.settings_on(small)
                files = [f"{name}=warp.safetensors" for name in row.files]
                assert experiment.planned(row.network, [], [*settings, *files]).arguments.task == row.task_on(small)


def test_the_report_has_new_architectures_for_emotion_by_both_splits():
    emotion = {(row.network, split) for row in reproduce.ROWS if row.task == "emotion" for split in ("groups", "naive")}
    networks = ("resnet50_ft", "multiresnet", "columns", "ram", "starter", "emotion_vgg")
    assert {(name, split) for name in networks for split in ("groups", "naive")} <= emotion


def test_rows_are_chosen_by_key_or_network_with_those_they_need():
    assert [row.key for row in reproduce.chosen(["ram_cnn", "kong/reg"])] == ["ram_cnn", "kong/reg"]
    keys = [row.key for row in reproduce.chosen(["rapid_rdcnn"])]
    assert keys == ["rapid_scnn/warp", "rapid_scnn/crop", "rapid_scnn/style", "rapid_rdcnn"]
    assert len(reproduce.chosen(["kong"])) == 7
    with pytest.raises(RecipeError, match="no row 'rom'"):
        reproduce.chosen(["rom"])


def test_a_row_without_a_data_set_for_it_says_so(tmp_path):
    (row,) = reproduce.chosen(["rapid_scnn/style"])
    assert reproduce.data_for(row, [("oasis", tmp_path)], small=True) == [("oasis", tmp_path)]
    assert reproduce.data_for(row, [("oasis", tmp_path)], small=False) == []
    assert reproduce.trained(row, [], tmp_path, False, 0)["none"] == "no data set for 'style'"
    with pytest.raises(RecipeError, match="anything to teach"):
        list(reproduce.run([row], [("oasis", tmp_path)], tmp_path))


@pytest.fixture
def quick(monkeypatch, settings, tmp_path: Path):
    """Two rows in this process: one that trains in seconds, and one that lacks its weights."""
    small = ("side=32", "patch=8", "scales=2", "rollouts=2", "epochs=2", "batch=16")
    rows = (reproduce.Row("ram", "ram", small=small), reproduce.Row("nima", "nima", "distribution"))
    monkeypatch.setattr(reproduce, "ROWS", rows)
    monkeypatch.setattr(reproduce, "_apart", lambda row, *rest: reproduce.trained(row, *rest))
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", _no_internet)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("ml.described.all_networks", lambda: [{"name": "ram"}])
    settings.RUNS_DIR = tmp_path / "runs"
    return tmp_path


def _no_internet(*args, **kwargs):
    raise OSError("no route")


def test_the_command_writes_the_table_and_what_the_page_shows(quick, small_oasis, capsys, monkeypatch):
    words = ["--data", f"oasis:{small_oasis}", "--small", "--table", str(quick / "t.md"), "--page", str(quick / "page")]
    call_command("reproduce", *words)
    table = (quick / "t.md").read_text()
    assert "| ram | binary, accuracy, n 16, oasis |" in table
    assert "65.2 (R), best on test on AADB" in table
    assert "no ImageNet weights" in table
    report = json.loads((quick / "page" / "reproduction.json").read_text())
    row = report["rows"][0]
    assert row["interval"][0] <= row["figure"] <= row["interval"][1]
    assert row["seconds_in_all"] > 0 and row["peak_megabytes"] > 100 and row["epochs"] == 2
    assert (quick / "page" / "curves" / "ram.svg").read_text().startswith("<svg")
    assert (quick / "page" / "networks" / "ram.svg").read_text().startswith("<svg")
    monkeypatch.setattr(reproduce, "_apart", lambda *rest: pytest.fail("a row that is done was run again"))
    call_command("reproduce", *words)
    capsys.readouterr()
    call_command("reproduce", *words, "--seed", "1", "--done")
    assert "| ram |" not in capsys.readouterr().out, "with that seed nothing was done yet"


def test_an_unknown_row_ends_the_command_in_one_sentence(quick, small_oasis):
    with pytest.raises(CommandError, match="no row 'rom'"):
        call_command("reproduce", "--data", f"oasis:{small_oasis}", "--rows", "rom")


def result(key: str, network: str, task: str, figures: dict, settings=(), data=("oasis",)) -> dict:
    cost = dict.fromkeys(reproduction.COSTS, 2.0)
    row = {"key": key, "network": network, "task": task, "settings": list(settings), "data": list(data)}
    return row | {"figures": figures, **cost}


def accuracy(value: float, low: float, high: float, majority: float) -> dict:
    return {"n": 100, "accuracy": value, "accuracy_interval": [low, high], "majority": majority}


def test_a_row_stands_beside_the_starter_of_its_own_split_and_task():
    results = [
        result("starter/emotion/groups", "starter", "emotion", accuracy(0.6, 0.5, 0.7, 0.4), ["split=groups"]),
        result("starter/emotion/naive", "starter", "emotion", accuracy(0.8, 0.7, 0.9, 0.4), ["split=naive"]),
        result("ram/emotion/naive", "ram", "emotion", accuracy(0.5, 0.45, 0.6, 0.4), ["split=naive"]),
    ]
    assert reproduction.summary(results)[2]["starter"] == 0.8


def test_a_row_whose_interval_holds_the_majority_share_says_so():
    rows = [
        result("ram", "ram", "binary", accuracy(*numbers))
        for numbers in ((0.55, 0.5, 0.6, 0.51), (0.6, 0.52, 0.7, 0.51))
    ]
    assert [row["remark"] for row in reproduction.summary(rows)] == ["no better than chance", ""]


@pytest.mark.parametrize(
    ("network", "task", "report"),
    [
        ("ram", "binary", "65.2 (R), best on test on AADB"),
        ("ram", "emotion", ""),
        ("emotion_vgg", "emotion", "55 (R) on 302,780 photographs of Flickr by tag"),
        ("kong", "score", ".6782 (R) on AADB TestNew"),
        ("kong", "binary", "77.3 (R) on AVA"),
        ("nima", "distribution", ""),
    ],
)
def test_the_reports_figure_stands_only_beside_the_same_question(network, task, report):
    (row,) = reproduction.summary([result(network, network, task, accuracy(0.6, 0.52, 0.7, 0.51))])
    assert row["report"] == report


def test_published_figures_are_marked_and_of_networks_that_are_here():
    for figure in published.FIGURES:
        assert figure.network in {*catalog.entries(), "starter"}
        for text in (figure.report, figure.paper, figure.best):
            assert not text or any(f"({mark})" in text for mark in "RPV")
