"""The Flickr source against a stand-in that speaks its API, with all that goes wrong there."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.utils import timezone
from standins import flickr as standin

from gallery import licences
from gallery.collect.recheck import Rechecks
from gallery.collect.sources.base import (
    LimitReached,
    Query,
    SourceRefused,
    SourceUnreachable,
    Told,
    names_two_moods,
)
from gallery.collect.sources.flickr import LICENCES, Flickr, open_source
from gallery.models import Quota
from gallery.moods import MOODS

pytestmark = pytest.mark.django_db
NOON = 1_400_000_000
HAPPY = Query("happy", "happy", standin.FIRST, standin.LAST)


@pytest.fixture
def source(flickr) -> Iterator[Flickr]:
    made = open_source({})
    yield made
    made.client.close()


def test_a_record_becomes_a_candidate_with_all_that_credit_needs(flickr, source):
    flickr.add(NOON, "happy", "beach", number=77, owner="12@N01", title="A day out", safety_level="2")
    answer = source.search(HAPPY, 1)
    facts = answer.candidates[0].facts
    assert answer.candidates[0].file_url == f"{flickr.address}/photo/77.jpg"
    assert (facts.source_id, facts.title, facts.creator, facts.owner) == ("77", "A day out", "Owner 12@N01", "12@N01")
    assert facts.source_url == "https://www.flickr.com/photos/12@N01/77/"
    assert (facts.tags, facts.licence, facts.mood_tag, facts.sensitive) == (
        ("happy", "beach"),
        "CC BY 2.0",
        "happy",
        True,
    )
    assert facts.uploaded_at == datetime.fromtimestamp(NOON, UTC)
    assert facts.taken_at == datetime(2010, 5, 1, 12, tzinfo=UTC)
    assert answer.marks == [("77", NOON)] and answer.total == 1


def test_the_largest_size_that_an_owner_shares_is_taken(flickr, source):
    flickr.add(NOON, "happy", url_l="https://a.example/l.jpg", url_o="https://a.example/o.jpg")
    flickr.add(NOON + 1, "happy", url_l="", url_c="https://a.example/c.jpg")
    flickr.add(NOON + 2, "happy", url_l="")
    flickr.add(NOON + 3, "happy", media="video")
    answer = source.search(HAPPY, 1)
    assert [c.file_url for c in answer.candidates[:3]] == ["https://a.example/o.jpg", "https://a.example/c.jpg", ""]
    assert [c.unfit for c in answer.candidates] == ["", "", "no_address", "no_photograph"]
    flickr.add(NOON + 4, "happy", id="")
    answer = source.search(HAPPY, 1)
    assert answer.unusable == {"no_id": 1}
    assert len(answer.marks) == 5, "what cannot be used tells all the same how far the crawl has come"


def test_a_time_that_flickr_made_up_is_none(flickr, source):
    flickr.add(NOON, "happy", datetakenunknown="1")
    flickr.add(NOON, "happy", datetaken="0000-00-00 00:00:00")
    assert [c.facts.taken_at for c in source.search(HAPPY, 1).candidates] == [None, None]


def test_exclusivity_is_judged_on_the_tags_of_the_reply(flickr, source):
    flickr.add(NOON, "happy", "crying")
    flickr.add(NOON, "happy", "joy", title="Alone")
    two, one = source.search(HAPPY, 1).candidates
    assert names_two_moods(two, "happy", source.searches_titles)
    assert not names_two_moods(one, "happy", source.searches_titles), "Flickr is asked by tag, not by title"


def test_every_licence_of_the_table_is_one_that_is_known():
    slugs = {number: licences.parse(name)[0] for number, name in LICENCES.items()}
    assert slugs["0"] == "reserved" and slugs["7"] == "unknown" and slugs["8"] == "us-gov" and slugs["10"] == "pdm"
    assert [slugs[str(n)] for n in range(1, 7)] == ["by-nc-sa", "by-nc", "by-nc-nd", "by", "by-sa", "by-nd"]
    assert [slugs[str(n)] for n in range(11, 17)] == ["by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd"]
    assert {licences.parse(LICENCES[str(n)])[1] for n in range(11, 17)} == {"4.0"}


def test_licences_are_compared_at_the_start_and_unknown_ones_kept_out(flickr, source):
    assert source.check() == []
    flickr.licences += [("17", "CC BY 5.0", "https://creativecommons.org/licenses/by/5.0/")]
    flickr.licences[2] = ("4", "Attribution License", "https://creativecommons.org/licenses/by/4.0/")
    flickr.add(NOON, "happy", licence="17")
    flickr.add(NOON, "happy", licence="4")
    flickr.add(NOON, "happy", licence="9")
    changed, new = source.check()
    assert "licence 4 is Attribution License now" in changed
    assert "not known here: 17 (CC BY 5.0)" in new
    assert [c.unfit for c in source.search(HAPPY, 1).candidates] == ["unknown_licence", "unknown_licence", ""]


def test_a_bad_key_is_one_sentence_and_another_key_goes_on(flickr, settings):
    settings.FLICKR_API_KEYS = ["bad"]
    with pytest.raises(SourceRefused, match="does not take a key"):
        open_source({}).check()
    settings.FLICKR_API_KEYS = ["bad", "key"]
    flickr.add(NOON, "happy")
    mixed = open_source({})
    for _ in range(4):
        assert len(mixed.search(HAPPY, 1).candidates) == 1


def test_no_key_at_all_is_one_sentence(settings):
    settings.FLICKR_API_KEYS = []
    with pytest.raises(SourceRefused, match="FLICKR_API_KEYS"):
        open_source({})


@pytest.mark.parametrize(
    "trouble",
    [
        (503, {}, b""),
        standin.fail(105, "Service currently unavailable"),
        (200, {}, b"<html>maintenance</html>"),
        (200, {}, b"[]"),
        standin.ok({"photos": None}),
    ],
)
def test_a_fault_is_tried_again(flickr, source, trouble):
    flickr.add(NOON, "happy")
    flickr.plan = [trouble]
    if b'"photos": null' in trouble[2]:
        with pytest.raises(SourceUnreachable):
            source.search(HAPPY, 1)
    else:
        assert len(source.search(HAPPY, 1).candidates) == 1
        assert len(flickr.asked) == 2


def test_a_fault_that_lasts_is_one_sentence(flickr, source):
    flickr.plan = [(502, {}, b"")] * 9
    with pytest.raises(SourceUnreachable, match="502"):
        source.search(HAPPY, 1)


def test_a_wrong_query_stops_with_its_text(flickr, source):
    flickr.plan = [standin.fail(3, "Parameterless searches have been disabled")]
    with pytest.raises(SourceRefused, match="code 3: Parameterless"):
        source.search(HAPPY, 1)
    assert len(flickr.asked) == 1


def test_429_rests_that_key_for_as_long_as_it_says(flickr, settings):
    settings.FLICKR_API_KEYS = ["key"]
    source = open_source({})
    flickr.plan = [(429, {"retry-after": "120"}, b"")]
    with pytest.raises(LimitReached) as told:
        source.search(HAPPY, 1)
    assert 110 < (told.value.until - timezone.now()).total_seconds() <= 120
    assert len(flickr.asked) == 1


def test_the_rest_of_one_key_leaves_the_other(flickr, settings):
    settings.FLICKR_API_KEYS = ["key", "other"]
    flickr.keys.add("other")
    flickr.add(NOON, "happy")
    source = open_source({})
    flickr.plan = [(429, {}, b"")]
    for _ in range(3):
        assert len(source.search(HAPPY, 1).candidates) == 1
    assert Quota.objects.exclude(resting_until=None).count() == 1


def test_every_call_takes_a_token_also_a_further_try(flickr, source):
    flickr.plan = [(500, {}, b"")]
    before = Quota.objects.get().tokens
    source.search(HAPPY, 1)
    assert before - Quota.objects.get().tokens == pytest.approx(2, abs=1.0) and len(flickr.asked) == 2


def test_the_slices_of_a_mood_are_its_words(source):
    queries = source.queries(MOODS["fear"], 10, 20)
    assert [query.word for query in queries] == ["fear", "scary", "afraid", "creepy", "horror", "terror"]
    assert {(query.after, query.before, query.mood) for query in queries} == {(10, 20, "fear")}


def test_photographs_are_looked_for_again_with_their_licence(flickr, source):
    flickr.add(NOON, "happy", number=7, licence="9")
    flickr.add(NOON, "happy", number=8, fault="gone")
    flickr.add(NOON, "happy", number=9, licence="99")
    told = source.recheck(["7", "8", "9"])
    assert told == {"7": Told("there", "CC0 1.0"), "8": Told("gone"), "9": Told("there")}
    assert isinstance(source, Rechecks)
    flickr.plan = [(429, {}, b"")]
    assert source.recheck(["7", "8"]) == {}, "what the limit leaves no call for is unknown"
