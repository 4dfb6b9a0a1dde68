"""The Openverse path against a stand-in that speaks its API: limits, 401, 429, dead links, and worse."""

import time
from io import StringIO

import httpx
import pytest
from django.core.management import CommandError, call_command

from gallery.collect.sources.openverse import LimitReached, Openverse, SourceUnreachable, moods_named, open_api
from gallery.models import Photo
from gallery.moods import MOODS

from .conftest import encoded, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(openverse, settings):
    """A source that asks the stand-in, with ten seconds to spend."""
    with open_api(settings.OPENVERSE_API_URL) as client:
        yield lambda **more: Openverse(client, time.monotonic() + 10, **more)


def run(**options) -> str:
    out = StringIO()
    call_command("import_openverse", stdout=out, **{"per_mood": 3, "seconds": 30, **options})
    return out.getvalue()


def test_it_brings_photographs_with_their_credit(openverse, media):
    for i in range(3):
        openverse.add("happy", i, encoded(picture(i)))
    assert "3 photographs stored" in run()
    photo = Photo.objects.on_show().first()
    assert (photo.source, photo.creator, photo.licence, photo.licence_version, photo.mood_tag) == (
        "openverse",
        "Ann",
        "by",
        "2.0",
        "happy",
    )
    assert "0 photographs stored, 3 were here already" in run()


def test_it_asks_for_free_licences_twenty_a_page_and_nothing_mature(openverse, ask):
    openverse.add("happy", 1)
    list(ask().candidates(MOODS["happy"]))
    assert openverse.asked[0] | {"page": "1"} == openverse.asked[0]
    assert openverse.asked[0]["license"] == "cc0,pdm,by"
    assert openverse.asked[0]["mature"] == "false"
    assert openverse.asked[0]["page_size"] == "20"


def test_it_stops_at_the_last_page_and_at_the_depth_that_a_query_has(openverse, ask):
    openverse.burst = 100
    for i in range(300):
        openverse.add("happy", i)
    assert len(list(ask().candidates(MOODS["happy"]))) == 240
    assert len(openverse.asked) == 12


def test_401_for_a_larger_page_means_ask_for_less(openverse, ask):
    openverse.add("happy", 1)
    source = ask(page_size=50)
    assert len(list(source.candidates(MOODS["happy"]))) == 1
    assert [q["page_size"] for q in openverse.asked] == ["50", "20"]


def test_429_is_obeyed_and_asked_again(openverse, ask):
    openverse.add("happy", 1)
    openverse.refuse_first = 1
    assert len(list(ask().candidates(MOODS["happy"]))) == 1


def test_a_wait_longer_than_there_is_time_ends_the_run(openverse, ask):
    openverse.refuse_first, openverse.retry_after = 1, "3600"
    with pytest.raises(LimitReached):
        list(ask().candidates(MOODS["happy"]))
    assert len(openverse.asked) == 1


def test_it_ends_before_a_limit_rather_than_after(openverse, ask):
    openverse.burst = 2
    for i in range(100):
        openverse.add("happy", i)
    with pytest.raises(LimitReached):
        list(ask().candidates(MOODS["happy"]))
    assert len(openverse.asked) == 2


def test_a_fault_of_the_server_is_tried_again(openverse, ask):
    openverse.add("happy", 1)
    openverse.fail_first = 1
    assert len(list(ask().candidates(MOODS["happy"]))) == 1


def test_without_a_network_it_says_so_at_once(settings):
    settings.OPENVERSE_API_URL = "http://127.0.0.1:9"
    started = time.monotonic()
    with pytest.raises(CommandError, match="cannot be reached"):
        run()
    assert time.monotonic() - started < 20


def test_an_answer_that_is_no_json_is_one_sentence():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>"))
    with httpx.Client(transport=transport, base_url="http://example.org") as client, pytest.raises(SourceUnreachable):
        list(Openverse(client, time.monotonic() + 5).candidates(MOODS["happy"]))


def test_words_of_two_moods_are_left_out_and_counted(openverse, media):
    openverse.add("happy", 1, encoded(picture(1)))
    openverse.add("happy", 2, encoded(picture(2)), title="Alone on a hill")
    openverse.add("happy", 3, encoded(picture(3)), tags=[{"name": "joy"}, {"name": "crying"}])
    assert "2 left out: their words name two moods" in run()
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
    assert "1 rejected, the source has it no more" in said
    assert "1 rejected, not a JPEG, PNG, WebP or AVIF photograph" in said
    assert "1 photographs stored, 1 were here already" in said, "a redirect is followed; the same bytes are stored once"


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/a.jpg", "http://169.254.169.254/latest", "http://[::1]/a.jpg", "http://[::ffff:10.0.0.1]/a.jpg",
     "file:///etc/passwd", "http://0.0.0.0/a.jpg", "http://192.168.1.1:8080/a.jpg"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(openverse, media, url):
    openverse.add("happy", 1, encoded(picture(1)))
    openverse.add("happy", 2, url=url)
    assert "its address is not a public one" in run()
    assert Photo.objects.count() == 1


def test_a_redirect_to_a_private_address_is_refused(openverse, media):
    openverse.add("happy", 1, encoded(picture(1)))
    openverse.files["/files/away.jpg"] = (302, "http://10.0.0.1/a.jpg", b"")
    openverse.add("happy", 2, url=openverse.address + "/files/away.jpg")
    assert "1 rejected, its address is not a public one" in run()


def test_this_machine_itself_is_refused_unless_allowed(openverse, media, settings):
    openverse.add("happy", 1, encoded(picture(1)))
    settings.EVOKE_FETCH_ALLOW = []
    assert "1 rejected, its address is not a public one" in run()
    assert not Photo.objects.exists()


def test_a_name_that_resolves_to_a_private_address_is_refused(openverse, media, monkeypatch):
    import socket

    real = socket.getaddrinfo

    def answer(host, *args, **more):
        if host == "photos.example.org":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 80))]
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    openverse.add("happy", 1, url="http://photos.example.org/a.jpg")
    assert "1 rejected, its address is not a public one" in run()


@pytest.mark.parametrize("options", [{"per_mood": 0}, {"seconds": 0}])
def test_nothing_asked_for_is_refused(options):
    with pytest.raises(CommandError, match="more than nothing"):
        run(**options)
