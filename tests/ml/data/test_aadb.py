import numpy as np
import pytest
from scipy.io import savemat

from ml.data import aadb
from ml.data.photographs import ATTRIBUTES
from ml.data.tables import DataError

OFFICIAL = "farm1_286_20013434330_d99ab6b9a0_b.jpg 0.65"  # a line of a list of scores
NAME = OFFICIAL.split()[0]
ROW = "0.0,0.8,0.6,0.6,-0.2,0.0,0.8,0.0,0.0,0.0,-0.2"  # its attributes in the official order
VALUES = ROW.split(",")
FILES = ["BalacingElements", *ATTRIBUTES[1:]]  # as the authors spell them
WARPED = "datasetImages_warp256"


def lists(put, part: str, *scores: str, values: list[str] = VALUES) -> None:
    put(f"imgListFiles_label/imgList{part}Regression_score.txt", *scores)
    for name, value in zip(FILES, values, strict=True):
        attributes = (f"{line.split()[0]} {value}" for line in scores)
        put(f"imgListFiles_label/imgList{part}Regression_{name}.txt", *attributes)


@pytest.fixture
def folder(put):
    lists(put, "Train", OFFICIAL, "a.jpg 0.5")
    lists(put, "Validation", "b.jpg 0.45", values=["0.2"] * 11)
    lists(put, "TestNew", "c.jpg 1.0", "d.jpg 0.05", values=["-1"] * 11)
    for name in (NAME, "a.jpg", "b.jpg"):
        put(f"datasetImages_originalSize/{name}")
    put("AADB_newtest_originalSize/c.jpg")
    return put("AADB_newtest_originalSize/d.jpg")


def test_the_official_line_is_read_as_it_stands(folder):
    photographs = aadb.read(folder)
    assert photographs.paths[0] == folder / "datasetImages_originalSize" / NAME
    assert photographs.score[0] == 0.65
    assert photographs.attributes[0].tolist() == [float(value) for value in VALUES]
    assert dict(zip(ATTRIBUTES, photographs.attributes[0].tolist(), strict=True))["Light"] == -0.2


def test_parts_are_those_of_the_lists_and_new_test_photographs_have_a_folder_of_their_own(folder):
    photographs = aadb.read(folder)
    assert photographs.parts.tolist() == ["train", "train", "validation", "test", "test"]
    assert [path.parent.name for path in photographs.paths[3:]] == ["AADB_newtest_originalSize"] * 2
    assert photographs.attributes[2:, 0].tolist() == [0.2, -1, -1]
    assert photographs.missing == 0


def test_a_score_before_a_test_photographs_name_is_no_part_of_it(folder):
    test = folder / "AADB_newtest_originalSize"
    (test / "c.jpg").rename(test / "1.000_c.jpg")
    test.rename(folder / "AADB_newtest")
    assert aadb.read(folder).paths[3] == folder / "AADB_newtest" / "1.000_c.jpg"


def test_both_rules_of_the_half_can_be_had(folder):
    photographs, other = aadb.read(folder), aadb.read(folder, at_least=False)
    training = photographs.parts == "train"
    assert photographs.rule.high(photographs.score, training).tolist() == [1, 1, 0, 1, 0]
    assert other.rule.high(photographs.score, training).tolist() == [1, 0, 0, 1, 0]


def test_the_old_test_list_alone_is_refused(folder):
    place = folder / "imgListFiles_label"
    (place / "imgListTestNewRegression_score.txt").rename(place / "imgListTestRegression_score.txt")
    with pytest.raises(DataError, match=r"holds no imgListTestNewRegression_score\.txt.*old Test lists do not count"):
        aadb.read(folder)


def test_both_spellings_of_balancing_elements_are_known(folder):
    place = folder / "imgListFiles_label"
    for part in ("Train", "Validation", "TestNew"):
        old = place / f"imgList{part}Regression_BalacingElements.txt"
        old.rename(place / f"imgList{part}Regression_BalancingElements.txt")
    assert aadb.read(folder).attributes[2, 0] == 0.2


def test_photographs_of_256_pixels_are_taken_where_they_are_asked_for_or_alone(folder, put):
    put(f"{WARPED}/a.jpg")
    assert aadb.read(folder).paths[1].parent.name == "datasetImages_originalSize"
    photographs = aadb.read(folder, warped=True)
    assert (photographs.paths[0].parent.name, photographs.missing) == (WARPED, 2)


