"""Verification from the database: what is counted, what is kept, what is not told."""

import csv
import datetime
import io
import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from accounts.models import Visitor
from gallery.dataset import concepts, facts, flat, spread, told, variety, verify, words
from gallery.dataset.statistics import wilson
from gallery.models import Candidate, Concept, Crawl, NotDuplicate, Photo, Rating, Score, Verification
from gallery.moods import MOODS as WORDS
from ml import interface

pytestmark = pytest.mark.django_db
MOODS = interface.MOODS


def report() -> dict:
    return verify.verify()[0].report


def of(slug: str, found: dict) -> dict:
    return found["moods"][MOODS.index(slug)]


def test_tables_two_and_three_are_counted(dataset):
    dataset(6, "happy", objects=(1, 2, 3))
    dataset(4, "fear", objects=(1, 1, 1, 9))
    happy, fear = of("happy", report())["objects"], of("fear", report())["objects"]
    assert (happy["n"], happy["distinct"], happy["effective"]) == (6, 3, 3)
    assert [one["name"] for one in happy["frequent"]] == ["thing 1", "thing 2", "thing 3"]
    assert fear["frequent"][0] == {"name": "thing 1", "n": 3, "share": 0.75}
    assert report()["equal_n"] == 4
    # 6 photographs of three classes, 4 drawn: a class is missed by C(4, 4) of C(6, 4) = 15 draws
    assert happy["at_equal_n"] == pytest.approx(3 * 14 / 15, abs=1e-4)
    assert fear["at_equal_n"] == 2
    assert happy["curve"][0] == [1, 1] and happy["curve"][-1] == [6, 3]


def test_the_reports_figures_stand_beside_ours(dataset):
    dataset(1, "happy")
    found = report()
    assert [mood["report"]["classes"] for mood in found["moods"]] == [968, 991, 993, 951, 884, 989]
    assert sum(mood["report"]["photos"] for mood in found["moods"]) == 302_780


def test_equal_input_makes_no_new_row_and_any_other_does(dataset):
    photos = dataset(3, "happy")
    first, new = verify.verify()
    assert new and verify.verify() == (first, False)
    changes = [
        lambda: Photo.objects.filter(pk=photos[0].pk).update(licence="by-nc"),
        lambda: Score.objects.filter(photo=photos[0]).update(valence=6.5),
        lambda: Concept.objects.filter(photo=photos[0]).update(classes=[7, 8, 9, 10, 11]),
        lambda: Rating.objects.create(photo=photos[0], visitor=Visitor.objects.create(), felt="sad"),
        lambda: Photo.objects.filter(pk=photos[1].pk).update(status="hidden"),
        lambda: NotDuplicate.objects.create(first=photos[0], second=photos[1]),
    ]
    for number, change in enumerate(changes, start=2):
        change()
        assert verify.verify()[1]
        assert Verification.objects.count() == number


def test_the_same_photographs_give_the_same_report(dataset):
    for mood in ("happy", "fear"):
        dataset(12, mood, objects=(1, 2, 3))
    first = report()
    Verification.objects.all().delete()
    assert report() == first


def test_nothing_of_the_data_set_is_told_in_one_sentence(db, media, namer):
    with pytest.raises(CommandError, match="There is nothing to verify"):
        call_command("verify_dataset")
    assert not Verification.objects.exists()


def test_words_and_network_agree_as_far_as_they_do(dataset):
    dataset(6, "happy")
    dataset(2, "happy", seen="sad")
    dataset(4, "sad")
    pair = report()["agreement"]["words_network"]
    assert pair["table"][0][:2] == [6, 2]
    assert pair["agree"]["value"] == pytest.approx(10 / 12, abs=1e-4)
    # by chance 8/12 x 6/12 + 4/12 x 6/12 = .5
    assert pair["kappa"]["value"] == pytest.approx((10 / 12 - 0.5) / 0.5, abs=1e-4)
    assert pair["moods"][0]["agree"]["n"] == 8
    assert pair["moods"][2]["agree"]["n"] == 0 and pair["moods"][2]["kappa"] is None


def test_what_visitors_felt_is_told_only_of_enough_of_them(dataset):
    photos = dataset(6, "happy")
    visitors = [Visitor.objects.create() for _ in range(5)]
    for visitor in visitors[:4]:
        Rating.objects.create(photo=photos[0], visitor=visitor, felt="happy")
    found = report()
    assert found["agreement"]["words_felt"] is None and found["agreement"]["network_felt"] is None
    assert found["feelers"] is None
    Rating.objects.create(photo=photos[1], visitor=visitors[4], felt="sad")
    found = report()
    assert found["agreement"]["words_felt"]["table"][0][:2] == [1, 1]
    assert found["feelers"] == 5


