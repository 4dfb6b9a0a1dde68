"""A whole crawl against the stand-in Flickr, with everything that can go wrong on the way."""

import json
import threading
import time
from io import StringIO

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection
from standins.flickr import FIRST, made_up

from gallery.collect import claims, robots
from gallery.collect import crawl as engine
from gallery.collect.arrivals import TICK, Arrivals
from gallery.models import Candidate, Crawl, Photo, Slice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("in_process", "media")]


def crawl(*moods: str, **options) -> dict:
    out = StringIO()
    call_command("crawl", "flickr", moods=list(moods) or ["happy"], json=True, stdout=out, **options)
    return json.loads(out.getvalue().splitlines()[-1])


def test_photographs_come_with_their_credit_and_are_shown(flickr):
    for day in range(5):
        flickr.add(FIRST + 86_400 * day, "happy", "beach")
    said = crawl()
    assert (said["state"], said["stored"], said["candidates"]) == ("done", 5, 5)
    photo = Photo.objects.on_show().first()
    assert (photo.source, photo.licence, photo.licence_version, photo.mood_tag) == ("flickr", "by", "2.0", "happy")
    assert photo.renditions.exists() and photo.thumbhash and photo.uploaded_at.year == 2005
    assert set(Candidate.objects.values_list("photo_id", flat=True)) == set(Photo.objects.values_list("pk", flat=True))


def test_the_same_command_again_begins_anew_and_doubles_nothing(flickr):
    for day in range(4):
        flickr.add(FIRST + day, "happy")
    crawl()
    said = crawl()
    assert Crawl.objects.count() == 2 and said["stored"] == 0
    assert Photo.objects.count() == 4 and len(flickr.fetched) == 4


def test_what_is_no_photograph_is_counted_by_its_reason(flickr):
    for fault in ("gone", "truncated", "html", "inside", "header X-Robots-Tag: noai", "header tdm-reservation: 1"):
        flickr.add(FIRST, "happy", fault=fault)
    flickr.add(FIRST, "happy", url_l="")
    flickr.add(FIRST, "happy", licence="99")
    flickr.add(FIRST, "happy")
    said = crawl()
    assert said["stored"] == 1 == Photo.objects.count()
    assert said["rejected"] == {
        "gone": 1,
        "damaged": 1,
        "wrong_type": 1,
        "address_refused": 1,
        "opted_out": 2,
        "no_address": 1,
        "unknown_licence": 1,
    }


def test_robots_txt_is_obeyed_before_any_photograph_is_asked_for(flickr):
    flickr.robots = b"User-agent: evoke\nDisallow: /photo/\n"
    flickr.add(FIRST, "happy")
    assert crawl()["rejected"] == {"robots": 1}
    assert flickr.fetched == []


def test_a_host_that_wants_pauses_between_requests_is_given_them(flickr, monkeypatch):
    flickr.robots = b"User-agent: *\nCrawl-delay: 3\n"
    slept: list[float] = []
    monkeypatch.setattr(robots.time, "sleep", slept.append)
    for second in range(4):
        flickr.add(FIRST + second, "happy")
    assert crawl()["stored"] == 4
    turns = sorted(slept)[-3:]
    assert [round(turn / 3) for turn in turns] == [1, 2, 3], "one after the other, whichever thread asks"


def test_what_failed_for_now_is_tried_again_later_and_only_that(flickr, monkeypatch):
    monkeypatch.setattr(claims, "PAUSE", 0.01)
    good, bad = flickr.add(FIRST, "happy"), flickr.add(FIRST + 1, "happy", fault="unavailable")
    said = crawl()
    assert (said["stored"], said["failed"], said["state"]) == (1, 1, "done")
    assert flickr.fetched.count(bad.number) == claims.ATTEMPTS
    flickr.faults.clear()
    said = crawl(retry=True)
    assert (said["stored"], said["failed"]) == (2, 0)
    assert flickr.fetched.count(good.number) == 1 and Crawl.objects.count() == 1


def test_a_photograph_of_two_moods_is_dropped_and_counted(flickr):
    flickr.add(FIRST, "happy", "sad")
    flickr.add(FIRST, "happy")
    said = crawl("happy", "sad")
    assert said["rejected"] == {"two_moods": 1} and said["stored"] == 1


def test_one_that_returns_under_another_mood_is_dropped_even_when_it_was_stored(flickr):
    photo = flickr.add(FIRST, "happy")
    assert crawl("happy")["stored"] == 1
    flickr.by_tag["sorrow"].append(photo)  # tagged so since
    crawl("sad")
    stored = Photo.objects.get()
    assert (stored.status, stored.removed_because) == (Photo.Status.REMOVED, "two_moods")
    assert Candidate.objects.get().rejected_because == "two_moods"


def test_the_same_bytes_are_kept_once(flickr):
    content = made_up(1)
    for second in range(3):
        flickr.add(FIRST + second, "happy", content=content)
    said = crawl()
    assert said["stored"] == 1 and said["rejected"] == {"duplicate": 2}


def test_what_was_removed_never_comes_back_neither_by_id_nor_by_looks(flickr):
    flickr.add(FIRST, "happy", content=made_up(5))
    crawl()
    Photo.objects.update(status=Photo.Status.REMOVED, removed_because="on_request")
    Candidate.objects.all().delete()
    flickr.add(FIRST + 1, "happy", content=made_up(5, (640, 480)))
    said = crawl(fresh=True)
    assert said["stored"] == 0 and said["rejected"] == {"removed": 2}
    assert Photo.objects.count() == 1


