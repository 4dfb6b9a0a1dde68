"""The frozen copy that a training learns from, what is chosen for it, and settings without torch."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml import datasets, described, options, snapshot
from ml.data import kinds
from ml.data.tables import DataError
from ml.recipes import RecipeError
from ml.rows import Selection, TrainingRow, rows_hash, selection_of


def row(place: int, **more):
    facts = {"aesthetic": 1 + place % 7, "count": 2, "mood": "sad" if place % 2 else None}
    image = Image.new("RGB", (960, 640), (place * 20 % 256, 90, 120))
    return TrainingRow(f"key{place}", f"group {place // 2}", lambda: image.copy(), **{**facts, **more})


def test_a_copy_is_read_as_it_was_written(tmp_path):
    facts = snapshot.write([row(place) for place in range(6)], tmp_path / "copy")
    found = kinds.read("snapshot", tmp_path / "copy")
    assert facts["photographs"] == len(found) == 6
    assert found.score is not None
    np.testing.assert_allclose(found.score, [place / 6 for place in range(6)])
    assert list(found.labels["emotion"].index) == [-1, 1, -1, 1, -1, 1]
    assert list(found.groups) == [f"group {place // 2}" for place in range(6)]
    with Image.open(found.paths[0]) as image:
        assert image.size == (480, 320)


def test_photographs_that_cannot_be_read_are_told_and_left_out(tmp_path):
    def gone():
        raise FileNotFoundError("Photograph 7 has no rendition.")

    broken = TrainingRow("key7", "x", gone, aesthetic=3.0, count=1)
    facts = snapshot.write([row(0), broken], tmp_path / "copy")
    assert facts["troubles"] == [{"what": "key7", "why": "Photograph 7 has no rendition."}]
    assert (facts["photographs"], facts["unreadable"]) == (1, 1)


def test_a_copy_that_broke_off_is_made_anew_and_a_whole_one_stays(tmp_path):
    def broken():
        yield row(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        snapshot.write(broken(), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert snapshot.write([row(0), row(1)], tmp_path / "copy")["photographs"] == 2
    assert snapshot.write([row(2)], tmp_path / "copy")["photographs"] == 2
    assert [each.name for each in tmp_path.iterdir()] == ["copy"]


def test_an_empty_copy_is_refused_in_a_sentence(tmp_path):
    snapshot.write([], tmp_path / "copy")
    with pytest.raises(DataError, match="Nothing of the collection"):
        kinds.read("snapshot", tmp_path / "copy")


def test_the_hash_is_of_what_is_known_in_any_order():
    rows = [row(place) for place in range(4)]
    assert rows_hash(rows) == rows_hash(rows[::-1])
    assert rows_hash(rows) != rows_hash([*rows[:3], row(3, mood="fear")])
    assert rows_hash(rows) != rows_hash(rows, ["oasis a.jpg 10 3"])


def test_a_selection_is_told_and_read_back():
    chosen = Selection(moods=("sad",), since=date(2026, 1, 2), tags=True, ratings=False)
    assert selection_of(chosen.told()) == chosen
    assert chosen.told() == {"moods": ["sad"], "since": "2026-01-02", "tags": True, "ratings": False}
    assert selection_of({"of an older version": 1}) == Selection()


def test_data_sets_are_found_by_their_kind_and_change_with_their_files(settings, tmp_path):
    settings.VAR = tmp_path
    assert datasets.listed() == []
    for name in ("flickr-aes-2", "flickr8k", "snapshot", "other"):
        (tmp_path / "datasets" / name).mkdir(parents=True)
    assert [(each.name, each.kind) for each in datasets.listed()] == [
        ("flickr-aes-2", "flickr-aes"),
        ("flickr8k", "flickr8k"),
    ]
    (found,) = datasets.named(("flickr8k",))
    before = list(datasets.fingerprint(found))
    (found.folder / "a.jpg").write_bytes(b"x")
    assert list(datasets.fingerprint(found)) != before
    with pytest.raises(DataError, match="There is no data set"):
        datasets.named(("../x",))


def test_a_data_set_teaches_the_starter_on_its_own_scale(small_oasis):
    rows = datasets.training_rows(datasets.DataSet("oasis-2", "oasis", small_oasis), Path("none"))
    whole = kinds.read("oasis", small_oasis)
    assert len(rows) == len(whole) == 80
    assert rows[3].aesthetic == pytest.approx(1 + 6 * whole.score[3])
    assert rows[3].key.startswith("oasis-2/")
    assert rows[3].image().size == (120, 90)


def test_only_a_version_of_our_own_is_told_which_photographs_judge(tmp_path):
    oasis, own = (datasets.DataSet(kind, kind, tmp_path) for kind in ("oasis", "evoke"))
    assert datasets.options_of([oasis], tmp_path / "list") == {}
    assert datasets.options_of([oasis, own], tmp_path / "list") == {"without": str(tmp_path / "list")}


def test_the_settings_of_forms_are_those_of_the_networks_code():
    import json

    assert json.loads(json.dumps(described.settings())) == options.networks(), (
        "manage.py networks --defaults > ml/nets/settings.json"
    )


def test_every_recipes_own_defaults_and_suggestions_are_accepted():
    for recipe in options.recipes():
        words = options.suggested(recipe)
        options.check(recipe, words)
        for name, value in options.defaults(recipe).items():
            if name != "task":
                text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                options.check(recipe, [*words, f"{name}={text}"])
    with pytest.raises(RecipeError, match="no recipe"):
        options.check("resnet9000", [])


def test_forms_and_rows_load_no_torch():
    code = "import django, sys; django.setup(); import ml.forms, ml.tasks, ml.admin; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], timeout=60).returncode == 0
