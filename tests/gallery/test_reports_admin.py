"""The moderators' queue in the admin: who may do what, blurred photographs, decisions and taking them back."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User, Visitor
from gallery import reports
from gallery.models import Decision, Photo, Report
from ml import interface

pytestmark = pytest.mark.django_db
QUEUE = "/admin/gallery/report/"


@pytest.fixture
def photos(collection) -> list[Photo]:
    return collection(4)


@pytest.fixture
def staff(db):
    """staff(*permissions): a client signed in as somebody with these alone."""

    def make(*permissions: str, client: Client | None = None) -> Client:
        user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = client or Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def moderator(staff) -> Client:
    return staff("view_report", "change_report", "view_decision", "change_takedown")


def report(photo, reason="wrong_mood", note="") -> Report:
    who = Visitor.objects.create()
    return reports.report(photo=photo, reporter=reports.Reporter(who, str(who.pk)), reason=reason, note=note)


def decide(client, photo, kind="keep", reason="So."):
    return client.post(f"{QUEUE}{photo.pk}/decide/", {"kind": kind, "reason": reason}, follow=True)


def test_a_day_of_a_moderator(moderator, photos):
    report(photos[0], "distressing", note="It <hurts>.")
    page = moderator.get(QUEUE).content.decode()
    assert photos[0].title in page and "It &lt;hurts&gt;." in page and "Distressing" in page
    assert '<details class="look">' in page and "<details open" not in page and "style=" not in page
    page = decide(moderator, photos[0], "sensitive", "Some would mind.").content.decode()
    assert "mark sensitive. Pages follow" in page and "Nothing waits here." in page
    decision = Decision.objects.get()
    assert (decision.by.username, decision.reason) == ("staff0", "Some would mind.")
    assert "Some would mind." in LogEntry.objects.get().change_message
    page = moderator.post(f"/admin/gallery/decision/{decision.pk}/take-back/", {"reason": "Nobody did."}, follow=True)
    assert "taken back" in page.content.decode()
    assert not Photo.objects.get(pk=photos[0].pk).sensitive
    assert "Nobody did." in moderator.get(QUEUE).content.decode()


def test_who_looks_does_not_decide(staff, photos):
    report(photos[0], "person")
    looks = staff("view_report", "view_decision")
    page = looks.get(QUEUE).content.decode()
    assert photos[0].title in page and "/decide/" not in page
    assert decide(looks, photos[0]).status_code == 403
    decision = Decision.objects.get()
    assert looks.post(f"/admin/gallery/decision/{decision.pk}/take-back/", {"reason": "x"}).status_code == 403
    assert Decision.objects.get().taken_back_at is None


def test_taking_down_and_taking_that_back_ask_for_more(staff, moderator, photos):
    report(photos[0])
    some = staff("view_report", "change_report")
    assert 'value="remove"' not in some.get(QUEUE).content.decode()
    assert decide(some, photos[0], "remove").status_code == 403
    assert decide(moderator, photos[0], "remove").status_code == 200
    assert Photo.objects.get(pk=photos[0].pk).status == "removed"
    back = f"/admin/gallery/decision/{Decision.objects.get().pk}/take-back/"
    assert some.post(back, {"reason": "x"}).status_code == 403
    assert moderator.post(back, {"reason": "x"}).status_code == 302
    assert Photo.objects.get(pk=photos[0].pk).status == "shown"


def test_others_see_nothing(staff, client, photos):
    assert staff("view_photo").get(QUEUE).status_code == 403
    assert client.get(QUEUE).status_code == 302
    assert decide(staff("view_photo"), photos[0]).status_code == 403
    assert not Decision.objects.exists()


def test_decisions_want_a_token_and_a_post(staff, photos):
    client = staff("view_report", "change_report", client=Client(enforce_csrf_checks=True))
    assert decide(client, photos[0]).status_code == 403
    assert client.get(f"{QUEUE}{photos[0].pk}/decide/").status_code == 405
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    ("kind", "reason", "sentence"),
    [
        ("keep", " ", "Say why: whoever reported it is told."),
        ("keep", "a\x00b", "Say why: whoever reported it is told."),
        ("keep", "x" * 2001, "Say it in at most 2000 characters."),
        ("burn", "x", "Choose one of the decisions."),
    ],
)
def test_a_decision_has_a_kind_and_a_reason(moderator, photos, kind, reason, sentence):
    report(photos[0])
    assert sentence in decide(moderator, photos[0], kind, reason).content.decode()
    assert not Decision.objects.exists()


def test_the_queue_makes_few_queries_however_long_it_is(moderator, photos, django_assert_num_queries, collection):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    report(photos[0], note="One.")
    with CaptureQueriesContext(
        connection,
    ) as few:
        moderator.get(QUEUE)
    for photo in [*photos[1:], *collection(8, seed=1)]:
        report(photo, "broken", note="More.")
        report(photo, "sensitive")
    with CaptureQueriesContext(connection) as many:
        moderator.get(QUEUE)
    assert len(many) == len(few)


def test_it_says_whether_the_safety_model_is_on(moderator, photos, monkeypatch):
    assert "manage.py install_weights safety" in moderator.get(QUEUE).content.decode()
    monkeypatch.setattr(interface, "safety_installed", lambda: True)
    assert "from 0.5 on it needs review, from 0.95 on it is held" in moderator.get(QUEUE).content.decode()


def test_held_and_hidden_photographs_are_found_again(moderator, photos):
    for photo, kind in zip(photos, ("hold", "hide"), strict=False):
        decide(moderator, photo, kind)
    for way, photo in (("held", photos[0]), ("hidden", photos[1])):
        page = moderator.get(QUEUE, {"way": way}).content.decode()
        assert re.findall(r'id="case-(\d+)"', page) == [str(photo.pk)]
        assert "Take back: " in page
    assert moderator.get(QUEUE, {"way": "nowhere", "page": "x"}).status_code == 200


def test_the_log_of_decisions_offers_to_take_one_back(moderator, photos):
    decide(moderator, photos[0], "hide")
    page = moderator.get(f"/admin/gallery/decision/{Decision.objects.get().pk}/change/").content.decode()
    assert "Take it back" in page
    assert moderator.get("/admin/gallery/decision/").status_code == 200
