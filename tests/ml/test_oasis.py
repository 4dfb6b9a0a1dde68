import os
from pathlib import Path

import pytest

from ml.data import oasis
from ml.data.tables import DataError

HEADER = "file,theme,subject,category,valence_mean,valence_sd,arousal_mean,arousal_sd,aesthetic_mean,aesthetic_sd"
LAKE = "Lake 1.jpg,Lake 1,lake,Scenery,6.0,1.0,3.5,1.9,5.9,1.2"
ACORN = "Acorns 1.jpg,Acorns 1,acorns,Object,4.7,1.0,2.3,1.6,4.9,1.5"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("Lake 1.jpg", "Acorns 1.jpg"):
        (tmp_path / "photos" / name).touch()
    write(tmp_path, LAKE, ACORN)
    return tmp_path


def write(folder: Path, *lines: str, header: str = HEADER, name: str = "norms.csv") -> None:
    (folder / name).write_text("\n".join([header, *lines]) + "\n")


def test_it_reads_photographs_in_file_name_order(folder):
    data = oasis.read(folder)
    assert data.files == ["Acorns 1.jpg", "Lake 1.jpg"]
    assert data.paths == [folder / "photos" / file for file in data.files]
    assert (data.subjects, data.themes) == (["acorns", "lake"], ["Acorns 1", "Lake 1"])
    assert data.categories == ["Object", "Scenery"]
    assert data.valence.mean.tolist() == [4.7, 6.0]
    assert data.arousal.sd.tolist() == [1.6, 1.9]
    assert data.aesthetic.mean.tolist() == [4.9, 5.9]
    assert data.missing == 0


def test_ratings_point_at_photographs_and_may_be_absent(folder):
    assert oasis.read(folder).ratings.rating.shape == (0,)
    lines = ("7,Lake 1.jpg,6", "7,Acorns 1.jpg,2", "9,Another.jpg,3")
    write(folder, *lines, header="person,file,rating", name="ratings.csv")
    ratings = oasis.read(folder).ratings
    assert ratings.person.tolist() == [7, 7]
    assert ratings.photo.tolist() == [1, 0]
    assert ratings.rating.tolist() == [6, 2]


def test_missing_photographs_are_counted(folder):
    (folder / "photos" / "Lake 1.jpg").unlink()
    data = oasis.read(folder)
    assert (data.files, data.missing) == (["Acorns 1.jpg"], 1)


def test_it_refuses_a_folder_without_any_of_its_photographs(folder):
    for photo in (folder / "photos").iterdir():
        photo.unlink()
    with pytest.raises(DataError, match="none of the 2 photographs"):
        oasis.read(folder)


def test_it_refuses_a_folder_without_photos_or_norms(tmp_path):
    with pytest.raises(DataError, match="photos is not a folder"):
        oasis.read(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=r"norms\.csv cannot be read: No such file"):
        oasis.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (LAKE.replace("6.0", "six"), r"line 2: column 'valence_mean' is 'six', not a number\."),
        (LAKE.replace("6.0", "7.5"), r"line 2: column 'valence_mean' is 7.5, outside 1 to 7\."),
        (LAKE.replace("6.0", "nan"), r"line 2: column 'valence_mean' is nan, outside 1 to 7\."),
        (LAKE.replace("6.0", ""), r"line 2: column 'valence_mean' is empty\."),
        (LAKE.replace(",1.2", ",-1"), r"line 2: column 'aesthetic_sd' is -1, outside 0 to 6\."),
        (LAKE.replace("lake,", " ,"), r"line 2: column 'subject' is empty\."),
        (
            LAKE.replace("Lake 1.jpg", "../Lake 1.jpg"),
            r"line 2: column 'file' is '../Lake 1.jpg', not a bare file name\.",
        ),
        (LAKE.rsplit(",", 1)[0], r"line 2: fewer cells than the header has columns\."),
        (LAKE + ",1", r"line 2: more cells than the header has columns\."),
        (ACORN, r"line 3: column 'file' names 'Acorns 1.jpg' a second time \(first on line 2\)\."),
    ],
)
def test_it_says_where_norms_are_malformed(folder, line, sentence):
    write(folder, line, ACORN)
    with pytest.raises(DataError, match=sentence) as error:
        oasis.read(folder)
    assert "norms.csv" in str(error.value)


def test_it_names_the_columns_that_are_absent(folder):
    write(folder, header=HEADER.replace("arousal_sd", "arousal"))
    with pytest.raises(DataError, match=r"norms\.csv, line 1: no column 'arousal_sd'\."):
        oasis.read(folder)


def test_it_refuses_bytes_that_are_no_text(folder):
    (folder / "norms.csv").write_bytes(HEADER.encode() + b"\n\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8 text"):
        oasis.read(folder)


def test_it_says_where_a_rating_is_malformed(folder):
    write(folder, "7,Lake 1.jpg,6", "7,Lake 1.jpg,8", header="person,file,rating", name="ratings.csv")
    with pytest.raises(DataError, match=r"ratings\.csv, line 3: column 'rating' is 8, outside 1 to 7\."):
        oasis.read(folder)
    write(folder, "x,Lake 1.jpg,6", header="person,file,rating", name="ratings.csv")
    with pytest.raises(DataError, match=r"line 2: column 'person' is 'x', not a number\."):
        oasis.read(folder)


@pytest.mark.realdata
@pytest.mark.skipif("EVOKE_REALDATA" not in os.environ, reason="EVOKE_REALDATA names no folder of real data")
def test_it_reads_the_real_set():
    data = oasis.read(Path(os.environ["EVOKE_REALDATA"]) / "oasis")
    assert (len(data.files), len(set(data.subjects)), data.missing) == (690, 193, 0)
    assert data.valence.mean.mean() == pytest.approx(4.34, abs=0.005)
    assert len(data.ratings.rating) == 100_370
