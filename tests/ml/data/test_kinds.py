from pathlib import Path

import numpy as np
import pytest

from ml.data import distributions, kinds, splits
from ml.data.photographs import Labels, Photographs, Ratings, Rule
from ml.data.tables import DataError
from ml.moods import MOODS

NORMS = "file,theme,subject,category,valence_mean,valence_sd,arousal_mean,arousal_sd,aesthetic_mean,aesthetic_sd"
LAKE = "Lake 1.jpg,Lake 1,lake,Scenery,7.0,1.0,1.0,1.9,5.5,1.2"
ACORN = "Acorns 1.jpg,Acorns 1,acorns,Object,4.7,1.0,2.3,1.6,4.0,1.5"


def test_every_kind_of_the_report_is_there():
    assert set(kinds.KINDS) == {
        "ava", "ava-style", "aadb", "photonet", "flickr-aes", "real-cur", "fi", "emotion6", "emoset", "cifar10",
        "cifar100", "oasis", "flickr8k", "evoke", "folder", "snapshot",
    }  # fmt: skip


def test_every_kind_says_how_its_folder_must_look():
    for kind in kinds.KINDS:
        assert len(kinds.described(kind)) > 200, kind
    assert "Layout" in kinds.described("ava")


def test_an_unknown_kind_or_option_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"^There is no kind of data set 'avva': aadb, ava, .*\.$"):
        kinds.read("avva", tmp_path)
    with pytest.raises(DataError, match=r"^ava has no option 'delt'; it has test\.$"):
        kinds.read("ava", tmp_path, delt=1)
    with pytest.raises(DataError, match=r"^oasis has no option 'x': it has none\.$"):
        kinds.read("oasis", tmp_path, x=1)
    with pytest.raises(DataError, match=r"^The option least of photonet is a number, not 'one'\.$"):
        kinds.read("photonet", tmp_path, least="one")
    with pytest.raises(DataError, match=r"^The option moods of fi is yes or no, not 'perhaps'\.$"):
        kinds.read("fi", tmp_path, moods="perhaps")


def test_options_may_be_texts(put):
    put("fear/1.jpg")
    photographs = kinds.read("fi", put("awe/1.jpg"), moods="yes")
    assert photographs.labels["emotion"].classes == MOODS
    assert kinds.read("folder", put("awe/1.jpg"), task="emotion").labels["emotion"].classes == ("awe", "fear")


def oasis(put) -> Path:
    put("norms.csv", NORMS, LAKE, ACORN)
    put("ratings.csv", "person,file,rating", "7,Lake 1.jpg,6", "9,Lake 1.jpg,5")
    put("photos/Lake 1.jpg")
    return put("photos/Acorns 1.jpg")


def test_oasis_gives_beauty_subjects_and_two_sets_of_labels(put):
    photographs = kinds.read("oasis", oasis(put))
    assert photographs.score.tolist() == pytest.approx([0.5, 0.75])
    assert photographs.groups.tolist() == ["acorns", "lake"]
    emotion, category = photographs.labels["emotion"], photographs.labels["category"]
    assert (emotion.classes, emotion.index.tolist()) == (MOODS, [-1, MOODS.index("solitude")])
    assert (category.classes, category.index.tolist()) == (("Animal", "Object", "Person", "Scenery"), [1, 3])
    assert (photographs.valence[1], photographs.arousal[1]) == (1, 0)
    assert photographs.ratings.score.tolist() == pytest.approx([5 / 6, 4 / 6])
    assert photographs.rule.high(photographs.score, np.array([True, True])).tolist() == [0, 1]


def test_oasis_distributions_are_of_the_ratings_and_else_of_the_norms(put):
    photographs = kinds.read("oasis", oasis(put))
    means = distributions.mean_of(photographs.distribution)
    assert means[1] == pytest.approx(0.75)
    assert photographs.distribution[1] == pytest.approx([0, 0, 0, 0, 0, 0, 0.5, 0.25, 0.25, 0])
    assert means[0] == pytest.approx(0.5)
    assert photographs.distribution[0] == pytest.approx(photographs.distribution[0][::-1])


def test_flickr8k_gives_the_mood_of_the_captions(put):
    texts = ["a lone man looks over the fog", "a lone man", "a man", "alone", "a man alone"]
    put("captions.csv", "file,number,caption", *(f"1.jpg,{n},{text}" for n, text in enumerate(texts, 1)), "2.jpg,1,x")
    put("photos/1.jpg")
    photographs = kinds.read("flickr8k", put("photos/2.jpg"))
    assert [MOODS[place] if place >= 0 else None for place in photographs.labels["emotion"].index] == ["solitude", None]
    assert photographs.score is None and photographs.groups.tolist() == ["1.jpg", "2.jpg"]


