"""Takedowns: hidden at once, decided, reversed; what is removed stays away and loses its files."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.utils import timezone

from accounts.models import User
from gallery.collect import creators, duplicates, removals
from gallery.collect.creators import Creator
from gallery.collect.removals import TakedownError
from gallery.models import Photo, Quota, Rendition, Takedown

pytestmark = pytest.mark.django_db
SHOWN, HELD, HIDDEN, REMOVED = (Photo.Status(name) for name in ("shown", "held", "hidden", "removed"))


@pytest.fixture
def photos(db, new_photo) -> list[Photo]:
    """Three by Ann of Flickr, one by another Ann, one by Bo without any id."""
    ann = {"source": "flickr", "owner": "12345@N01", "creator": "Ann"}
    return Photo.objects.bulk_create(
        [
            new_photo(0, **ann),
            new_photo(1, **ann, status=HELD),
            new_photo(2, source="openverse", creator="Ann", creator_url="https://www.flickr.com/people/12345@N01/"),
            new_photo(3, source="flickr", owner="777777@N02", creator="ann"),
            new_photo(4, creator="Bo"),
        ]
    )


@pytest.fixture
def keeper(db) -> User:
    return User.objects.create_user("keeper")


def blocked(*facts, **more) -> str:
    return duplicates.blocked([duplicates.Newcomer(*facts, **more)])[0]


def statuses(photos: list[Photo]) -> list[str]:
    found = Photo.objects.in_bulk([photo.pk for photo in photos])
    return [found[photo.pk].status for photo in photos]


def test_a_photograph_is_hidden_at_once_and_shown_again_when_refused(photos, keeper):
    takedown = removals.ask(photo=photos[1], reason="Mine")
    assert statuses(photos)[:2] == [SHOWN, HIDDEN]
    removals.refuse(takedown, by=keeper, decision="Not yours.")
    assert statuses(photos)[1] == HELD
    takedown.refresh_from_db()
    assert (takedown.state, takedown.decided_by, takedown.decision) == ("refused", keeper, "Not yours.")


def test_granted_it_is_removed_with_a_date_and_reversed_it_is_as_before(photos, keeper):
    takedown = removals.ask(photo=photos[1])
    removals.grant(takedown, by=keeper, decision="Yours.")
    photo = Photo.objects.get(pk=photos[1].pk)
    assert (photo.status, photo.removed_because, photo.removed_at.date()) == (
        REMOVED,
        "on_request",
        timezone.now().date(),
    )
    assert blocked("flickr", "1") == "removed"
    removals.reverse(takedown, by=keeper, decision="A mistake.")
    photo.refresh_from_db()
    assert (photo.status, photo.removed_because, photo.removed_at) == (HELD, "", None)
    assert blocked("else", "1", phash=photo.phash) == ""


def test_a_decision_is_made_once(photos, keeper):
    takedown = removals.ask(photo=photos[0])
    removals.grant(takedown, by=keeper, decision="Yes.")
    with pytest.raises(TakedownError, match="granted already"):
        removals.grant(takedown, by=keeper, decision="Yes.")
    with pytest.raises(TakedownError, match="granted already"):
        removals.refuse(takedown, by=keeper, decision="No.")
    removals.reverse(takedown, by=keeper, decision="No.")
    removals.grant(takedown, by=keeper, decision="Yes, after all.")
    assert statuses(photos)[0] == REMOVED


def test_near_duplicates_go_with_it(photos, keeper):
    Photo.objects.filter(pk__in=[photos[0].pk, photos[4].pk]).update(cluster=photos[0].pk)
    photos[4].refresh_from_db()
    removals.ask(photo=photos[4])
    assert statuses(photos) == [HIDDEN, HELD, SHOWN, SHOWN, HIDDEN]


def test_a_photograph_that_two_ask_for_stays_hidden_until_both_are_refused(photos, keeper):
    first, second = removals.ask(photo=photos[0]), removals.ask(photo=photos[0])
    removals.refuse(first, by=keeper, decision="No.")
    assert statuses(photos)[0] == HIDDEN
    removals.refuse(second, by=keeper, decision="No.")
    assert statuses(photos)[0] == SHOWN


def test_a_photograph_removed_by_two_requests_stays_removed_when_one_is_reversed(photos, keeper):
    first, second = removals.ask(photo=photos[0]), removals.ask(creator=Creator("flickr", "12345@N01"))
    removals.grant(second, by=keeper, decision="Yes.")
    removals.grant(first, by=keeper, decision="Yes.")
    removals.reverse(first, by=keeper, decision="No.")
    assert statuses(photos)[:3] == [REMOVED] * 3


def test_what_an_admin_had_hidden_stays_hidden_when_a_request_is_refused(photos, keeper):
    Photo.objects.filter(pk=photos[0].pk).update(status=HIDDEN)
    removals.refuse(removals.ask(photo=photos[0]), by=keeper, decision="No.")
    assert statuses(photos)[0] == HIDDEN


def test_a_creators_request_hides_all_of_theirs_whatever_the_source_and_nobody_elses(photos):
    creator = creators.who("https://flickr.com/photos/12345@N01/", "")
    removals.ask(creator=creator)
    assert statuses(photos) == [HIDDEN, HIDDEN, HIDDEN, SHOWN, SHOWN]


def test_it_covers_what_comes_in_later_as_long_as_it_stands(photos, keeper):
    takedown = removals.ask(creator=Creator("flickr", "12345@N01"))
    for told in ({"owner": "12345@n01"}, {"creator_url": "http://www.flickr.com/photos/12345@N01"}):
        assert blocked("flickr", "99", **told) == "creator_opted_out"
    assert blocked("flickr", "99", owner="777777@N02", creator="Ann") == ""
    removals.refuse(takedown, by=keeper, decision="No.")
    assert blocked("flickr", "99", owner="12345@N01") == ""


def test_a_name_counts_where_nothing_better_is_known(photos):
    assert removals.who("bo", "") == Creator("", name="bo")
    removals.ask(creator=Creator("", name="bo"))
    assert statuses(photos)[4] == HIDDEN
    assert blocked("anywhere", "5", creator="Bo") == "creator_opted_out"
    assert blocked("anywhere", "5", creator="") == ""


def test_a_name_of_several_people_asks_for_an_address(photos):
    with pytest.raises(TakedownError, match="address of your profile"):
        removals.who("Ann", "")
    assert removals.who("Ann", "openverse") == Creator("flickr", "12345@N01"), "one person there, known by an id"


@pytest.mark.parametrize(
    ("text", "creator"),
    [
        ("12345@n01", Creator("flickr", "12345@N01")),
        ("https://www.flickr.com/photos/12345@N01/with/9/", Creator("flickr", "12345@N01")),
        ("flickr.com/photos/Ann_B", Creator("", "flickr.com/photos/ann_b")),
        ("https://Example.org/Ann/?tab=1", Creator("", "example.org/ann")),
        ("Ann  B. Cee", Creator("test", name="Ann B. Cee")),
        ("http://[bad/", Creator("test", name="http://[bad/")),
    ],
)
def test_who_is_meant(text, creator):
    assert creators.who(text, "test") == creator


def test_an_address_is_not_taken_for_a_longer_one(new_photo):
    for number, url in enumerate(("https://a.org/ann", "https://a.org/anna", "http://www.a.org/Ann/")):
        new_photo(number, creator_url=url).save()
    assert creators.photographs(creators.who("a.org/ann")).count() == 2


def test_one_request_hides_only_so_many_before_a_person_looked(photos, keeper, monkeypatch):
    monkeypatch.setattr(removals, "MOST_AT_ONCE", 2)
    takedown = removals.ask(creator=Creator("flickr", "12345@N01"))
    assert statuses(photos)[:3] == [HIDDEN, HIDDEN, SHOWN]
    assert removals.waits(takedown) == 1
    removals.grant(takedown, by=keeper, decision="Yes.")
    assert statuses(photos)[:3] == [REMOVED] * 3
    removals.reverse(takedown, by=keeper, decision="No.")
    assert statuses(photos)[:3] == [SHOWN, HELD, SHOWN]


def test_all_undecided_requests_together_hide_only_so_many(photos, monkeypatch):
    monkeypatch.setattr(removals, "MOST_UNDECIDED", 1)
    removals.ask(photo=photos[0])
    second = removals.ask(photo=photos[4])
    assert statuses(photos)[4] == SHOWN
    assert removals.waits(second) == 1


def test_an_address_may_ask_only_so_often(db):
    assert [removals.may_ask("a") for _ in range(10)] == [0.0] * 10
    assert removals.may_ask("a") > 60
    assert removals.may_ask("b") == 0.0


@pytest.mark.parametrize("text", ["{}", "#{}", "/photo/{}/", "https://evoke.example/photo/{}/?mood=sad", " {} "])
def test_a_photograph_is_found_by_its_number_or_address(photos, text):
    assert removals.find(text.format(photos[2].pk)) == photos[2]


def test_a_photograph_is_found_by_its_page_at_the_source(photos):
    assert removals.find("https://www.flickr.com/photos/12345@N01/1/in/album") == photos[1]
    Photo.objects.filter(pk=photos[4].pk).update(source_url="https://a.org/p/4")
    assert removals.find("https://a.org/p/4") == photos[4]


@pytest.mark.parametrize("text", ["999999", "", "a hill", "https://a.org/", "9" * 30, "/photo/x/", "\x00"])
def test_what_is_no_photograph_is_said_in_a_sentence(photos, text):
    with pytest.raises(TakedownError, match="No such photograph"):
        removals.find(text)


def with_files(photo: Photo, name: str = "renditions/aa/1-240.webp") -> None:
    original = storages["originals"].save("aa/1.jpg", ContentFile(b"original"))
    Photo.objects.filter(pk=photo.pk).update(original=original)
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(b"small"))
    Rendition.objects.create(photo=photo, width=240, height=160, format="webp", file=name, bytes=5)


def test_files_go_a_month_after_and_the_row_with_its_hashes_stays(photos, keeper, media):
    with_files(photos[0])
    removals.grant(removals.ask(photo=photos[0], email="a@b.org"), by=keeper, decision="Yes.")
    assert removals.purge() == 0
    later = timezone.now() + timedelta(days=30, minutes=1)
    assert removals.purge(later) == 1
    assert not [path for path in media.rglob("*") if path.is_file()]
    photo = Photo.objects.get(pk=photos[0].pk)
    assert (photo.original.name, bytes(photo.thumbhash), photo.renditions.count()) == ("", b"", 0)
    assert blocked("else", "7", sha256=photo.sha256) == "removed"
    assert Takedown.objects.get().email == ""
    assert removals.purge(later) == 0


def test_a_file_that_another_photograph_uses_stays(photos, keeper, media):
    with_files(photos[0])
    with_files(photos[4])
    removals.grant(removals.ask(photo=photos[0]), by=keeper, decision="Yes.")
    assert removals.purge(timezone.now() + timedelta(days=31)) == 1
    assert default_storage.exists("renditions/aa/1-240.webp")


def test_reversed_after_its_files_are_gone_it_stays_hidden_and_says_why(photos, keeper, media):
    with_files(photos[0])
    takedown = removals.ask(photo=photos[0])
    removals.grant(takedown, by=keeper, decision="Yes.")
    removals.purge(timezone.now() + timedelta(days=31))
    removals.reverse(takedown, by=keeper, decision="A mistake.")
    photo = Photo.objects.get(pk=photos[0].pk)
    assert (photo.status, photo.removed_because) == (HIDDEN, "files_deleted")
    assert blocked("flickr", "0") == ""


def test_rows_of_limits_do_not_pile_up(db):
    removals.may_ask("a")
    removals.purge(timezone.now() + timedelta(days=3))
    assert not Quota.objects.exists()


def test_what_was_removed_or_has_gone_is_listed(photos, keeper):
    removals.take_down([photos[0]], by=keeper, decision="By law.")
    Photo.objects.filter(pk=photos[2].pk).update(
        status=HIDDEN, removed_because="gone_at_source", removed_at=timezone.now()
    )
    removals.ask(photo=photos[4])
    today = timezone.now().date()
    assert list(removals.listed()) == [
        ("flickr", "0", today, "on_request"),
        ("openverse", "2", today, "gone_at_source"),
    ]
    assert Takedown.objects.get(state="granted").decided_by == keeper


def test_a_decision_on_a_creators_many_costs_few_queries(new_photo, keeper, django_assert_max_num_queries):
    Photo.objects.bulk_create([new_photo(number, creator="Cy") for number in range(200)])
    with django_assert_max_num_queries(12):
        takedown = removals.ask(creator=Creator("", name="Cy"))
    with django_assert_max_num_queries(12):
        removals.grant(takedown, by=keeper, decision="Yes.")
    with django_assert_max_num_queries(12):
        removals.reverse(takedown, by=keeper, decision="No.")


def test_a_request_that_names_nobody_is_about_nothing(new_photo):
    new_photo(1, creator="").save()
    assert not creators.photographs(Creator("")).exists()