@pytest.mark.parametrize(
    ("file", "lines", "sentence"),
    [
        ("TrainRegression_score", ["a.jpg 1.2"], "score.txt, line 1: has 1.2, outside 0 to 1"),
        ("TrainRegression_score", ["a.jpg 0.2", "a.jpg 0.3"], "score.txt, line 2: names 'a.jpg' a second time"),
        ("TrainRegression_score", ["a.jpg"], "score.txt, line 1: has 1 columns, not 2"),
        ("TrainRegression_DoF", ["a.jpg 0.2"], f"DoF.txt does not name '{NAME}'"),
        ("TrainRegression_DoF", [f"{NAME} -1.2"], "DoF.txt, line 1: has -1.2, outside -1 to 1"),
    ],
)
def test_a_bad_list_is_named(folder, put, file, lines, sentence):
    put(f"imgListFiles_label/imgList{file}.txt", *lines)
    with pytest.raises(DataError, match=sentence):
        aadb.read(folder)


def test_a_list_that_is_not_there_is_named(folder):
    (folder / "imgListFiles_label" / "imgListTrainRegression_Symmetry.txt").unlink()
    with pytest.raises(DataError, match=r"holds no imgListTrainRegression_Symmetry\.txt"):
        aadb.read(folder)


def matrix(folder, order=("Train", "TestNew", "Validation"), shift: float = 0.0) -> None:
    """attMat.mat in place of the lists of attributes."""
    place, cells = folder / "imgListFiles_label", np.empty((1, 3), object)
    for number, part in enumerate(order):
        scores = [line.split()[1] for line in (place / f"imgList{part}Regression_score.txt").read_text().splitlines()]
        cells[0, number] = np.array([[float(score) + shift, *np.arange(11) / 20] for score in scores])
    savemat(place / "attMat.mat", {"dataset": cells})
    for path in place.glob("*.txt"):
        if not path.stem.endswith("score"):
            path.unlink()


def test_the_matrix_tells_the_attributes_where_the_lists_do_not(folder):
    matrix(folder)
    assert aadb.read(folder).attributes == pytest.approx(np.tile(np.arange(11) / 20, (5, 1)))


@pytest.mark.parametrize("wrong", [{"order": ("Train", "Validation", "TestNew")}, {"shift": 0.1}])
def test_a_matrix_of_other_scores_is_refused(folder, wrong):
    matrix(folder, **wrong)
    with pytest.raises(DataError, match=r"attMat\.mat: the scores of \w+ are not those of imgList"):
        aadb.read(folder)


def test_a_matrix_that_is_none_is_refused(folder):
    matrix(folder)
    (folder / "imgListFiles_label" / "attMat.mat").write_bytes(b"no matrix")
    with pytest.raises(DataError, match=r"attMat\.mat holds no cell `dataset`"):
        aadb.read(folder)


def test_the_lists_count_where_there_are_both(folder):
    (folder / "imgListFiles_label" / "attMat.mat").write_bytes(b"no matrix")
    assert aadb.read(folder).attributes[2, 0] == 0.2


def test_single_ratings_come_from_the_file_of_all_assignments(folder, put):
    urls = [f"https://farm1.staticflickr.com/286/{n}_b.jpg" for n in range(10)]
    urls[0] = "https://farm1.staticflickr.com/286/20013434330_d99ab6b9a0_b.jpg"
    header = ["HITId", "WorkerId", *(f"Input.image_url{n}" for n in range(1, 11))]
    header += [f"Answer.overallScore{n}" for n in (1, 10, *range(2, 10))]  # the order in the file
    rows = [["X", "A1", *urls, "5", *"2222222222"[1:]], ["X", "A2", *urls, "2", *"0222222222"[1:]]]
    put("AllinAll.csv", *(",".join(f'"{cell}"' for cell in row) for row in (header, *rows)))
    photographs = aadb.read(folder)
    assert photographs.ratings.person.tolist() == ["A1", "A2"]
    assert photographs.ratings.photo.tolist() == [0, 0]
    assert photographs.ratings.score.tolist() == [1, 0.25]
    assert photographs.distribution[0] @ np.linspace(0, 1, 10) == pytest.approx(0.625)
    assert np.isnan(photographs.distribution[1]).all()


def test_there_are_no_single_ratings_without_that_file(folder):
    photographs = aadb.read(folder)
    assert photographs.ratings is None and photographs.distribution is None