def test_a_photograph_felt_two_ways_alike_has_no_felt_mood(dataset):
    photos = dataset(2, "happy")
    for felt in ("sad", "sad", "happy", "happy", "fear"):
        Rating.objects.create(photo=photos[0], visitor=Visitor.objects.create(), felt=felt)
    for felt in ("happy", "happy", "sad"):
        Rating.objects.create(photo=photos[1], visitor=Visitor.objects.create(), felt=felt)
    found = facts.collect(interface.active().id, "namer-00000001", "")
    assert list(found.felt) == [-1, 0]


def test_a_visitor_is_nowhere_in_the_report(dataset):
    photos = dataset(6, "happy")
    visitors = [Visitor.objects.create() for _ in range(6)]
    for visitor in visitors:
        Rating.objects.create(photo=photos[0], visitor=visitor, felt="happy", value=3)
    text = json.dumps(report())
    assert not [visitor for visitor in visitors if str(visitor.pk) in text]


def crawled(photo, mood, word):
    crawl = Crawl.objects.get_or_create(
        source="test",
        defaults={
            "moods": [mood],
            "since": datetime.datetime(2005, 1, 1, tzinfo=datetime.UTC),
            "until": datetime.datetime(2006, 1, 1, tzinfo=datetime.UTC),
        },
    )[0]
    return Candidate(
        crawl=crawl, source="test", source_id=str(photo.pk), mood=mood, word=word, file_url="https://example.org/",
        facts={}, state="stored", photo=photo,
    )  # fmt: skip


def test_a_word_is_judged_by_what_it_brought_in(dataset):
    good, bad = dataset(60, "solitude"), dataset(40, "solitude", seen="sad", objects=(5,), tags=["alone", "solitude"])
    dataset(60, "happy", tags=["joy"])
    Candidate.objects.bulk_create(crawled(photo, "solitude", "alone") for photo in bad)
    Candidate.objects.bulk_create(crawled(photo, "solitude", "lonely") for photo in good)
    found = report()
    rows = {row["word"]: row for row in found["words"]}
    assert set(rows) == {"alone", "lonely", "joy"}, "the crawl's word goes before the tags"
    assert rows["alone"]["verdict"] == "misleads" and rows["lonely"]["verdict"] == "holds"
    assert rows["alone"]["instead"] == {"mood": "sad", "share": 1}
    assert (
        "It brings in what it should not. More often it sees sad (100\u00a0%). It shows more thing 5."
        in rows["alone"]["sentence"]
    )
    assert found["verdict"] == (
        "3 words brought in enough photographs to be judged. “alone” (solitude) brings in what should not be there."
    )


def test_words_are_read_from_tags_and_title_where_no_crawl_named_one(dataset):
    dataset(1, "fear", tags=["Scary", "dog"], title="Afraid of nothing")
    dataset(1, "fear", tags=["unafraid"], title="A horrorshow")
    found = facts.collect(interface.active().id, "", "")
    assert set(found.words.names) == {("fear", "scary"), ("fear", "afraid")}
    assert [found.words.of(code).tolist() for code in range(2)] == [[0], [0]]


@pytest.mark.parametrize(
    ("hits", "n", "others", "strangers", "verdict"),
    [
        (5, 10, 0.5, 0.1, "too_few"),
        (60, 100, 0.55, 0.1, "holds"),
        (6700, 10_000, 0.69, 0.08, "holds"),
        (8, 20, 0.6, 0.1, "unclear"),
        (400, 1000, 0.6, 0.1, "dilutes"),
        (20, 100, 0.6, 0.1, "misleads"),
        (1, 100, 0.6, 0.1, "misleads"),
        (60, 100, None, 0.1, "holds"),
        (60, 100, 0.1, 0.3, "holds"),
        (20, 100, 0.1, 0.3, "misleads"),
        (30, 100, 0.1, 0.3, "unclear"),
        (60, 100, 0.5, None, "unclear"),
    ],
)
def test_verdicts(hits, n, others, strangers, verdict):
    assert words.verdict(wilson(hits, n), others, strangers) == verdict


def test_alike_is_where_a_share_lies_between_strangers_and_the_other_words():
    assert words.alike(0.3, 0.5, 0.1) == pytest.approx(0.5)
    assert words.alike(0.05, 0.5, 0.1) == 0 and words.alike(0.9, 0.5, 0.1) == 1
    assert words.alike(0.3, 0.1, 0.1) is None and words.alike(0.3, None, 0.1) is None


