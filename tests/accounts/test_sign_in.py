"""Signing up, in and out by the pages: what comes along, what is refused, what is told."""

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts import merging
from accounts.middleware import COOKIE
from accounts.models import User, Visitor
from gallery.models import Rating, RatingEvent, Taste, Visit

pytestmark = pytest.mark.django_db
PAGES = ["/account/login/", "/account/signup/", "/account/signup/passkey/", "/account/login/code/",
         "/account/password/reset/", "/account/logout/", "/settings/"]  # fmt: skip
MEMBERS = ["/account/email/", "/account/password/change/", "/account/factors/", "/account/factors/webauthn/",
           "/account/reauthenticate/", "/account/logout/", "/settings/"]  # fmt: skip


def said(response) -> str:
    return response.content.decode()


@pytest.mark.parametrize("address", PAGES)
def test_a_strangers_pages_are_in_the_design_without_inline_code(client, address):
    response = client.get(address, follow=True)
    page = said(response)
    assert response.status_code == 200
    assert "evoke.css" in page and "<h1>" in page and " style=" not in page
    assert all('src="/' in tag for tag in page.split("<script")[1:])
    assert "noindex" in page or address == "/account/logout/"


@pytest.mark.parametrize("address", MEMBERS)
def test_a_members_pages_are_in_the_design_without_inline_code(client, sign_up, address):
    sign_up(client)
    response = client.get(address)
    page = said(response)
    assert response.status_code == 200
    assert "evoke.css" in page and " style=" not in page
    assert all('src="/' in tag for tag in page.split("<script")[1:])


def test_signing_up_brings_ratings_visits_and_settings_along_and_says_how_many(client, sign_up, rate):
    rate(client, 0, 5)
    rate(client, 1, 2)
    client.post("/settings/", {"moods": ["happy", "sad"], "theme": "dark"})
    anonymous = Visitor.objects.get()
    Visit.objects.create(visitor=anonymous, mood="happy", seed=1)
    sign_up(client)
    member = Visitor.objects.get()
    assert member.user.email == "ada@example.org" and member.pk != anonymous.pk
    assert sorted(member.ratings.values_list("value", flat=True)) == [2, 5]
    assert member.rating_events.count() == 2 and member.visits.count() == 1
    assert (member.theme, member.shows_opt_in_moods) == ("dark", True)
    assert "2 ratings came along." in said(client.get("/settings/"))
    assert not client.cookies[COOKIE].value, "a member is known by the session alone"
    assert said(client.get("/settings/")).count("came along") == 0


def test_ratings_given_after_signing_in_are_the_members(client, sign_up, rate):
    sign_up(client)
    rate(client, 0, 4)
    assert Rating.objects.get().visitor.user.email == "ada@example.org"


def test_of_two_ratings_of_a_photograph_the_newer_wins_whoever_gave_it(client, sign_up, sign_in, rate, photos):
    sign_up(client)
    rate(client, 0, 1)
    other = Client()
    rate(other, 0, 5)  # newer
    rate(other, 1, 5)
    rate(client, 1, 2)  # newer
    rate(other, 2, 3)
    sign_in(other)
    now = dict(Rating.objects.values_list("photo_id", "value"))
    assert now == {photos[0].pk: 5, photos[1].pk: 2, photos[2].pk: 3}
    assert "2 ratings came along." in said(other.get("/settings/"))
    assert RatingEvent.objects.count() == 5, "the history keeps both"


def test_merging_twice_brings_nothing_the_second_time(rate, client):
    rate(client, 0, 5)
    anonymous = Visitor.objects.get()
    user = User.objects.create_user("x", "x@example.org")
    assert merging.bring_along(user=user, anonymous_id=anonymous.pk)[1] == 1
    assert merging.bring_along(user=user, anonymous_id=anonymous.pk)[1] == 0
    assert Rating.objects.count() == 1 and Visitor.objects.count() == 1


def test_one_member_cannot_take_another_members_ratings(client, sign_up, rate):
    sign_up(client)
    rate(client, 0, 5)
    victim = Visitor.objects.get()
    thief = User.objects.create_user("thief", "thief@example.org")
    assert merging.bring_along(user=thief, anonymous_id=victim.pk)[1] == 0
    assert Rating.objects.get().visitor == victim


def test_what_was_learnt_is_learnt_anew_after_merging(client, sign_up, rate, scored):
    rate(client, 0, 5)
    assert Taste.objects.exists()
    sign_up(client)
    assert not Taste.objects.exists()


