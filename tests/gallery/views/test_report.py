"""Reporting a photograph as somebody meets it: say what is wrong without an account, be told what was decided."""

import re

import pytest
from django.test import Client

from accounts.models import User, Visitor
from gallery import reports
from gallery.collect import removals
from gallery.models import Decision, Photo, Quota, Report, Takedown

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(collection) -> list[Photo]:
    return collection(6)


def send(client, photo, reason="wrong_mood", **said):
    return client.post(f"/photo/{photo.pk}/report/", {"reason": reason, **said})


def status(photo) -> str:
    return Photo.objects.get(pk=photo.pk).status


def test_the_page_of_a_photograph_leads_to_the_form(client, photos):
    assert f'href="/photo/{photos[0].pk}/report/"' in client.get(f"/photo/{photos[0].pk}/").content.decode()
    page = client.get(f"/photo/{photos[0].pk}/report/").content.decode()
    assert photos[0].title in page
    assert len(re.findall(r'type="radio"', page)) == 7


def test_looking_at_the_form_makes_no_visitor(client, photos):
    client.get(f"/photo/{photos[0].pk}/report/")
    assert not Visitor.objects.exists()
    assert set(client.cookies) == {"csrftoken"}


def test_a_report_gives_a_receipt_and_changes_nothing_by_itself(client, photos):
    response = send(client, photos[0], note="It is <happy>.")
    kept = Report.objects.get()
    assert (response.status_code, response.headers["Location"]) == (302, f"/report/{kept.receipt}/")
    assert len(kept.receipt) >= 20
    assert (kept.note, kept.counts, kept.decision) == ("It is <happy>.", True, None)
    assert status(photos[0]) == "shown"
    page = client.get(response.headers["Location"]).content.decode()
    assert "<h1>Received</h1>" in page
    assert f"http://testserver/report/{kept.receipt}/" in page


def test_a_receipt_is_for_its_holder_alone(client, photos):
    response = client.get(send(client, photos[0]).headers["Location"])
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert client.get("/report/guess/").status_code == 404


def test_the_same_report_twice_is_one(client, photos):
    first, second = send(client, photos[0]), send(client, photos[0], note="Once more.")
    assert first.headers["Location"] == second.headers["Location"]
    send(client, photos[0], "distressing")
    assert Report.objects.count() == 2


def test_a_child_or_private_person_is_held_at_once(client, photos):
    page = client.get(send(client, photos[0], "person").headers["Location"]).content.decode()
    assert status(photos[0]) == "held"
    assert "Until a person has looked at it, the photograph is not shown." in page
    assert client.get(f"/photo/{photos[0].pk}/").status_code == 404
    decision = Decision.objects.get()
    assert (decision.automatic, decision.by, decision.before["status"]) == (True, None, "shown")


def test_one_visitor_cannot_hold_many(client, photos):
    for photo in photos:
        assert send(client, photo, "person").status_code == 302
    assert Report.objects.count() == len(photos), "those beyond the limit are queued all the same"
    assert Photo.objects.filter(status="held").count() == reports.HOLDS.burst


def test_nor_does_a_new_cookie_help(photos):
    for photo in photos:
        send(Client(), photo, "person")
    assert Photo.objects.filter(status="held").count() == reports.HOLDS.burst


@pytest.mark.parametrize(("reason", "words"), [("mine", "It is theirs"), ("copyright", "copyright")])
def test_what_is_theirs_is_taken_down_without_a_second_form(client, photos, reason, words):
    response = send(client, photos[0], reason, note="I made it.")
    takedown = Takedown.objects.get()
    assert response.headers["Location"] == f"/takedown/{takedown.receipt}/"
    assert words in takedown.reason and "I made it." in takedown.reason
    assert status(photos[0]) == "hidden"
    assert not Report.objects.exists()


def test_takedowns_by_this_form_have_the_limit_of_the_other(client, photos):
    for _ in range(removals.LIMIT.burst):
        client.post("/takedown/", {"creator": "Nobody here"})
    response = send(client, photos[0], "mine")
    assert response.status_code == 429
    assert status(photos[0]) == "shown"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"reason": ""}, "Choose what is wrong with it."),
        ({"reason": "spite"}, "Choose what is wrong with it."),
        ({"reason": "broken", "note": "x" * 1001}, "Say it in at most 1,000 characters."),
        ({"reason": "broken", "note": "a\x00b"}, "Say it in at most 1,000 characters."),
        ({"reason": "broken", "website": "http://spam.example"}, "Leave the field that says so empty"),
    ],
)
def test_bad_input_gets_one_sentence_and_keeps_nothing(client, photos, said, sentence):
    response = send(client, photos[0], **said)
    alerts = re.findall(r'role="alert"[^>]*>([^<]+)<', response.content.decode())
    assert response.status_code == 422
    assert len(alerts) == 1 and sentence in alerts[0]
    assert not Report.objects.exists()


def test_text_of_strangers_is_escaped(client, photos):
    page = send(client, photos[0], "", note="</textarea><b>x").content.decode()
    assert "<b>x" not in page and "&lt;b&gt;x" in page


def test_it_is_refused_without_a_token(photos):
    assert send(Client(enforce_csrf_checks=True), photos[0]).status_code == 403
    assert not Report.objects.exists()


def test_what_is_not_on_show_cannot_be_reported(client, photos):
    Photo.objects.filter(pk=photos[0].pk).update(status="hidden")
    assert client.get(f"/photo/{photos[0].pk}/report/").status_code == 404
    assert send(client, photos[0]).status_code == 404


def test_a_sensitive_photograph_is_not_shown_on_the_form(client, photos):
    Photo.objects.filter(pk=photos[0].pk).update(sensitive=True)
    page = client.get(f"/photo/{photos[0].pk}/report/").content.decode()
    assert "<figure" not in page and photos[0].title in page


def test_too_many_reports_wait_and_no_address_is_kept(client, photos, collection):
    many = [*photos, *collection(8, seed=1)]
    for photo in many[: reports.LIMIT.burst]:
        assert send(client, photo).status_code == 302
    response = send(client, many[-1], note="Kept words.")
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 60
    assert "Kept words." in response.content.decode()
    assert send(Client(), many[-1]).status_code == 429, "a new cookie has the address's limit"
    assert "127.0.0.1" not in str(list(Quota.objects.values()))


@pytest.mark.parametrize(
    ("kind", "heading"),
    [("keep", "Kept"), ("sensitive", "Marked as sensitive"), ("mood", "Noted"), ("rescore", "Looked at anew"),
     ("hold", "Not shown"), ("hide", "Hidden"), ("remove", "Taken down")],
)  # fmt: skip
def test_the_decision_and_its_reason_are_told_not_who(client, photos, kind, heading):
    address = send(client, photos[0]).headers["Location"]
    reports.decide(photo=photos[0], kind=kind, by=User.objects.create_user("keeper"), reason="As <it> is.")
    page = client.get(address).content.decode()
    assert f"<h1>{heading}</h1>" in page
    assert "As &lt;it&gt; is." in page and "keeper" not in page


def test_a_decision_taken_back_is_told(client, photos):
    address = send(client, photos[0]).headers["Location"]
    keeper = User.objects.create_user("keeper")
    decision = reports.decide(photo=photos[0], kind="keep", by=keeper, reason="Fine.")
    reports.take_back(decision=decision, by=keeper, reason="Not fine.")
    assert "<h1>Looked at again</h1>" in client.get(address).content.decode()


def test_a_status_page_asks_little(client, photos, django_assert_max_num_queries):
    address = send(client, photos[0], "person").headers["Location"]
    with django_assert_max_num_queries(4):
        client.get(address)
