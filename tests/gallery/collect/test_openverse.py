"""The Openverse path against a stand-in that speaks its API: limits, 401, 429, dead links, and worse."""

import time
from io import StringIO

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from gallery.collect.sources.base import LimitReached, Query, SourceUnreachable, moods_named
from gallery.collect.sources.client import open_client
from gallery.collect.sources.openverse import Openverse
from gallery.models import Photo
from gallery.moods import MOODS

from .conftest import encoded, picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_process")]


@pytest.fixture
def ask(openverse, settings):
    """A source that asks the stand-in, with ten seconds to spend on a request."""
    with open_client(settings.OPENVERSE_API_URL) as client:
        yield lambda **more: Openverse(client, patience=10, **more)


HAPPY = Query("happy", "happy")


def found(source: Openverse) -> list[str]:
    """Ids of all pages of one query."""
    ids: list[str] = []
    for page in range(1, 100):
        answer = source.search(HAPPY, page)
        ids += [candidate.facts.source_id for candidate in answer.candidates]
        if answer.last:
            break
    return ids


def run(**options) -> str:
    out = StringIO()
    call_command("import_openverse", stdout=out, **{"per_mood": 3, "seconds": 30, **options})
    return out.getvalue()


def test_it_brings_photographs_with_their_credit(openverse, media):
    for i in range(3):
        openverse.add("happy", i, encoded(picture(i)))
    assert "3  stored" in run()
    photo = Photo.objects.on_show().first()
    assert (photo.source, photo.creator, photo.licence, photo.licence_version, photo.mood_tag) == (
        "openverse",
        "Ann",
        "by",
        "2.0",
        "happy",
    )
    assert "3  here already" in run()


def test_it_asks_for_free_licences_twenty_a_page_and_nothing_mature(openverse, ask):
    openverse.add("happy", 1)
    found(ask())
    assert openverse.asked[0] | {"page": "1"} == openverse.asked[0]
    assert openverse.asked[0]["license"] == "cc0,pdm,by"
    assert openverse.asked[0]["mature"] == "false"
    assert openverse.asked[0]["page_size"] == "20"


def test_it_stops_at_the_last_page_and_at_the_depth_that_a_query_has(openverse, ask):
    openverse.burst = 100
    for i in range(300):
        openverse.add("happy", i)
    assert len(found(ask())) == 240
    assert len(openverse.asked) == 12


def test_401_for_a_larger_page_means_ask_for_less(openverse, ask):
    openverse.add("happy", 1)
    source = ask(page_size=50)
    assert len(found(source)) == 1
    assert [q["page_size"] for q in openverse.asked] == ["50", "20"]


def test_429_is_obeyed_and_asked_again(openverse, ask):
    openverse.add("happy", 1)
    openverse.refuse_first = 1
    source = ask()
    with pytest.raises(LimitReached) as told:
        found(source)
    assert told.value.until <= timezone.now()
    assert len(found(source)) == 1


def test_a_rest_that_it_asks_for_holds_for_every_worker(openverse, ask):
    openverse.add("happy", 1)
    openverse.refuse_first, openverse.retry_after = 1, "3600"
    for source in (ask(), ask(), ask()):
        with pytest.raises(LimitReached) as told:
            found(source)
        assert 3500 < (told.value.until - timezone.now()).total_seconds() <= 3600
    assert len(openverse.asked) == 1, "the second worker does not ask"


def test_a_wait_longer_than_there_is_time_ends_the_run(openverse, ask):
    openverse.refuse_first, openverse.retry_after = 1, "3600"
    with pytest.raises(LimitReached):
        found(ask())
    assert len(openverse.asked) == 1


def test_it_ends_before_a_limit_rather_than_after(openverse, ask):
    openverse.burst = 2
    for i in range(100):
        openverse.add("happy", i)
    with pytest.raises(LimitReached):
        found(ask())
    assert len(openverse.asked) == 2


def test_a_fault_of_the_server_is_tried_again(openverse, ask):
    openverse.add("happy", 1)
    openverse.fail_first = 1
    assert len(found(ask())) == 1


def test_without_a_network_it_says_so_at_once(settings):
    settings.OPENVERSE_API_URL = "http://127.0.0.1:9"
    started = time.monotonic()
    with pytest.raises(CommandError, match="cannot be reached"):
        run()
    assert time.monotonic() - started < 20