def test_every_table_of_the_gallery_that_knows_visitors_comes_along():
    from gallery import people

    assert {model.__name__ for model, _ in people.tables()} >= {"Rating", "RatingEvent", "Taste", "Visit"}


def test_after_signing_out_the_browser_is_a_stranger(client, sign_up, rate):
    sign_up(client)
    rate(client, 0, 5)
    client.post("/account/logout/")
    assert Rating.objects.count() == 1
    rate(client, 1, 3)
    mine, theirs = Rating.objects.order_by("pk")
    assert theirs.visitor.user is None and theirs.visitor != mine.visitor


def test_the_session_has_a_new_key_after_signing_in(client, sign_up, sign_in):
    sign_up(client)
    client.post("/account/logout/")
    client.get("/account/login/")
    before = client.session.session_key
    sign_in(client)
    assert client.session.session_key != before


def test_a_wrong_password_gets_one_sentence_and_tells_not_whether_there_is_an_account(client, sign_up, sign_in):
    sign_up(client)
    client.post("/account/logout/")
    wrong = [said(sign_in(client, login, "wrong word here")) for login in ("ada@example.org", "nobody@example.org")]
    assert all("do not belong together" in page for page in wrong)


def test_signing_up_twice_looks_the_same_and_only_the_owner_is_told(client, sign_up):
    sign_up(client)
    stranger = Client()
    mail.outbox.clear()
    cache.clear()  # codes to one address leave ten seconds between them
    taken = stranger.post("/account/signup/", {"email": "ada@example.org", "password1": "other quiet herons"})
    free = Client().post("/account/signup/", {"email": "new@example.org", "password1": "other quiet herons"})
    assert (taken.status_code, taken.headers["Location"]) == (free.status_code, free.headers["Location"])
    assert "There is one already" in mail.outbox[0].body


def test_signing_in_leads_nowhere_else(client, sign_up, sign_in):
    sign_up(client)
    client.post("/account/logout/")
    assert sign_in(client, next="https://evil.example/").headers["Location"] == "/"


def test_writes_need_the_forms_token(sign_up):
    strict = Client(enforce_csrf_checks=True)
    for address in ("/account/login/", "/account/logout/", "/settings/", "/settings/data/", "/settings/forget-me/",
                    "/settings/forget-taste/"):  # fmt: skip
        assert strict.post(address, {}).status_code == 403, address


def test_too_many_tries_get_the_designed_page(client, sign_in):
    codes = [sign_in(client, f"{n}@example.org").status_code for n in range(35)]
    assert codes[0] == 200 and codes[-1] == 429
    response = sign_in(client)
    assert b"A little slower" in response.content and b"evoke.css" in response.content
    assert response.headers["Retry-After"] == "60"


def test_a_password_is_forgotten_and_chosen_anew_by_code(client, sign_up, sign_in, code):

    sign_up(client)
    client.post("/account/logout/")
    client.post("/account/password/reset/", {"email": "ada@example.org"})
    client.post("/account/password/reset/confirm/", {"code": code()})
    page = client.get("/account/password/reset/complete/")
    assert b"A new password" in page.content
    client.post("/account/password/reset/complete/", {"password1": "nine loud storks", "password2": "nine loud storks"})
    assert sign_in(client, password="nine loud storks").status_code == 302
    assert "_auth_user_id" in client.session


def test_without_a_way_to_send_mail_the_page_says_what_the_operator_must_set(client, settings):
    settings.SENDS_MAIL = False
    assert "EMAIL_URL" in said(client.get("/account/signup/"))
    settings.SENDS_MAIL = True
    assert "EMAIL_URL" not in said(client.get("/account/signup/"))


def test_nothing_keeps_an_address(client, sign_in):
    from django.db import connection

    client.post("/account/login/", {"login": "a@example.org", "password": "x"}, REMOTE_ADDR="203.0.113.77")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(cache_key || value, ' ') FROM evoke_cache")
        kept = cursor.fetchone()[0]
    assert "allauth" in kept and "203.0.113.77" not in kept and "127.0.0.1" not in kept


def test_logs_name_kinds_of_pages_and_never_the_page(client, caplog):
    client.get("/mood/sad/?page=0")
    told = [record.getMessage() for record in caplog.records if record.name == "django.request"]
    assert told == ["Not Found: mood/<slug:slug>/"]


def test_no_other_site_learns_the_page(client):
    assert client.get("/").headers["Referrer-Policy"] == "same-origin"