def test_nearest_neighbours_are_no_kin(dataset):
    """Of three alike, one by the same creator and one of the same cluster: the nearest is somebody else's."""
    near, far = np.r_[1, np.zeros(63)], np.r_[0.8, 0.6, np.zeros(62)]
    first = dataset(1, "happy", vectors=near, creator="Ann")[0]
    dataset(1, "sad", vectors=near, creator="Ann")
    dataset(1, "sad", vectors=near, cluster=first.pk)
    dataset(1, "happy", vectors=far)
    found = facts.collect(interface.active().id, "", "")
    happy = spread.spread(found, interface.active().id)[0]
    assert (happy["n"], happy["distance"]) == (2, pytest.approx(0.2, abs=1e-3))
    assert (happy["neighbours"]["n"], happy["neighbours"]["value"]) == (2, 1), "Ann's finds the far one"


def test_streams_in_pieces_are_the_same_as_at_once(dataset, monkeypatch):
    for mood in MOODS:
        dataset(7, mood, objects=(1, 2), tags=[WORDS[mood].synonyms[0]])
    whole = report()
    Verification.objects.all().delete()
    for module in (facts, spread):
        monkeypatch.setattr(module, "CHUNK", 4)
    assert report() == whole


def test_objects_stand_with_objects_or_in_scenes(dataset, namer, monkeypatch):
    photos = dataset(8, "happy", objects=(1, 1, 1, 2))
    Concept.objects.filter(classes__0=1).update(classes=[1, 25, 21, 22, 23])
    pair, *more = of("happy", report())["together"]
    # 6 of 8 show the one, the same 6 the other: 6 x 8 / (6 x 6); two show the others, too few to tell
    assert pair == {"first": "thing 1", "second": "thing 25", "n": 6, "lift": pytest.approx(8 / 6, abs=1e-4)}
    assert not more, "a class of four per cent is not seen"
    scenes = type(namer)("scenes-00000001", classes=4, k=4, indoor=(True, True, False, False))
    monkeypatch.setattr(interface, "scene_classifier", lambda: scenes)
    Concept.objects.bulk_create(
        Concept(
            photo=photo, kind="scene", classifier=scenes.name,
            classes=[0, 1, 2] if i < 6 else [2, 3, 1], probabilities=[0.5, 0.2, 0.1],
        )
        for i, photo in enumerate(photos)
    )  # fmt: skip
    happy = of("happy", report())
    assert happy["scenes"]["distinct"] == 2
    assert (happy["scenes"]["indoor"]["value"], happy["scenes"]["indoor"]["n"]) == (0.75, 8)
    assert happy["together"][0] == {
        "first": "thing 1",
        "second": "thing 0",
        "n": 5,
        "lift": pytest.approx(10 / 9, abs=1e-4),
    }


def at(year):
    return datetime.datetime(year, 6, 1, tzinfo=datetime.UTC)


def test_years_and_trend(dataset):
    dataset(30, "anger", uploaded_at=at(2008), objects=(1, 1, 1, 2))
    dataset(40, "anger", uploaded_at=at(2015), objects=(2, 2, 2, 1))
    dataset(5, "anger", uploaded_at=None)
    anger = of("anger", report())
    assert [(row["year"], row["n"]) for row in anger["years"]] == [(2008, 30), (2015, 40)]
    assert anger["years"][1]["frequent"][0]["name"] == "thing 2"
    assert (anger["trend"]["since"], anger["trend"]["before"], anger["trend"]["after"]) == (2015, 30, 40)
    assert [one["name"] for one in anger["trend"]["rising"]] == ["thing 2"]
    assert [one["name"] for one in anger["trend"]["falling"]] == ["thing 1"]
    assert of("happy", report())["trend"] is None


def test_holdings_are_counted(dataset):
    photos = dataset(3, "sad", creator="Ann", licence="by-nd", width=3000, height=2000, bytes=10)
    dataset(1, "sad", creator="", owner="", licence="reserved", width=1000, height=2000, bytes=20)
    Photo.objects.filter(pk__in=[photo.pk for photo in photos[:2]]).update(cluster=photos[0].pk)
    sad = of("sad", report())
    assert [(one["slug"], one["n"], one["redistributes"]) for one in sad["licences"]] == [
        ("by-nd", 3, True), ("reserved", 1, False),
    ]  # fmt: skip
    assert (sad["creators"]["n"], sad["creators"]["unknown"], sad["creators"]["most"]) == (1, 1, 3)
    assert sad["sizes"]["megapixels"]["50"] == 6 and sad["sizes"]["bytes"] == 50
    assert (sad["sizes"]["wide"], sad["sizes"]["tall"], sad["sizes"]["square"]) == (3, 1, 0)
    assert sad["duplicates"] == {"groups": 1, "spare": 1, "largest": 2}


