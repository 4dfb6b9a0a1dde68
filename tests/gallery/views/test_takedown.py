"""The takedown pages as somebody meets them: ask without an account, be told what became of it."""

import re

import pytest

from accounts.models import User
from gallery.collect import removals
from gallery.models import Photo, Quota, Takedown

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(collection) -> list[Photo]:
    return collection(6)


def ask(client, **said):
    return client.post("/takedown/", said)


def test_the_page_of_a_photograph_leads_to_a_form_that_names_it(client, photos):
    address = f"/takedown/?photo={photos[2].pk}"
    assert f'href="{address}"' in client.get(f"/photo/{photos[2].pk}/").content.decode()
    page = client.get(address).content.decode()
    assert f'name="photo" maxlength="1000" value="{photos[2].pk}"' in page
    assert photos[2].title in page


def test_a_request_hides_at_once_and_gives_a_receipt(client, photos):
    response = ask(client, photo=f"http://testserver/photo/{photos[2].pk}/?mood=happy", reason="It is <mine>.")
    takedown = Takedown.objects.get()
    assert (response.status_code, response.headers["Location"]) == (302, f"/takedown/{takedown.receipt}/")
    assert client.get(f"/photo/{photos[2].pk}/").status_code == 404
    assert f'id="p{photos[2].pk}"' not in client.get("/mood/happy/").content.decode()
    page = client.get(response.headers["Location"]).content.decode()
    assert "1 photograph is hidden from every page" in page
    assert f"http://testserver/takedown/{takedown.receipt}/" in page
    assert (takedown.photo_id, takedown.reason, len(takedown.receipt) >= 20) == (photos[2].pk, "It is <mine>.", True)


def test_a_creator_asks_for_all_of_theirs(client, photos):
    Photo.objects.filter(pk__in=[photo.pk for photo in photos[:3]]).update(creator="Ann & Co")
    page = client.get(ask(client, creator="ann & co").headers["Location"]).content.decode()
    assert "3 photographs are hidden" in page
    assert "all by ann &amp; co" in page
    assert Photo.objects.filter(status="hidden").count() == 3


def test_a_creator_without_photographs_here_is_kept_out_all_the_same(client, db):
    page = client.get(ask(client, creator="flickr.com/photos/12345@N01").headers["Location"]).content.decode()
    assert "No photograph of yours hangs here now" in page


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "Name either one photograph or one creator."),
        ({"photo": "1", "creator": "Ann"}, "Name either one photograph or one creator."),
        ({"photo": "no number"}, "No such photograph hangs here: its number stands in the address of its page."),
        ({"photo": "999999999"}, "No such photograph hangs here"),
        ({"photo": "a\x00b"}, "That is no number or address of a photograph."),
        ({"creator": "A"}, "too short for a name"),
        ({"creator": "Unknown"}, "That is nobody’s name"),
        ({"creator": "Ann", "source": "nowhere"}, "Choose one of the places in the list."),
        ({"creator": "Ann", "email": "ann"}, "That is not an e-mail address; it may also stay empty."),
        ({"creator": "Ann", "reason": "x" * 2001}, "Say it in at most 2,000 characters."),
        ({"creator": "Ann", "website": "http://spam.example"}, "Leave the field that says so empty"),
        ({"photo": "x" * 1001}, "That is no number or address of a photograph."),
    ],
)
def test_bad_input_gets_one_sentence_and_keeps_what_was_typed(client, photos, said, sentence):
    response = ask(client, **said)
    page = response.content.decode()
    assert response.status_code == 422
    alerts = re.findall(r'role="alert"[^>]*>([^<]+)<', page)
    assert len(alerts) == 1 and sentence in alerts[0]
    assert not Takedown.objects.exists()
    assert not Photo.objects.filter(status="hidden").exists()
    if said.get("creator") == "Unknown":
        assert 'value="Unknown"' in page


def test_text_of_strangers_is_escaped(client, photos):
    page = ask(client, photo='"><b>1').content.decode()
    assert "<b>1" not in page and "&lt;b&gt;1" in page


@pytest.mark.parametrize("photo", ["x", "9" * 40, "²", "-1", ""])
def test_a_strange_address_still_gets_the_form(client, photos, photo):
    assert client.get("/takedown/", {"photo": photo}).status_code == 200


def test_too_many_requests_wait(client, photos):
    for _ in range(removals.LIMIT.burst):
        assert ask(client, creator="Nobody here").status_code == 302
    response = ask(client, creator="Nobody here")
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 60
    assert Takedown.objects.count() == removals.LIMIT.burst
    assert "127.0.0.1" not in str(list(Quota.objects.values()))


def test_behind_a_proxy_each_visitor_has_a_limit_of_their_own(client, db, settings):
    settings.HTTPS, settings.SECURE_SSL_REDIRECT = True, False
    for number in range(removals.LIMIT.burst + 2):
        response = client.post(
            "/takedown/", {"creator": "Nobody"}, headers={"X-Forwarded-For": f"1.1.1.1, 10.0.0.{number}"}
        )
        assert response.status_code == 302
    settings.HTTPS = False
    forged = [
        client.post("/takedown/", {"creator": "Nobody"}, headers={"X-Forwarded-For": f"10.1.0.{n}"}).status_code
        for n in range(removals.LIMIT.burst + 1)
    ]
    assert forged[-1] == 429, "without a proxy the header is a stranger's word"


def test_it_is_refused_without_a_token(photos):
    from django.test import Client

    assert Client(enforce_csrf_checks=True).post("/takedown/", {"photo": str(photos[0].pk)}).status_code == 403
    assert not Takedown.objects.exists()


def test_a_receipt_is_for_its_holder_alone(client, photos):
    response = client.get(ask(client, photo=str(photos[0].pk)).headers["Location"])
    assert 'content="noindex"' in response.content.decode()
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert client.get("/takedown/guess/").status_code == 404


@pytest.mark.parametrize(
    ("decide", "heading"),
    [(removals.grant, "Taken down<"), (removals.refuse, "Not taken down<")],
)
def test_the_decision_and_its_reason_are_told(client, photos, decide, heading):
    address = ask(client, photo=str(photos[0].pk)).headers["Location"]
    keeper = User.objects.create_user("keeper")
    decide(Takedown.objects.get(), by=keeper, decision="Because <it> is so.")
    page = client.get(address).content.decode()
    assert f"<h1>{heading}" in page
    assert "Because &lt;it&gt; is so." in page
    assert "keeper" not in page


def test_a_reversed_decision_is_told(client, photos):
    address = ask(client, photo=str(photos[0].pk)).headers["Location"]
    removals.grant(Takedown.objects.get(), by=None, decision="Yes.")
    removals.reverse(Takedown.objects.get(), by=None, decision="It was another’s.")
    assert "<h1>Shown again<" in client.get(address).content.decode()
    assert client.get(f"/photo/{photos[0].pk}/").status_code == 200


@pytest.mark.parametrize("page", ["form", "receipt"])
def test_pages_hold_no_inline_styles_or_scripts(client, photos, page):
    address = "/takedown/" if page == "form" else ask(client, photo=str(photos[0].pk)).headers["Location"]
    text = client.get(address).content.decode()
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"\son[a-z]+=", text)


def test_a_granted_request_leaves_the_shortlist(client, photos):
    from gallery.rank import shortlist

    ask(client, photo=str(photos[0].pk))
    shortlist.write()
    assert photos[0].pk not in shortlist.current().ids
    removals.refuse(Takedown.objects.get(), by=None, decision="No.")
    shortlist.write()
    assert photos[0].pk in shortlist.current().ids