def test_an_answer_that_is_no_json_is_one_sentence():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>"))
    with httpx.Client(transport=transport, base_url="http://example.org") as client, pytest.raises(SourceUnreachable):
        Openverse(client, patience=1).search(HAPPY, 1)


def test_words_of_two_moods_are_left_out_and_counted(openverse, media):
    openverse.add("happy", 1, encoded(picture(1)))
    openverse.add("happy", 2, encoded(picture(2)), title="Alone on a hill")
    openverse.add("happy", 3, encoded(picture(3)), tags=[{"name": "joy"}, {"name": "crying"}])
    assert "2  left out: their words name two moods" in run()
    assert Photo.objects.count() == 1


def test_moods_are_named_by_whole_words():
    assert moods_named("Sadler's Wells, a fearless man") == set()
    assert moods_named("Alone, happy!") == {"solitude", "happy"}


def test_bad_links_are_counted_and_the_rest_goes_on(openverse, media):
    good = openverse.add("happy", 1, encoded(picture(1)))
    openverse.add("happy", 2)  # 404
    openverse.files["/files/page.jpg"] = (200, "image/jpeg", b"<html>not here</html>")
    openverse.add("happy", 3, url=openverse.address + "/files/page.jpg")
    openverse.files["/files/there.jpg"] = (302, good["url"], b"")
    openverse.add("sad", 4, url=openverse.address + "/files/there.jpg")
    said = run()
    assert "1  rejected, the source has it no more" in said
    assert "1  rejected, not a JPEG, PNG, WebP or AVIF photograph" in said
    assert "1  stored" in said and "1  here already" in said, "a redirect is followed; the same bytes are stored once"


def test_an_address_that_is_not_public_is_refused_and_the_rest_goes_on(openverse, media):
    openverse.add("happy", 1, encoded(picture(1)))
    openverse.add("happy", 2, url="http://169.254.169.254/latest")
    said = run()
    assert "1  stored" in said
    assert "1  rejected, its address is not a public one: http://169.254.169.254/latest" in said


def test_robots_txt_is_obeyed(openverse, media):
    openverse.files["/robots.txt"] = (200, "text/plain", b"User-agent: *\nDisallow: /files/")
    openverse.add("happy", 1, encoded(picture(1)))
    assert "1  rejected, its host's robots.txt forbids it" in run()


def test_no_mood_goes_empty_when_requests_run_out(openverse, media):
    openverse.burst = 6
    for place, mood in enumerate(MOODS):
        for i in range(25):
            openverse.add(mood, i, encoded(picture(100 * place + i, (320, 300))) if i < 2 else None)
    said = run(per_mood=30)
    assert "No time is left" in said
    assert set(Photo.objects.values_list("mood_tag", flat=True)) == set(MOODS)
    assert len(openverse.asked) == 6


@pytest.mark.parametrize(
    "junk", [{"results": None}, {"results": ["no", 3, {}]}, {"page_count": "many"}, {"results": {}}]
)
def test_a_strange_answer_is_an_empty_one(junk):
    body = {"page_count": 1, "results": [], **junk}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    with httpx.Client(transport=transport, base_url="http://example.org") as client:
        assert found(Openverse(client)) == []


def test_what_it_calls_sensitive_is_and_broken_text_is_mended(openverse, media):
    openverse.add("happy", 1, encoded(picture(1)), unstable__sensitivity=["sensitive_text"])
    openverse.add("happy", 2, encoded(picture(2)), title="half \ud83d a pair", id="2\x00", tags=[{"name": "\udc00"}])
    assert "2  stored" in run()
    assert Photo.objects.get(title="Photograph 1").sensitive
    assert Photo.objects.get(title="half a pair").tags == []


def test_a_run_ends_when_its_time_is_over_however_slowly_files_come(openverse, media):
    """Each file would take many minutes; the command would not come back before pytest's patience ends."""
    openverse.drip = 0.2
    for i in range(12):
        openverse.add("happy", i, encoded(picture(i)))
    assert "12  rejected, it did not arrive in time" in run(per_mood=12, seconds=2)


@pytest.mark.parametrize("options", [{"per_mood": 0}, {"seconds": 0}])
def test_nothing_asked_for_is_refused(options):
    with pytest.raises(CommandError, match="more than nothing"):
        run(**options)
