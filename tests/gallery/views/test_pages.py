"""The pages as a visitor meets them: what they show, what they refuse, what they cost."""

import re

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse

from accounts.models import Visitor
from gallery import actions
from gallery.models import Photo, Rating, RatingEvent, Rendition, Visit

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
FILE = "renditions/00/{}-{}.{}"


@pytest.fixture
def photos(collection):
    """65 happy photographs, two more of anger, one that is sensitive; with renditions as rows."""
    made = [
        *collection(65),
        *collection(2, mood="anger", seed=1),
        *collection(1, seed=2, sensitive=True, title="Wreck"),
    ]
    Rendition.objects.bulk_create(
        Rendition(
            photo=photo, width=width, height=width // 2, format=kind, bytes=1, file=FILE.format(photo.pk, width, kind)
        )
        for photo in made
        for width in (240, 480, 800)
        for kind in ("avif", "webp")
    )  # fmt: skip
    return made


@pytest.fixture
def known(client, photos):
    """A client whose cookie came back."""
    client.get("/mood/happy/")
    return client


def ids(response) -> list[int]:
    return [int(i) for i in re.findall(r'<figure class="shot[^"]*" id="p(\d+)"', response.content.decode())]


ADDRESSES = [
    "/",
    "/mood/happy/",
    "/mood/happy/?sort=beautiful",
    "/mood/sad/",
    "/about/",
    "/science/",
    "/healthz",
    "/readyz",
    "/robots.txt",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_answers(client, photos, address):
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("address", ["/", "/mood/happy/", "/mood/anger/", "/about/", "/science/", "/readyz"])
def test_every_page_answers_without_a_photograph(client, db, media, address):
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("address", [*ADDRESSES[:6], "/photo/{}/", "/nowhere/"])
def test_no_page_holds_inline_styles_scripts_or_handlers_nor_another_host(client, photos, address):
    response = client.get(address.format(photos[0].pk))
    page = response.content.decode()
    assert " style=" not in page
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"\son[a-z]+=", page)
    assert not re.findall(r'(?:src|srcset)="https?:', page)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_home_shows_six_moods_no_photograph_twice_and_veils_three(client, photos):
    page = client.get("/").content.decode()
    for name in ("Happy", "Sad", "Fear", "Anger", "Motivation", "Solitude"):
        assert name in page
    shown = re.findall(r"/photo/(\d+)/|renditions/00/(\d+)-480", page)
    assert page.count("Show them") == 3
    assert shown


def test_a_mood_page_shows_thirty_with_their_credit_and_a_real_link_to_more(client, photos):
    response = client.get("/mood/happy/")
    page = response.content.decode()
    shown = ids(response)
    assert len(shown) == 30
    assert 'href="/mood/happy/?page=2"' in page
    for photo in Photo.objects.filter(pk__in=shown):
        assert photo.creator in page
    assert page.count("CC BY 4.0") >= 30
    assert page.count('fetchpriority="high"') < 10
    assert 'loading="lazy"' in page


def test_pages_go_on_without_repeating_and_back_is_as_it_was(known):
    first = ids(known.get("/mood/happy/"))
    second, third = ids(known.get("/mood/happy/?page=2")), ids(known.get("/mood/happy/?page=3"))
    assert len({*first, *second, *third}) == 65
    assert ids(known.get("/mood/happy/")) == first


def test_a_page_too_far_leads_to_the_furthest(known):
    known.get("/mood/happy/?page=2")
    response = known.get("/mood/happy/?page=9")
    assert (response.status_code, response.headers["Location"]) == (302, "/mood/happy/?page=3")


def test_htmx_gets_the_part_and_not_the_page(known):
    part = known.get("/mood/happy/?page=2", headers=HTMX)
    assert len(ids(part)) == 30
    assert b"<html" not in part.content
    assert "HX-Request" in part.headers["Vary"]