def test_what_the_crawl_turned_away_is_counted(dataset):
    photos = dataset(3, "sad")
    rows = [crawled(photo, "sad", "grief") for photo in photos]
    for row, reason in zip(rows, ["two_moods", "two_moods", "too_small"], strict=True):
        row.state, row.rejected_because, row.photo = "rejected", reason, None
    Candidate.objects.bulk_create(rows)
    Photo.objects.filter(pk=photos[0].pk).update(status="removed", removed_because="two_moods")
    away = report()["turned_away"]
    assert away["reasons"] == {"two_moods": 2, "too_small": 1}
    assert away["removed"] == {"two_moods": 1}


def test_photographs_without_scores_or_concepts_are_counted_all_the_same(dataset, pictures):
    dataset(3, "happy")
    Score.objects.all().delete()
    found = report()
    assert found["photos"] == 3
    assert found["agreement"]["words_network"] is None
    assert of("happy", found)["affect"] is None and of("happy", found)["spread"]["distance"] is None
    assert "\n".join(told.lines(Verification.objects.get()))


def test_the_queries_do_not_grow_with_the_photographs(dataset, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    dataset(6, "happy")
    with CaptureQueriesContext(connection) as few:
        verify.verify()
    for mood in MOODS:
        dataset(30, mood, uploaded_at=at(2010), tags=["joy"])
    with django_assert_num_queries(len(few)):
        verify.verify()


def test_the_command_tells_it_in_words_or_json(dataset):
    dataset(6, "happy")
    out = io.StringIO()
    call_command("verify_dataset", stdout=out)
    assert "Variety (Table 2)" in out.getvalue() and "47,000" in out.getvalue()
    out = io.StringIO()
    call_command("verify_dataset", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert found["photos"] == 6 and found["fingerprint"] == Verification.objects.get().fingerprint


def test_one_can_say_which_network_names_objects(dataset, namer, monkeypatch):
    asked = []
    monkeypatch.setattr(interface, "object_classifier", lambda name="": asked.append(name) or namer)
    dataset(1, "happy")
    call_command("verify_dataset", stdout=io.StringIO())
    assert set(asked) == {""}
    asked.clear()
    call_command("verify_dataset", "--objects", "resnet34", stdout=io.StringIO())
    assert set(asked) == {"resnet34"}
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("verify_dataset", "--objects", "vgg")


def test_a_broken_scene_classifier_is_told(dataset, monkeypatch):
    def broken():
        raise interface.NetworkFileError("IO_places365.txt is missing beside the weights of Places365.")

    dataset(1, "happy")
    monkeypatch.setattr(interface, "scene_classifier", broken)
    with pytest.raises(CommandError, match="is missing beside the weights"):
        call_command("verify_dataset")


def test_every_row_of_the_table_has_every_column(dataset):
    for mood in MOODS:
        dataset(25, mood, uploaded_at=at(2010), tags=[WORDS[mood].synonyms[0]])
    rows = list(flat.rows(report()))
    assert {len(row) for row in rows} == {len(flat.HEADER)}
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    tables = {row[0] for row in rows}
    assert {"objects", "words", "licences", "years", "words and network", "valence", "neighbours"} <= tables


def test_rounding_leaves_no_number_that_json_does_not_know(dataset):
    dataset(2, "happy")
    json.dumps(report(), allow_nan=False)


@pytest.mark.realdata
def test_real_photographs_are_verified(realdata, media):
    """Twenty of them with the packaged classifier and the shipped network."""
    from gallery.collect.intake import Facts, take_in

    for number, path in enumerate(sorted((realdata / "gallery" / "photos").iterdir())[:20]):
        told_of = Facts(source="test", source_id=str(number), title=path.stem, mood_tag=("happy", "sad")[number % 2])
        assert take_in(path.read_bytes(), told_of).photo is not None
    found = report()
    assert found["objects"] == {"classifier": "efficientnet-lite2-9656183e", "classes": 1000}
    assert found["photos"] == 20 and sum(mood["objects"]["n"] for mood in found["moods"]) == 20
    assert concepts.fill() == concepts.Filled()
    assert sum(mood["objects"]["distinct"] for mood in found["moods"]) > 10
    assert variety.smallest(np.array([[3, 0], [0, 0], [1, 1]])) == 2
