"""Photographs are looked for at their source: gone twice means gone, a new licence is followed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gallery.collect import recheck
from gallery.collect.recheck import Told
from gallery.collect.sources.base import SourceUnreachable
from gallery.models import Photo

pytestmark = pytest.mark.django_db
YESTERDAY = timezone.now().date() - timedelta(days=1)


class Answering:
    """A source that can be asked; it says what the test wants."""

    def __init__(self) -> None:
        self.told: dict[str, Told] = {}
        self.asked: list[list[str]] = []
        self.away = False

    def recheck(self, source_ids):
        self.asked.append(list(source_ids))
        if self.away:
            raise SourceUnreachable("It does not answer.")
        return self.told


@pytest.fixture
def source(monkeypatch) -> Answering:
    answering = Answering()
    monkeypatch.setattr(recheck, "open_source", lambda name, options: answering)
    return answering


@pytest.fixture
def photo(db, new_photo) -> Photo:
    made = new_photo(1, source="flickr")
    made.save()
    return made


def test_gone_once_it_is_remembered_and_gone_on_another_day_it_is_hidden(source, photo):
    source.told = {"1": Told("gone")}
    assert recheck.recheck().missing == 1
    photo.refresh_from_db()
    assert (photo.status, photo.missing_since) == ("shown", timezone.now().date())
    assert recheck.recheck().asked == 0, "the same day says nothing new"
    Photo.objects.update(missing_since=YESTERDAY)
    assert recheck.recheck().hidden == 1
    photo.refresh_from_db()
    assert (photo.status, photo.removed_because) == ("hidden", "gone_at_source")
    assert photo.removed_at is not None
    assert recheck.recheck().asked == 0, "what is not on show is not asked about"


def test_what_is_there_again_is_missing_no_more(source, photo):
    Photo.objects.update(missing_since=YESTERDAY)
    source.told = {"1": Told("there")}
    recheck.recheck()
    photo.refresh_from_db()
    assert (photo.status, photo.missing_since) == ("shown", None)
    assert photo.checked_at is not None


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (Told("there", "CC BY-NC 2.0", "https://creativecommons.org/licenses/by-nc/2.0/"), ("by-nc", "2.0")),
        (Told("there", "All rights reserved"), ("reserved", "")),
        (Told("there", "CC BY 4.0"), ("by", "4.0")),
        (Told("there", "as you like"), ("by", "4.0")),
        (Told("there"), ("by", "4.0")),
    ],
)
def test_a_licence_is_followed_where_the_source_says_one_that_is_known(source, photo, told, kept):
    source.told = {"1": told}
    assert recheck.recheck().relicensed == (kept[0] != "by")
    photo.refresh_from_db()
    assert (photo.licence, photo.licence_version) == kept


def test_no_answer_changes_nothing_but_the_turn(source, photo):
    Photo.objects.update(missing_since=YESTERDAY)
    recheck.recheck()
    photo.refresh_from_db()
    assert (photo.status, photo.missing_since) == ("shown", YESTERDAY)
    assert photo.checked_at is not None


def test_a_source_that_cannot_be_asked_is_asked_another_time(source, photo):
    source.away = True
    assert recheck.recheck().asked == 0
    photo.refresh_from_db()
    assert photo.checked_at is None


def test_the_longest_unasked_come_first_and_only_so_many(source, new_photo):
    now = timezone.now()
    for number, days in enumerate((3, 9, 1)):
        new_photo(number, source="flickr", checked_at=now - timedelta(days=days)).save()
    assert recheck.recheck(2).asked == 2
    assert source.asked == [["1", "0"]]


def test_the_operators_own_files_and_what_is_not_on_show_are_left_alone(source, new_photo):
    for number, facts in enumerate(({"source": "folder"}, {"status": "hidden"}, {"licence": "reserved"})):
        new_photo(number, **facts).save()
    assert recheck.recheck().asked == 0


@pytest.mark.parametrize(
    ("status", "counted"), [(200, "there"), (404, "missing"), (410, "missing"), (403, None), (500, None)]
)
def test_other_sources_are_asked_by_the_page_they_link_to(openverse, new_photo, status, counted):
    openverse.files["/page"] = (status, "text/html", b"<html>")
    new_photo(1, source="elsewhere", source_url=openverse.address + "/page").save()
    seen = recheck.recheck()
    assert (seen.there, seen.missing, seen.asked) == (counted == "there", counted == "missing", 1)


def test_a_redirect_is_followed_and_one_to_a_private_address_is_not(openverse, new_photo, settings):
    openverse.files["/here"] = (302, "/gone", b"")
    new_photo(1, source="elsewhere", source_url=openverse.address + "/here").save()
    assert recheck.recheck().missing == 1
    settings.EVOKE_FETCH_ALLOW = []
    new_photo(2, source="elsewhere", source_url=openverse.address + "/here").save()
    assert recheck.recheck().missing == 0


def test_where_nothing_can_be_reached_it_stops_asking(new_photo, settings):
    settings.EVOKE_FETCH_ALLOW = []
    for number in range(8):
        new_photo(number, source="elsewhere", source_url="http://127.0.0.1:9/").save()
    assert recheck.recheck().asked == recheck.ENOUGH - 1
    assert Photo.objects.filter(checked_at=None).count() == 8 - (recheck.ENOUGH - 1)