def made(name: str, count: int = 4, **fields) -> Photographs:
    groups = np.array([f"g{n // 2}" for n in range(count)])
    return Photographs(name, [Path(f"{name}/{n}.jpg") for n in range(count)], groups, **fields)


def test_joined_sets_keep_their_groups_and_people_apart():
    rated = Ratings(np.array(["1", "1"]), np.array([0, 3]), np.array([0.5, 1.0]))
    whole = kinds.joined([made("a", ratings=rated, missing=1), made("b", ratings=rated, missing=2)])
    assert (whole.name, len(whole), whole.missing) == ("a+b", 8, 3)
    assert whole.groups.tolist() == ["a:g0"] * 2 + ["a:g1"] * 2 + ["b:g0"] * 2 + ["b:g1"] * 2
    assert whole.ratings.person.tolist() == ["a:1", "a:1", "b:1", "b:1"]
    assert whole.ratings.photo.tolist() == [0, 3, 4, 7]
    assert whole.parts is None and whole.score is None


def test_joined_sets_fill_what_one_lacks_with_unknowns():
    score, mood = np.array([0.1, 0.2, 0.3, 0.4]), Labels(("x", "y"), np.array([0, 1, 1, 0]))
    whole = kinds.joined([made("a", score=score, rule=Rule(0.2)), made("b", labels={"mood": mood})])
    assert whole.score[:4].tolist() == score.tolist() and np.isnan(whole.score[4:]).all()
    assert whole.labels["mood"].index.tolist() == [-1] * 4 + [0, 1, 1, 0]
    assert whole.rule == Rule(0.2)
    assert whole.attributes is None


def test_several_classes_a_photograph_join_where_all_sets_know_them():
    one, many = Labels(("p", "q"), np.array([0, 1, 1, 0])), Labels(("p", "q"), np.full(4, -1), np.ones((4, 2), bool))
    whole = kinds.joined([made("a", labels={"tags": one}), made("b", labels={"tags": many})])
    assert whole.labels["tags"].several.sum(1).tolist() == [1] * 4 + [2] * 4
    assert kinds.joined([made("a"), made("b", labels={"tags": many})]).labels == {}


def test_label_sets_of_other_classes_and_rules_that_differ_do_not_join():
    score = np.linspace(0, 1, 4)
    labels = [{"mood": Labels(classes, np.zeros(4, np.int64))} for classes in (("x", "y"), ("x", "z"))]
    sets = [made("a", score=score, rule=Rule(0.4), labels=labels[0]), made("b", score=score, labels=labels[1])]
    whole = kinds.joined(sets)
    assert whole.labels == {}
    assert whole.rule == Rule(None)


def test_sets_without_lists_are_split_where_others_have_them():
    parts = np.array(["train", "train", "test", ""])
    whole = kinds.joined([made("a", parts=parts), made("b", count=40)])
    assert whole.parts[:4].tolist() == parts.tolist()
    assert set(whole.parts[4:]) == {"train", "validation", "test"}


def test_one_set_is_joined_to_itself():
    alone = made("a")
    assert kinds.joined([alone]) is alone


def test_several_kinds_each_get_the_options_that_they_have(put):
    folder = oasis(put)
    put("fi/awe/1.jpg")
    put("fi/fear/2.jpg")
    data = [("oasis", folder), ("fi", folder / "fi")]
    whole = kinds.read_several(data, {"moods": "yes"})
    assert whole.labels["emotion"].classes == MOODS
    assert "emotion" not in kinds.read_several(data, {}).labels
    with pytest.raises(DataError, match=r"^None of oasis, fi has an option 'delta'\.$"):
        kinds.read_several(data, {"delta": "1"})


@pytest.mark.realdata
def test_the_real_sets_are_whole(realdata):
    sets = [kinds.read(kind, realdata / kind) for kind in ("oasis", "flickr8k")]
    assert [(len(each), each.missing) for each in sets] == [(690, 0), (3000, 0)]
    assert np.bincount(sets[0].labels["category"].index).tolist() == [79, 168, 275, 168]
    means = distributions.mean_of(sets[0].distribution)
    assert np.abs(means - sets[0].score).max() < 0.06  # ratings.csv holds 580 of the 757 people of the norms
    assert kinds.read("evoke", realdata / "gallery").labels["emotion"].index.tolist().count(-1) == 16


@pytest.mark.realdata
def test_no_subject_of_the_real_oasis_is_split(realdata):
    photographs = kinds.read("oasis", realdata / "oasis")
    parts = splits.split(photographs, seed=0, task="emotion")
    by_part = [set(photographs.groups[parts == part]) for part in ("train", "validation", "test")]
    assert sum(map(len, by_part)) == len(set(photographs.groups)) == 193
