import json

import numpy as np
import pytest

from ml.data import emoset, emotion6, fi
from ml.data.emotions import MIKELS
from ml.data.tables import DataError
from ml.moods import MOODS


def names(photographs) -> list[str | None]:
    labels = photographs.labels["emotion"]
    return [labels.classes[place] if place >= 0 else None for place in labels.index]


def test_fi_is_read_by_folders(put):
    for name in ("awe/2.jpg", "amusement/1.jpg", "Sadness/3.JPG", "others/4.jpg"):
        put(name)
    photographs = fi.read(put("anger/5.jpg"))
    assert names(photographs) == ["sadness", "amusement", "anger", "awe"]
    assert photographs.labels["emotion"].classes == MIKELS
    assert photographs.parts is None and photographs.missing == 0


def test_fi_is_read_by_folders_of_parts(put):
    put("train/awe/1.jpg")
    put("test/fear/2.jpg")
    photographs = fi.read(put("val/fear/3.jpg"))
    found = {path.stem: part for path, part in zip(photographs.paths, photographs.parts, strict=True)}
    assert found == {"1": "train", "2": "test", "3": "validation"}


def test_fi_is_read_by_lists(put):
    put("train.txt", "awe/1.jpg 2", "awe/2.jpg awe", "fear/a b.jpg, Fear", "gone.jpg 0")
    put("test.txt", "anger/3.jpg 1")
    for name in ("awe/1.jpg", "images/awe/2.jpg", "fear/a b.jpg"):
        put(name)
    folder = put("anger/3.jpg")
    photographs = fi.read(folder)
    assert names(photographs) == ["awe", "awe", "fear", "anger"]
    assert photographs.parts.tolist() == ["train"] * 3 + ["test"]
    assert photographs.paths[1] == folder / "images" / "awe" / "2.jpg"
    assert photographs.missing == 1


def test_the_rough_map_to_moods_leaves_awe_and_disgust_unknown(put):
    for name in MIKELS:
        folder = put(f"{name}/1.jpg")
    photographs = fi.read(folder, moods=True)
    assert photographs.labels["emotion"].classes == MOODS
    assert names(photographs) == ["happy", "anger", None, "happy", None, "happy", "fear", "sad"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a.jpg 8", "line 2: has 8, outside 0 to 7"),
        ("a.jpg joy", "line 2: has the label 'joy', not one of amusement"),
        ("../../a.jpg 1", "line 2: names no photograph of the folder"),
        ("1", "line 2: names no photograph of the folder"),
    ],
)
def test_a_bad_line_of_fi_is_named(put, line, sentence):
    put("awe/1.jpg")
    with pytest.raises(DataError, match=rf"train\.txt, {sentence}"):
        fi.read(put("train.txt", "awe/1.jpg 2", line))


def test_fi_without_lists_or_folders_is_refused(put):
    with pytest.raises(DataError, match=r"holds neither train\.txt nor folders named amusement"):
        fi.read(put("joy/1.jpg"))


HEADER = "[image_filename]\t[valence]\t[arousal]\t[anger]\t[disgust]\t[fear]\t[joy]\t[sadness]\t[surprise]\t[neutral]"
ROWS = ("anger/1.jpg\t3.6\t5.4\t0.5\t0.1\t0\t0\t0.2\t0\t0.2", "joy/2.jpg\t9\t1\t0\t0\t0\t0.3\t0\t0.3\t0.3")


@pytest.fixture
def six(put):
    put("ground_truth.txt", HEADER, *ROWS, "joy/3.jpg\t5\t5\t0\t0\t0\t1\t0\t0\t0")
    put("images/anger/1.jpg")
    return put("images/joy/2.jpg")


def test_emotion6_has_distributions_and_affect(six):
    photographs = emotion6.read(six)
    assert names(photographs) == ["anger", "joy"]
    assert photographs.felt[-1] == "neutral"
    assert photographs.emotions[0].tolist() == [0.5, 0.1, 0, 0, 0.2, 0, 0.2]
    assert photographs.emotions[1] == pytest.approx(np.array([0, 0, 0, 1, 0, 1, 1]) / 3)
    assert photographs.valence.tolist() == pytest.approx([0.325, 1])
    assert photographs.arousal.tolist() == pytest.approx([0.55, 0])
    assert photographs.missing == 1


def test_emotion6_may_be_labelled_by_what_most_people_felt(six, put):
    put("ground_truth.txt", HEADER, ROWS[0].replace("0.5", "0.1"), ROWS[1])
    assert names(emotion6.read(six, felt=True)) == ["sadness", "joy"]
    assert names(emotion6.read(six, moods=True)) == ["anger", "happy"]


def test_its_further_facts_go_along_with_rows_taken(six):
    taken = emotion6.read(six).take(np.array([1]))
    assert (len(taken.valence), taken.emotions.shape, taken.felt[0]) == (1, (1, 7), "anger")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (ROWS[0].replace("3.6", "9.5"), "line 3: has 9.5, outside 1 to 9"),
        (ROWS[0].replace("0.5", "1.5"), "line 3: has 1.5, outside 0 to 1"),
        (ROWS[0].replace("anger/", "rage/"), "line 3: names 'rage/1.jpg', not a photograph"),
        (ROWS[0].rpartition("\t")[0], "line 3: has 9 columns, not 10"),
    ],
)
def test_a_bad_line_of_emotion6_is_named(six, put, line, sentence):
    put("ground_truth.txt", HEADER, ROWS[1], line)
    with pytest.raises(DataError, match=rf"ground_truth\.txt, {sentence}"):
        emotion6.read(six)


THREE = ["amusement", "image/amusement/amusement_12865.jpg", "annotation/amusement/amusement_12865.json"]
FOUR = ["fear", "fear_1", "image/fear/fear_1.jpg", "annotation/fear/fear_1.json"]


@pytest.fixture
def eight(put):
    put("train.json", json.dumps([THREE, ["awe", "image/awe/gone.jpg", "annotation/awe/gone.json"]]))
    put("val.json", "[]")
    put("test.json", json.dumps([FOUR]))
    put(THREE[1])
    return put(FOUR[2])


def test_emoset_is_read_by_its_lists_in_both_forms(eight):
    photographs = emoset.read(eight)
    assert photographs.paths == [eight / THREE[1], eight / FOUR[2]]
    assert names(photographs) == ["amusement", "fear"]
    assert photographs.parts.tolist() == ["train", "test"]
    assert photographs.missing == 1
    assert names(emoset.read(eight, moods=True)) == ["happy", "fear"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[["awe", "image/awe/1.jpg"]]', "entry 1: not an emotion with the paths"),
        ('[["awe", 3, "x"]]', "entry 1: not an emotion with the paths"),
        ('[["awe", "../1.jpg", "x"]]', "entry 1: not an emotion with the paths"),
        ('[["joy", "image/joy/1.jpg", "x"]]', "entry 1: 'joy' is not one of amusement"),
        ("[\n[x", "line 2: not a list in JSON"),
        ("{}", "not a list in JSON"),
    ],
)
def test_a_bad_entry_of_emoset_is_named(eight, put, text, sentence):
    put("val.json", text)
    with pytest.raises(DataError, match=rf"val\.json.*{sentence}"):
        emoset.read(eight)
