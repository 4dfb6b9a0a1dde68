import os
from pathlib import Path

import pytest

from ml.data import flickr8k
from ml.data.tables import DataError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("b.jpg", "a.jpg"):
        (tmp_path / "photos" / name).touch()
    write(tmp_path, *(f"{file},{number},{file} {number}" for number in (2, 1, 3, 4, 5) for file in ("b.jpg", "a.jpg")))
    return tmp_path


def write(folder: Path, *lines: str, header: str = "file,number,caption") -> None:
    (folder / "captions.csv").write_text("\n".join([header, *lines]) + "\n")


def test_it_reads_captions_in_order_for_photographs_in_file_name_order(folder):
    data = flickr8k.read(folder)
    assert data.files == ["a.jpg", "b.jpg"]
    assert data.paths == [folder / "photos" / "a.jpg", folder / "photos" / "b.jpg"]
    assert data.captions[0] == ["a.jpg 1", "a.jpg 2", "a.jpg 3", "a.jpg 4", "a.jpg 5"]
    assert data.missing == 0


def test_missing_photographs_are_counted(folder):
    (folder / "photos" / "b.jpg").unlink()
    data = flickr8k.read(folder)
    assert (data.files, data.missing) == (["a.jpg"], 1)


def test_it_refuses_a_folder_without_any_of_its_photographs(folder):
    write(folder, "c.jpg,1,A dog .")
    with pytest.raises(DataError, match="none of the 1 photographs"):
        flickr8k.read(folder)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a.jpg,6,A dog .", r"captions\.csv, line 2: column 'number' is 6, outside 1 to 5\."),
        ("a.jpg,1.5,A dog .", r"line 2: column 'number' is 1.5, not a whole number\."),
        ("a.jpg,one,A dog .", r"line 2: column 'number' is 'one', not a number\."),
        ("a.jpg,1, ", r"line 2: column 'caption' is empty\."),
        (",1,A dog .", r"line 2: column 'file' is empty\."),
        ("a.jpg,1", r"line 2: fewer cells than the header has columns\."),
        ("a.jpg,1,A dog , .", r"line 2: more cells than the header has columns\."),
        ("a.jpg,1,A dog .\na.jpg,1,A cat .", r"line 3: column 'number' gives caption 1 of 'a.jpg' a second time\."),
    ],
)
def test_it_says_where_captions_are_malformed(folder, line, sentence):
    write(folder, line)
    with pytest.raises(DataError, match=sentence):
        flickr8k.read(folder)


def test_it_refuses_an_empty_table(folder):
    (folder / "captions.csv").write_text("")
    with pytest.raises(DataError, match=r"line 1: no column 'file', 'number', 'caption'\."):
        flickr8k.read(folder)


@pytest.mark.realdata
@pytest.mark.skipif("EVOKE_REALDATA" not in os.environ, reason="EVOKE_REALDATA names no folder of real data")
def test_it_reads_the_real_set():
    data = flickr8k.read(Path(os.environ["EVOKE_REALDATA"]) / "flickr8k")
    assert (len(data.files), data.missing) == (3000, 0)
    assert {len(captions) for captions in data.captions} == {5}
