import numpy as np
import pytest

from ml.data import flickr_aes, real_cur
from ml.data.tables import DataError

HEADER = "worker, imagePair, score"
RATED = "FLICKR-AES_image_labeled_by_each_worker.csv"
SCORES = "FLICKR-AES_image_score.txt"


@pytest.fixture
def folder(put):
    """Five workers over 330 photographs: A and B rate 110 each (they share ten), C 120 others, D 4 of A's, E none."""
    rated = {"A": range(0, 110), "B": range(100, 210), "C": range(210, 330), "D": range(0, 4)}
    put(RATED, HEADER, *(f"{who}, {n}.jpg, {n % 5 + 1}" for who, photos in rated.items() for n in photos))
    put(SCORES, *(f" {n}.jpg 0.{n % 100:02}" for n in range(331)))
    for n in range(330):
        put(f"40K/{n}.jpg")
    return put("testers.txt", "A", "B")


def test_lines_are_read_as_they_stand_blanks_and_all(folder):
    photographs = flickr_aes.read(folder, workers=str(folder / "testers.txt"))
    assert photographs.paths[7] == folder / "40K" / "7.jpg"
    assert photographs.score[7] == 0.07
    assert photographs.missing == 1
    first = (photographs.ratings.photo == 7).argmax()
    assert (photographs.ratings.person[first], photographs.ratings.score[first]) == ("A", 0.5)


def test_no_photograph_of_a_test_worker_trains_and_nobody_is_on_both_sides(folder):
    photographs = flickr_aes.read(folder, workers=str(folder / "testers.txt"))
    tested = photographs.parts == "test"
    assert np.flatnonzero(tested).tolist() == list(range(210))
    by = photographs.ratings.person
    on_test = tested[photographs.ratings.photo]
    assert set(by[on_test]) == {"A", "B"}  # D rated four of A's photographs, and is left out
    assert set(by[~on_test]) == {"C"}


def test_test_workers_are_drawn_among_those_of_the_papers_counts(folder, monkeypatch):
    monkeypatch.setattr(flickr_aes, "WORKERS", 2)
    whole = flickr_aes.ratings_of(folder / RATED)
    found = {frozenset(flickr_aes.drawn(whole, seed)) for seed in range(20)}
    assert found == {frozenset("AB"), frozenset("AC"), frozenset("BC")}
    assert flickr_aes.drawn(whole, 3) == flickr_aes.drawn(whole, 3)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("A, 1.jpg, 6", "line 2: has 6, outside 1 to 5"),
        ("A, 1.jpg", "line 2: is not a worker, a photograph and a score"),
        ("A, , 3", "line 2: is not a worker"),
    ],
)
def test_a_bad_rating_is_named(folder, put, line, sentence):
    put(RATED, HEADER, line)
    with pytest.raises(DataError, match=sentence):
        flickr_aes.read(folder)


def test_unknown_test_workers_and_too_few_ratings_are_refused(folder, put):
    put("testers.txt", "A", "Z")
    with pytest.raises(DataError, match=r"testers\.txt, line 2: names the worker 'Z', who rated nothing"):
        flickr_aes.read(folder, workers=str(folder / "testers.txt"))
    put(RATED, HEADER, "A, 1.jpg, 3")
    with pytest.raises(DataError, match="no worker rated 105 to 171 photographs"):
        flickr_aes.read(folder)


def test_real_cur_keeps_albums_whole(put):
    put("anna/scores.txt", "1.jpg 5", "2.jpg 1", "3.jpg 2")
    put("ben/scores.csv", "1.jpg, 3", "b b.jpg, 4")
    for name in ("anna/1.jpg", "anna/photos/2.jpg", "ben/1.jpg"):
        put(name)
    folder = put("ben/b b.jpg")
    photographs = real_cur.read(folder)
    assert photographs.groups.tolist() == ["anna", "anna", "ben", "ben"]
    assert photographs.paths[1] == folder / "anna" / "photos" / "2.jpg"
    assert photographs.score.tolist() == [1, 0, 0.5, 0.75]
    assert photographs.ratings.person.tolist() == photographs.groups.tolist()
    assert photographs.missing == 1


def test_real_cur_names_bad_lines_and_albums_without_a_list(put):
    folder = put("anna/scores.txt", "1.jpg 5", "2.jpg 7")
    put("anna/1.jpg")
    with pytest.raises(DataError, match=r"scores\.txt, line 2: has 7, outside 1 to 5"):
        real_cur.read(folder)
    put("ben/1.jpg")
    put("anna/scores.txt", "1.jpg 5")
    with pytest.raises(DataError, match=r"ben needs one text file of names and scores; it has 0"):
        real_cur.read(folder)