def test_a_limit_is_shared_out_among_the_moods(flickr):
    for second in range(12):
        flickr.add(FIRST + second, "happy")
        flickr.add(FIRST + second, "sad")
    said = crawl("happy", "sad", limit=7)
    assert said["stored"] == 7 and said["state"] == "done"
    moods = list(Photo.objects.values_list("mood_tag", flat=True))
    assert (moods.count("happy"), moods.count("sad")) == (4, 3)


def test_a_crawl_is_paused_and_goes_on(flickr):
    flickr.latency = 0.05
    for second in range(40):
        flickr.add(FIRST + second, "happy")

    def pause() -> None:
        while not Candidate.objects.exists():
            threading.Event().wait(0.01)
        Crawl.objects.update(state=Crawl.State.PAUSED)
        connection.close()

    thread = threading.Thread(target=pause)
    thread.start()
    said = crawl()
    thread.join()
    assert said["state"] == "paused"
    assert not Candidate.objects.filter(worker__isnull=False, state="waiting").exists()
    said = crawl()
    assert (said["state"], said["stored"]) == ("done", 40) and Crawl.objects.count() == 1
    assert Photo.objects.count() == 40


def test_a_bad_key_and_a_bad_day_are_one_sentence(flickr, settings):
    with pytest.raises(CommandError, match="2005-01-01"):
        crawl(since="yesterday")
    settings.FLICKR_API_KEYS = ["wrong"]
    with pytest.raises(CommandError, match="does not take a key"):
        crawl()
    assert Crawl.objects.get().state == Crawl.State.FAILED


def test_without_a_network_the_slices_fail_and_can_be_tried_again(flickr, monkeypatch):
    monkeypatch.setattr(engine, "REST", 0.01)
    monkeypatch.setattr(engine, "TRIES", 1)
    flickr.add(FIRST, "happy")
    real = flickr._search
    monkeypatch.setattr(flickr, "_search", lambda query: (403, {}, b"no"))
    assert crawl()["slices_failed"] == 5
    monkeypatch.setattr(flickr, "_search", real)
    assert crawl(retry=True)["stored"] == 1
    assert not Slice.objects.filter(state=Slice.State.FAILED).exists()


def test_rows_of_a_dead_worker_are_taken_up_at_once(flickr):
    flickr.add(FIRST, "happy")
    crawl(no_renditions=True)
    Photo.objects.all().delete()
    Crawl.objects.update(state=Crawl.State.RUNNING)
    Candidate.objects.update(state=Candidate.State.WAITING, worker=12345, photo=None)
    Slice.objects.update(worker=12345)
    assert crawl()["stored"] == 1


def test_photographs_go_on_coming_while_rows_are_written_and_a_fault_in_that_ends_it(flickr, monkeypatch):
    came: list[bool] = []

    def settle(batch, worker) -> None:
        at_first, until = len(flickr.fetched), time.monotonic() + 20
        while len(flickr.fetched) == at_first and time.monotonic() < until:
            time.sleep(0.01)
        came.append(len(flickr.fetched) > at_first)
        raise ZeroDivisionError

    monkeypatch.setattr(engine, "BATCH", 2)
    monkeypatch.setattr(claims, "settle", settle)
    for second in range(60):
        flickr.add(FIRST + second, "happy")
    with pytest.raises(ZeroDivisionError):
        crawl()
    assert came == [True]
    assert not Candidate.objects.filter(worker__isnull=False).exists(), "what was in hand is anybody's again"


def test_with_nothing_to_fetch_it_asks_now_and_then_and_not_all_the_time():
    arrivals = Arrivals(renderers=None, content=lambda url: None)
    started = time.monotonic()
    assert list(arrivals.of([None] * 3)) == [None] * 3
    assert time.monotonic() - started >= 3 * TICK
    arrivals.close()


def test_a_folder_is_a_source_like_any_other(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(made_up(number))
    (folder / "bad.jpg").write_bytes(b"no")
    rows = ["file,mood,licence,tags", "0.jpg,happy,CC0,", "1.jpg,happy,CC BY 4.0,crying", "2.jpg,sad,CC0,"]
    (folder / "manifest.csv").write_text("\n".join([*rows, "bad.jpg,happy,CC0,"]))
    out = StringIO()
    call_command("crawl", "folder", folder=str(folder), json=True, stdout=out)
    said = json.loads(out.getvalue())
    assert said["stored"] == 2 and said["rejected"] == {"two_moods": 1, "wrong_type": 1}
    assert set(Photo.objects.values_list("mood_tag", flat=True)) == {"happy", "sad"}
    with pytest.raises(CommandError, match="--folder"):
        call_command("crawl", "folder")


def test_a_fault_of_our_own_ends_the_crawl_and_is_not_waited_for(flickr, monkeypatch):
    flickr.add(FIRST, "happy")
    monkeypatch.setattr(claims, "write_page", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        crawl()
    assert Crawl.objects.get().state == Crawl.State.RUNNING
    assert not Slice.objects.filter(worker__isnull=False).exists()


@pytest.mark.realdata
def test_real_photographs_come_whole(flickr, realdata):
    """Those of the gallery, judged by a person to fit a mood or none, as if Flickr had them."""
    flickr.add_folder(realdata / "gallery" / "photos", lambda name: "happy")
    said = crawl(limit=24)
    assert said["stored"] == 24 and said["state"] == "done"
    first = Photo.objects.on_show().order_by("uploaded_at").first()
    with storages["originals"].open(first.original.name) as file:
        assert file.read() == flickr.contents[int(first.source_id)], "the bytes are kept as they came"
