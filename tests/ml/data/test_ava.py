from dataclasses import replace

import numpy as np
import pytest

from ml.data import ava
from ml.data.tables import DataError
from ml.feed import parts_of

OFFICIAL = "1 953619 0 1 5 17 38 36 15 6 5 1 1 22 1396"  # the first line of AVA.txt
LOWER = "2 000100 0 0 10 10 0 0 0 0 0 0 0 15 7"  # mean 3.5
TIE = "3 200 0 0 0 0 10 0 0 0 0 0 0 0 7"  # mean 5
FOUR = "4 300 0 0 0 10 0 0 0 0 0 0 0 0 7"
TESTED = "5 400 0 0 0 0 10 1 0 0 0 0 66 0 7"  # mean 5.09, in the official test list


@pytest.fixture
def folder(put):
    put("AVA.txt", OFFICIAL, LOWER, TIE, FOUR, TESTED)
    put("aesthetics_image_lists/generic_test.jpgl", "400", "999")
    for name in ("953619", "100", "200", "300"):
        put(f"images/{name}.jpg")
    return put("images/more/400.jpg")


def test_the_official_line_is_read_as_it_stands(folder):
    photographs = ava.read(folder)
    assert photographs.paths[0] == folder / "images" / "953619.jpg"
    counts = np.array([0, 1, 5, 17, 38, 36, 15, 6, 5, 1])
    assert counts.sum() == 124
    assert photographs.score[0] * 9 + 1 == pytest.approx(5.637, abs=5e-4)
    assert photographs.distribution[0] == pytest.approx(counts / 124)
    tags = photographs.labels["tags"]
    assert tags.classes[tags.index[0]] == "Abstract"
    assert [tags.classes[place] for place in np.flatnonzero(tags.several[0])] == ["Abstract", "Macro"]


def test_the_tags_are_66_in_the_official_order():
    places = {1: "Abstract", 18: "Still Life", 37: "Diptych/Triptych", 49: "DPChallenge GTGs", 66: "Analog"}
    assert len(ava.TAGS) == 66
    assert {number: ava.TAGS[number - 1] for number in places} == places


def test_the_second_tag_counts_where_there_is_no_first_and_none_is_unknown(folder):
    tags = ava.read(folder).labels["tags"]
    assert [tags.classes[place] if place >= 0 else None for place in tags.index[1:]] == ["Nature", None, None, "Analog"]


def test_the_official_list_tests_and_all_others_train(folder):
    assert ava.read(folder).parts.tolist() == ["train"] * 4 + ["test"]


def test_a_mean_above_five_is_high_and_the_exact_tie_is_low(folder):
    photographs = ava.read(folder)
    assert photographs.rule.high(photographs.score, photographs.parts == "train").tolist() == [1, 0, 0, 0, 1]


@pytest.mark.parametrize(("delta", "left"), [(0.5, {"953619", "100"}), (1, {"100"}), (1.5, {"100"})])
def test_delta_leaves_out_training_photographs_of_the_middle_alone(folder, delta, left):
    photographs = ava.read(folder)
    listed = replace(photographs, parts=np.array(["train", "train", "train", "validation", "test"]))
    rows, _ = parts_of(listed, "binary", delta=delta)
    assert {listed.paths[row].stem for row in rows.train} == left
    assert len(rows.validation) == len(rows.test) == 1, "4.0 and 5.09 stay: delta is for training alone"


def test_missing_photographs_are_counted(folder):
    (folder / "images" / "100.jpg").unlink()
    photographs = ava.read(folder)
    assert (len(photographs), photographs.missing) == (4, 1)
    assert [path.stem for path in photographs.paths] == ["953619", "200", "300", "400"]


def test_byte_order_marks_line_ends_and_odd_blanks_are_fine(folder):
    (folder / "AVA.txt").write_bytes(b"\xef\xbb\xbf  " + OFFICIAL.replace(" ", "\t").encode() + b"  \r\n\r\n")
    assert len(ava.read(folder)) == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (OFFICIAL.removesuffix(" 1396"), "line 2: has 14 columns, not 15"),
        (OFFICIAL.replace(" 36 ", " x "), "line 2: has 'x' where a number should be"),
        (OFFICIAL.replace(" 36 ", " -1 "), "line 2: has -1, outside 0 to"),
        (OFFICIAL.replace(" 36 ", " 3.5 "), "line 2: has 3.5 where a whole number"),
        (OFFICIAL.replace(" 22 ", " 67 "), "line 2: has 67, outside 0 to 66"),
        ("9 201 0 0 0 0 0 0 0 0 0 0 0 0 7", "line 2: has no ratings"),
        (TIE, "line 2: names the image 200 a second time"),
    ],
)
def test_a_bad_line_is_named(folder, put, line, sentence):
    put("AVA.txt", TIE, line)
    with pytest.raises(DataError, match=rf"AVA\.txt, {sentence}"):
        ava.read(folder)


def test_a_missing_list_is_named(folder):
    (folder / "aesthetics_image_lists" / "generic_test.jpgl").unlink()
    with pytest.raises(DataError, match=r"generic_test\.jpgl cannot be read: No such file"):
        ava.read(folder)


@pytest.fixture
def styled(folder, put):
    put("style_image_lists/train.jpgl", "953619", "400", "12")
    put("style_image_lists/train.lab", "1", "14", "10")
    put("style_image_lists/test.jpgl", "100", "200", "300")
    put("style_image_lists/test.multilab", "0 0 1 0 0 0 0 0 0 0 1 0 0 0", "0 " * 14, "0 " * 13 + "1")
    return folder


def test_styles_are_one_in_training_and_any_number_in_the_test(styled):
    photographs = ava.read_styles(styled)
    style = photographs.labels["style"]
    assert photographs.parts.tolist() == ["train", "train", "test", "test", "test"]
    assert photographs.missing == 1
    assert [style.classes[place] if place >= 0 else None for place in style.index] == [
        "Complementary_Colors", "Vanishing_Point", None, None, "Vanishing_Point",
    ]  # fmt: skip
    assert style.several.sum(1).tolist() == [1, 1, 2, 0, 1]
    assert np.flatnonzero(style.several[2]).tolist() == [ava.STYLES.index("HDR"), ava.STYLES.index("Shallow_DOF")]


def test_training_photographs_of_the_aesthetic_test_may_be_dropped(styled):
    photographs = ava.read_styles(styled, drop_aesthetic_test=True)
    assert [path.stem for path in photographs.paths] == ["953619", "100", "200", "300"]


def test_lists_of_unequal_length_are_refused(styled, put):
    put("style_image_lists/train.lab", "1", "14")
    with pytest.raises(DataError, match=r"train\.lab has 2 lines, train\.jpgl has 3"):
        ava.read_styles(styled)
