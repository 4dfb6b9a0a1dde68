"""What belongs to somebody: their file, being forgotten, leaving."""

import csv
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts import actions, exports, tasks
from accounts.middleware import COOKIE
from accounts.models import Export, User, Visitor
from gallery.models import Rating, RatingEvent, Taste, Visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def written(client, rate, scored) -> Export:
    """An anonymous visitor's file."""
    rate(client, 0, 5)
    rate(client, 0, 3)
    rate(client, 1, 1)
    assert client.post("/settings/data/").status_code == 302
    tasks.take_up_exports()
    return Export.objects.get()


def opened(client, export) -> zipfile.ZipFile:
    response = client.get(f"/settings/data/{export.pk}/evoke-data.zip")
    assert response.status_code == 200
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def test_the_file_holds_everything_as_json_and_csv_with_credits(client, written, photos):
    archive = opened(client, written)
    names = set(archive.namelist())
    for table in ("account", "ratings", "rating_history", "visits", "taste"):
        assert {f"{table}.csv", f"{table}.json"} <= names
        as_csv = list(csv.DictReader(io.StringIO(archive.read(f"{table}.csv").decode())))
        assert len(as_csv) == len(json.loads(archive.read(f"{table}.json")))
        assert f"{table}.csv" in archive.read("README.txt").decode()
    ratings = {row["photo"]: row for row in json.loads(archive.read("ratings.json"))}
    assert ratings[photos[0].pk]["value"] == 3
    assert ratings[photos[0].pk]["source_url"] == "https://example.org/0"
    assert "CC BY 4.0" in ratings[photos[0].pk]["credit"]
    assert [row["value"] for row in json.loads(archive.read("rating_history.json"))] == [5, 3, 1]
    taste = json.loads(archive.read("taste.json"))
    assert len(taste) == 7 and len(taste[0]["mean"]) == len(taste[0]["sd"]) == 68
    assert taste[0]["observations"] == 2


def test_a_cell_that_a_spreadsheet_would_run_is_marked_as_text():
    assert exports._cell("=1+1") == "'=1+1" and exports._cell("Ann") == "Ann" and exports._cell(-1) == -1


def test_only_its_owner_gets_the_file(client, written, sign_up):
    address = f"/settings/data/{written.pk}/evoke-data.zip"
    stranger, member = Client(), Client()
    sign_up(member, "eve@example.org")
    assert stranger.get(address).status_code == member.get(address).status_code == 404
    response = client.get(address)
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    assert client.get(f"/media/{written.file}").status_code == 404


def test_it_comes_along_at_signing_up_and_ends_with_signing_out(client, written, sign_up):
    address = f"/settings/data/{written.pk}/evoke-data.zip"
    sign_up(client)
    assert client.get(address).status_code == 200
    client.post("/account/logout/")
    assert client.get(address).status_code == 404


def test_after_seven_days_the_link_is_dead_and_the_file_is_gone(
    client, written, private_store, django_capture_on_commit_callbacks
):
    assert written.expires_at - timezone.now() > timedelta(days=6, hours=23)
    Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(f"/settings/data/{written.pk}/evoke-data.zip").status_code == 404
    assert list(private_store.iterdir())
    with django_capture_on_commit_callbacks(execute=True):
        tasks.purge()
    assert not list(private_store.iterdir()) and not Export.objects.exists()


def test_asking_twice_makes_one_job_and_a_sixth_of_a_day_is_refused(client, rate):
    rate(client, 0, 5)
    for _ in range(3):
        client.post("/settings/data/")
    assert Export.objects.count() == 1
    visitor = Visitor.objects.get()
    Export.objects.update(state="failed")
    Export.objects.bulk_create(Export(visitor=visitor, state="failed") for _ in range(4))
    response = client.post("/settings/data/")
    assert response.status_code == 429 and "tomorrow" in response.content.decode()


