"""Settings: kept for everybody, worn by every page, and cheap."""

import pytest
from django.urls import reverse

from accounts.models import Visitor

pytestmark = pytest.mark.django_db
ALL = ["happy", "sad", "fear", "anger", "motivation", "solitude"]


def keep(client, **said):
    return client.post("/settings/", {"moods": ["happy", "motivation", "solitude"], "theme": "auto", **said})


def test_a_look_at_settings_writes_nothing(client):
    page = client.get("/settings/").content.decode()
    assert "Nothing is known of you yet" in page
    assert not Visitor.objects.exists()


def test_what_is_kept_is_on_the_next_page(client):
    assert keep(client, theme="dark", less_motion="on", keys_off="on").status_code == 302
    page = client.get("/about/").content.decode()
    assert 'data-theme="dark" data-motion="less" data-keys="off"' in page and "still.css" in page
    keep(client)
    assert "data-theme" not in client.get("/about/").content.decode()


def test_nonsense_changes_nothing(client):
    response = keep(client, theme="neon")
    assert response.status_code == 422 and "Choose among" in response.content.decode()
    assert not Visitor.objects.exists()


def test_moods_are_veiled_one_by_one_and_shown_again_by_asking(client):
    keep(client, moods=[slug for slug in ALL if slug not in ("fear", "solitude")])
    visitor = Visitor.objects.get()
    assert visitor.shows_opt_in_moods and sorted(visitor.hidden_moods) == ["fear", "solitude"]
    assert 'class="veil"' not in client.get("/mood/sad/").content.decode()
    for slug in ("fear", "solitude"):
        assert 'class="veil"' in client.get(f"/mood/{slug}/").content.decode()
        client.post(reverse("accept_moods"), {"mood": slug, "next": f"/mood/{slug}/"})
        assert 'class="veil"' not in client.get(f"/mood/{slug}/").content.decode()


def test_without_sad_fear_and_anger_they_are_asked_for_as_at_first(client):
    keep(client, moods=ALL)
    keep(client)
    visitor = Visitor.objects.get()
    assert not visitor.shows_opt_in_moods and visitor.hidden_moods == []


def test_a_sensitive_photograph_is_blurred_until_pressed_unless_one_wants_it_shown(client, photos):
    photos[0].sensitive = True
    photos[0].save()
    address = f"/photo/{photos[0].pk}/"
    page = client.get(address).content.decode()
    assert "Hill 0" not in page and "data:image" in page
    keep(client, sensitive="on")
    assert "Hill 0" in client.get(address).content.decode()


def test_a_page_reads_the_visitor_once_and_a_stranger_never(client, django_assert_num_queries):
    with django_assert_num_queries(1):  # the count of photographs
        client.get("/about/")
    keep(client, theme="dark")
    client.get("/about/")  # shows what the form said
    client.cookies.pop("sessionid", None)
    with django_assert_num_queries(2):
        client.get("/about/")


def test_a_members_page_adds_session_and_user(client, sign_up, django_assert_max_num_queries):
    sign_up(client)
    client.get("/about/")
    with django_assert_max_num_queries(4):
        client.get("/about/")
