import pytest

from ml.data.lists import Album, first, lines
from ml.data.tables import DataError


def test_lines_have_their_numbers_and_no_blanks_around_them(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\n  \t\r\n  two  2 \r\nthree")
    assert [(line.number, line.text) for line in lines(path)] == [(1, "one"), (4, "two  2"), (5, "three")]


def test_a_file_that_is_no_text_or_not_there_is_named(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"one\n\xff\xfe\n")
    with pytest.raises(DataError, match=r"list\.txt, after line \d: not UTF-8 text"):
        list(lines(path))
    with pytest.raises(DataError, match=r"gone\.txt cannot be read: No such file or directory\.$"):
        list(lines(tmp_path / "gone.txt"))


@pytest.mark.parametrize("word", ["nan", "inf", "", "1e9", "one"])
def test_numbers_are_within_their_bounds(put, word):
    (line,) = lines(put("list.txt", "x") / "list.txt")
    with pytest.raises(DataError, match=r"list\.txt, line 1: has "):
        line.real(word, 0, 1)


def test_photographs_are_found_in_subfolders_by_name_or_key(put):
    put("b/1.jpg")
    put("a/deep/1.jpg")
    folder = put("a/0.5_2.jpg")
    assert Album(folder).path("1.jpg") == folder / "a" / "deep" / "1.jpg"
    assert Album(folder).path("../list.txt") is None
    assert Album(folder, key=lambda name: name.partition("_")[2]).path("2.jpg") == folder / "a" / "0.5_2.jpg"


def test_the_first_of_several_names_counts(put):
    put("photos/1.jpg")
    folder = put("image/1.jpg")
    assert first(folder, "images", "image", "photos") == folder / "image"
    with pytest.raises(DataError, match=r"holds no pictures \(nor imgs\)\.$"):
        first(folder, "pictures", "imgs")
