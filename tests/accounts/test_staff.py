"""The admin opens to staff who showed a second factor, and to nobody else."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from django.contrib.auth import get_user_model
from django.test import Client

pytestmark = pytest.mark.django_db
PASSWORD = "printed on the terminal"


@pytest.fixture
def boss():
    """As `manage.py demo` makes the first admin: a name and a password, no address."""
    return get_user_model().objects.create_superuser("admin", password=PASSWORD)


def sign_in(client, **more):
    return client.post("/account/login/", {"login": "admin", "password": PASSWORD, **more})


def totp(secret) -> str:
    return auth.format_hotp_value(auth.hotp_value(secret, next(iter(auth.yield_hotp_counters_from_time()))))


def set_up(client) -> str:
    """Password once more, then the app."""
    client.post("/account/reauthenticate/?next=/account/factors/totp/activate/", {"password": PASSWORD})
    page = client.get("/account/factors/totp/activate/")
    secret = page.context["form"].secret
    response = client.post("/account/factors/totp/activate/", {"code": totp(secret)})
    assert response.status_code == 302, response.content.decode()
    return secret


def test_the_admin_leads_strangers_to_the_sites_own_sign_in(client):
    response = client.get("/admin/gallery/photo/", follow=True)
    assert response.request["PATH_INFO"] == "/account/login/"
    assert "%2Fadmin%2Fgallery%2Fphoto%2F" in response.request["QUERY_STRING"]


@pytest.mark.django_db(transaction=True)  # the factor counts as shown once its row is committed
def test_the_first_admin_gets_in_by_password_and_a_factor_set_up_right_there(client, boss):
    sign_in(client)
    response = client.get("/admin/", follow=True)
    assert response.request["PATH_INFO"] == "/account/factors/"
    assert "asks for a second factor" in response.content.decode()
    assert client.post("/admin/ml/network/retrain/").status_code == 302
    set_up(client)
    assert client.get("/admin/").status_code == 200
    assert "Go on to the admin" in client.get("/account/factors/").content.decode()


def test_next_time_the_code_is_asked_for_at_signing_in(client, boss):
    sign_in(client)
    secret = set_up(client)
    other = Client()
    assert sign_in(other, next="/admin/").headers["Location"].startswith("/account/factors/authenticate/")
    assert other.get("/admin/").status_code == 302
    assert b"is not the code" in other.post("/account/factors/authenticate/", {"code": "000000"}).content
    from django.core.cache import cache

    cache.clear()  # a code holds once
    assert other.post("/account/factors/authenticate/", {"code": totp(secret)}).headers["Location"] == "/admin/"
    assert other.get("/admin/").status_code == 200


def test_a_session_from_before_the_factor_must_show_it(client, boss):
    old = Client()
    sign_in(old)
    sign_in(client)
    set_up(client)
    response = old.get("/admin/gallery/photo/", follow=True)
    assert response.request["PATH_INFO"] == "/account/factors/reauthenticate/"


@pytest.mark.django_db(transaction=True)
def test_without_its_factor_the_admin_closes_again(client, boss):
    sign_in(client)
    set_up(client)
    assert client.get("/admin/").status_code == 200
    Authenticator.objects.all().delete()
    assert client.get("/admin/").status_code == 302


def test_members_are_refused(client):
    client.force_login(get_user_model().objects.create_user("ann"))
    assert client.get("/admin/", follow=True).status_code == 403


def test_the_admin_leads_nowhere_else(client, boss):
    client.force_login(boss)
    assert client.get("/admin/login/?next=https://evil.example/").headers["Location"] == "/admin/"
    assert client.get("/admin/login/?next=/admin/login/").headers["Location"] == "/admin/"