def test_a_rating_is_kept_and_the_very_next_page_follows_it(known):
    before = Visit.objects.count()
    first = ids(known.get("/mood/happy/"))
    response = known.post(f"/photo/{first[3]}/rate/", {"value": "5", "mood": "happy", "place": "3"})
    assert response.status_code == 302
    rating = Rating.objects.get()
    assert (rating.photo_id, rating.value, rating.mood, rating.place) == (first[3], 5, "happy", 3)
    assert Visit.objects.count() >= before
    assert not set(ids(known.get("/mood/happy/?page=2"))) & set(first)


def test_less_like_this_felt_and_undo(known, photos):
    address = f"/photo/{photos[0].pk}/rate/"
    known.post(address, {"hidden": "1"}, headers=HTMX)
    known.post(address, {"felt": "solitude"}, headers=HTMX)
    rating = Rating.objects.get()
    assert rating.hidden and rating.felt == "solitude"
    known.post(address, {"undo": "1"}, headers=HTMX)
    assert not Rating.objects.exists()
    assert RatingEvent.objects.count() == 3


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"value": "6"},
        {"value": "0"},
        {"value": "x"},
        {"felt": "bored"},
        {"value": "3", "hidden": "1"},
        {"value": "3", "place": "-1"},
    ],
)
def test_wrong_answers_get_a_sentence_and_change_nothing(known, photos, data):
    for headers in ({}, HTMX):
        response = known.post(f"/photo/{photos[0].pk}/rate/", data, headers=headers)
        assert response.status_code in (400, 422)
        assert len(response.content) > 50
    assert not Rating.objects.exists()


def test_a_flood_of_answers_is_slowed(known, photos):
    visitor = Visitor.objects.get_or_create(pk=visitor_id(known))[0]
    RatingEvent.objects.bulk_create(
        RatingEvent(visitor=visitor, photo=photos[0], value=1, hidden=False) for _ in range(500)
    )
    assert known.post(f"/photo/{photos[0].pk}/rate/", {"value": "1"}).status_code == 429


def visitor_id(client):
    from django.core import signing

    from accounts.middleware import COOKIE, SALT

    return signing.Signer(salt=SALT).unsign(client.cookies[COOKIE].value)


@pytest.mark.parametrize("address", ["/photo/1/rate/", "/moods/accept/", "/visit/fresh/"])
def test_addresses_that_write_refuse_reading_and_forged_posts(client, photos, address):
    from django.test import Client

    assert client.get(address).status_code == 405
    assert Client(enforce_csrf_checks=True).post(address, {"value": "1"}).status_code == 403


def test_a_form_cannot_lead_away_from_the_site(known, photos):
    response = known.post(f"/photo/{photos[0].pk}/rate/", {"value": "3", "next": "https://evil.example/"})
    assert response.headers["Location"].startswith("/photo/")


def test_sad_fear_and_anger_ask_first_and_remember(client, photos):
    veiled = client.get("/mood/anger/").content.decode()
    assert "figure" not in veiled.split("<main")[1]
    client.post("/moods/accept/", {"next": "/mood/anger/"})
    shown = client.get("/mood/anger/")
    assert len(ids(shown)) == 8
    assert "Too few photographs here" in shown.content.decode()


def test_a_sensitive_photograph_is_withheld_with_its_title_and_creator(client, photos):
    secret = photos[-1]
    page = client.get(f"/photo/{secret.pk}/").content.decode()
    assert secret.title not in page and secret.creator not in page and "renditions" not in page
    assert secret.title in client.get(f"/photo/{secret.pk}/?show").content.decode()


def test_the_photo_page_says_why_and_how_to_credit(known, photos):
    known.post(f"/photo/{photos[4].pk}/rate/", {"value": "5"})
    page = known.get(f"/photo/{photos[4].pk}/?mood=happy").content.decode()
    assert "What brought it here" in page and "How beautiful people find it" in page and "What you like" in page
    assert photos[4].attribution in page
    assert "https://creativecommons.org/licenses/by/4.0/" in page
    assert 'aria-pressed="true"' in page