def test_a_worker_that_died_is_followed_by_another_and_two_never_write_one_file(client, rate, monkeypatch):
    rate(client, 0, 5)
    client.post("/settings/data/")
    key = Export.objects.get().pk
    Export.objects.update(state="running", leased_until=timezone.now() + timedelta(minutes=5))
    exports.make(key)
    assert Export.objects.get().state == "running"
    Export.objects.update(leased_until=timezone.now() - timedelta(minutes=5))
    tasks.take_up_exports()
    assert Export.objects.get().state == "ready"


def test_what_cannot_be_written_is_tried_three_times_and_then_told(client, rate, monkeypatch):
    rate(client, 0, 5)
    client.post("/settings/data/")
    monkeypatch.setattr(exports, "_zip", lambda *_: 1 / 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            tasks.take_up_exports()
    assert Export.objects.get().state == "failed"
    assert "could not be written" in client.get("/settings/").content.decode()


def test_forgetting_ones_taste_takes_ratings_history_and_what_was_learnt_and_leaves_settings(client, rate, scored):
    client.post("/settings/", {"moods": ["happy"], "theme": "dark"})
    rate(client, 0, 5)
    Visit.objects.create(visitor=Visitor.objects.get(), mood="sad", seed=1)
    assert Taste.objects.exists()
    client.post("/settings/forget-taste/")
    for table in (Rating, RatingEvent, Taste, Visit):
        assert not table.objects.exists()
    assert Visitor.objects.get().theme == "dark"


def test_an_anonymous_visitor_is_forgotten_at_once_with_files_and_cookie(
    client, written, private_store, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/settings/forget-me/")
    assert not Visitor.objects.exists() and not RatingEvent.objects.exists() and not Export.objects.exists()
    assert not list(private_store.iterdir())
    assert not client.cookies[COOKIE].value


def test_forget_me_does_not_delete_a_member_without_asking(client, sign_up, rate):
    sign_up(client)
    rate(client, 0, 5)
    assert client.post("/settings/forget-me/").headers["Location"] == "/settings/leave/"
    assert Rating.objects.exists()


@pytest.fixture
def left(client, sign_up, rate) -> User:
    """A member who asked to be deleted by the page."""
    rate(client, 0, 5)
    sign_up(client)
    assert "/reauthenticate/" in client.post("/settings/leave/").headers["Location"]
    response = client.post("/account/reauthenticate/?next=/settings/leave/", {"password": "seven quiet herons"})
    assert response.status_code == 200 and "Goodbye" in response.content.decode()
    return User.objects.get()


def test_leaving_signs_out_and_nothing_is_gone_before_fourteen_days(client, left):
    assert "_auth_user_id" not in client.session
    assert timedelta(days=13, hours=23) < left.leaves_at - timezone.now() <= timedelta(days=14)
    tasks.purge()
    assert User.objects.exists() and Rating.objects.exists()


def test_signing_in_takes_it_back_and_says_so(client, left, sign_in):
    sign_in(client)
    assert User.objects.get().leaves_at is None
    assert "Your account stays" in client.get("/settings/").content.decode()


def test_after_the_days_of_grace_everything_is_gone(left, scored):
    User.objects.update(leaves_at=timezone.now() - timedelta(seconds=1))
    tasks.purge()
    for table in (User, Visitor, Rating, RatingEvent, Taste, Visit):
        assert not table.objects.exists(), table


def test_who_decided_things_here_loses_name_and_taste_but_not_the_record(left):
    LogEntry.objects.create(user=left, action_flag=2, object_repr="a photograph")
    User.objects.update(leaves_at=timezone.now() - timedelta(seconds=1))
    assert actions.delete_those_who_left() == 1
    user = User.objects.get()
    assert (user.email, user.is_active, user.has_usable_password()) == ("", False, False)
    assert user.username.startswith("gone-") and not user.emailaddress_set.exists()
    assert LogEntry.objects.count() == 1 and not Visitor.objects.exists()


def test_staff_cannot_delete_themselves():
    with pytest.raises(actions.MayNotLeave):
        actions.ask_to_leave(user=User.objects.create_superuser("root"))


def test_one_cannot_leave_without_signing_in(client):
    assert "/account/login/" in client.get("/settings/leave/").headers["Location"]
