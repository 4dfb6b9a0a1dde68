import numpy as np
import pytest

from ml.data import photonet
from ml.data.tables import DataError

LINES = (
    "1 1042 12 5.5 1.2 0 0 0 2 4 4 2",
    "2 2042 10 4.0 0.0 0 0 0 10 0 0 0",
    "3 3042 10 7.0 0.0 0 0 0 0 0 0 10",
    "4 4042 0 -1 -1 -1 -1 -1 -1 -1 -1 -1",
    "5 5042 9 6.0 0.0 0 0 0 0 0 9 0",
)


@pytest.fixture
def folder(put):
    put("photonet_dataset.txt", *LINES)
    put("images/1042.jpg")
    return put("images/2042.jpg")


def test_means_are_scaled_and_counts_of_seven_spread_over_ten_bins(folder):
    photographs = photonet.read(folder)
    assert photographs.score.tolist() == [0.75, 0.5]
    assert photographs.distribution[1] == pytest.approx([0, 0, 0, 0, 0.5, 0.5, 0, 0, 0, 0])
    assert photographs.distribution @ np.linspace(0, 1, 10) == pytest.approx([0.75, 0.5])
    assert photographs.parts is None


def test_photographs_with_few_ratings_do_not_count_and_missing_ones_are_counted(folder):
    assert photonet.read(folder).missing == 1
    assert photonet.read(folder, least=9).missing == 2


def test_high_is_above_the_training_median_or_a_mean(folder):
    photographs, other = photonet.read(folder), photonet.read(folder, above=5)
    assert photographs.rule.threshold is None
    assert other.rule.high(other.score, np.ones(2, bool)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (LINES[0].replace("5.5", "7.5"), "line 2: has 7.5, outside 1 to 7"),
        (LINES[0][:-2], "line 2: has 11 columns, not 12"),
        (LINES[1], "line 2: names the photograph 2042 a second time"),
    ],
)
def test_a_bad_line_is_named(folder, put, line, sentence):
    put("photonet_dataset.txt", LINES[1], line)
    with pytest.raises(DataError, match=sentence):
        photonet.read(folder)


def test_none_of_the_photographs_is_an_error(folder):
    for path in (folder / "images").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="photonet: none of the photographs"):
        photonet.read(folder)