@pytest.mark.parametrize(
    "change", [{"status": "hidden"}, {"status": "removed"}, {"licence": "unknown"}, {"licence": "reserved"}]
)
def test_what_is_taken_down_is_gone_from_every_page_at_once(known, photos, change):
    shown = ids(known.get("/mood/happy/"))
    Photo.objects.filter(pk=shown[0]).update(**change)
    assert known.get(f"/photo/{shown[0]}/").status_code == 404
    assert known.post(f"/photo/{shown[0]}/rate/", {"value": "3"}).status_code == 404
    assert shown[0] not in ids(known.get("/mood/happy/"))


@pytest.mark.parametrize(
    "address", ["/mood/bored/", "/photo/999999/", "/mood/happy/?page=0", "/mood/happy/?sort=price", "/x"]
)
def test_what_is_not_there_is_a_designed_page(client, photos, address):
    response = client.get(address)
    assert response.status_code == 404
    assert b"evoke.css" in response.content


def test_pages_make_a_fixed_number_of_queries(known, photos, django_assert_max_num_queries):
    known.get("/mood/happy/?page=2")
    with django_assert_max_num_queries(11):
        known.get("/mood/happy/")
    with django_assert_max_num_queries(16):  # one a mood for the version of the shortlist
        known.get("/")
    with django_assert_max_num_queries(14):  # one is the visitor, for their settings
        known.get(f"/photo/{photos[0].pk}/?mood=happy")


def test_a_look_without_a_cookie_writes_nothing(client, photos):
    client.get("/mood/happy/")
    client.cookies.clear()
    client.get("/")
    assert not Visitor.objects.exists() and not Visit.objects.exists()


def test_begin_again_opens_a_new_visit(known):
    known.get("/mood/happy/?page=2")
    before = Visit.objects.count()
    assert known.post("/visit/fresh/", {"mood": "happy"}).status_code == 302
    assert Visit.objects.count() == before + 1


def test_renditions_are_served_for_ever_and_nothing_else_is(client, media):
    default_storage.save("renditions/ab/cdef-240.webp", ContentFile(b"RIFF"))
    (media / "secret.webp").write_bytes(b"secret")
    response = client.get(reverse("media", args=["renditions/ab/cdef-240.webp"]))
    assert response.headers["Content-Type"] == "image/webp"
    assert "immutable" in response.headers["Cache-Control"]
    for name in (
        "../secret.webp",
        "renditions/../../secret.webp",
        "renditions/%2e%2e/secret.webp",
        "originals/ab/x.jpg",
        "renditions/ab/none-240.webp",
    ):
        assert client.get(f"/media/{name}").status_code == 404


def test_the_web_process_never_loads_torch(photos):
    """In a process of its own: settings, urls and every view are imported; torch and ONNX Runtime are not."""
    import subprocess
    import sys

    code = "import evoke.wsgi, sys, django.urls as u; u.get_resolver().url_patterns; import gallery.views.mood; " \
           "print([m for m in ('torch', 'onnxruntime', 'sklearn') if m in sys.modules])"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_actions_offer_the_sorts_that_pages_link_to(client, photos):
    for sort in actions.SORTS:
        assert client.get(f"/mood/happy/?sort={sort}").status_code == 200


def test_flickrs_sentence_stands_where_theirs_are_shown_and_more_replaces_the_page(client, photos):
    sentence, mood = "uses the Flickr API", reverse("mood", args=["happy"])
    addresses = (mood, reverse("home"), photos[0].get_absolute_url())
    assert all(sentence not in client.get(address).content.decode() for address in addresses)
    assert "hx-get" in client.get(mood).content.decode()
    Photo.objects.update(source="flickr")
    pages = [client.get(address).content.decode() for address in addresses]
    assert all(page.count(sentence) == 1 for page in pages)
    assert 'id="more" href' in pages[0] and 'hx-target="#wall"' not in pages[0]


def test_a_first_page_that_is_loaded_again_leads_on_as_before(client, photos):
    mood = reverse("mood", args=["happy"])
    for _ in range(3):  # without a cookie, with it, and as a page that was shown
        assert 'rel="next"' in client.get(mood).content.decode()
    client.post(reverse("rate", args=[photos[0].pk]), {"rating": 5})
    assert 'rel="next"' in client.get(mood).content.decode()
