"""What somebody sees of what was learnt of them, and that they can change it."""

import re

import pytest
from django.test import Client

from accounts.models import Visitor
from gallery import actions
from gallery.models import Photo, Rating, RatingEvent, Taste
from gallery.rank import learning
from ml import interface

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(collection):
    return [*collection(60), *collection(20, mood="solitude", seed=1), *collection(6, mood="sad", seed=2)]


@pytest.fixture
def known(client, photos):
    """A client that answered forty times: it likes what is first in the embedding."""
    client.get("/mood/happy/")
    client.post("/moods/accept/", {"mood": "happy"})
    visitor = Visitor.objects.get()
    for place, photo in enumerate(photos[:40]):
        actions.rate(visitor=visitor, photo=photo, value=1 + 4 * (place % 2))
    return client


@pytest.fixture
def who(known):
    return Visitor.objects.get()


def text(response) -> str:
    return response.content.decode()


def test_a_stranger_gets_an_empty_page_that_says_what_to_do(client, photos):
    response = client.get("/you/")
    assert response.status_code == 200
    assert "Nothing is known of you yet" in text(response) and "/mood/happy/" in text(response)
    assert not Visitor.objects.exists()


def test_it_is_there_without_any_photograph(client, db, media, visitor):
    assert client.get("/you/").status_code == 200


def test_it_shows_what_rises_what_falls_how_sure_and_where_one_stands(known):
    page = text(known.get("/you/"))
    for heading in ("These rise for you", "These fall", "What people differ in most", "Your ratings"):
        assert heading in page
    rise, fall = (
        re.search(r'id="rise".*?</section>', page, re.S)[0],
        re.search(r'id="fall".*?</section>', page, re.S)[0],
    )
    assert rise.count("<figure") == fall.count("<figure") == 6
    assert not set(re.findall(r"/photo/(\d+)/", rise)) & set(re.findall(r"/photo/(\d+)/", fall))
    assert "<b>+" in rise and "<b>−" in fall
    assert re.search(r"40 answers so far\. Of the doubt about what you like, about \d+ % is gone", page)
    assert page.count('class="direction"') == 3
    assert page.count("CC BY 4.0") >= 30


def test_ratings_are_thirty_a_page_newest_first(known, photos):
    first, second = text(known.get("/you/")), text(known.get("/you/?page=2"))
    pks = [[int(i) for i in re.findall(r'<li id="p(\d+)"', page)] for page in (first, second)]
    assert pks[0] == [photo.pk for photo in photos[39:9:-1]]
    assert pks[1] == [photo.pk for photo in photos[9::-1]]
    assert "These rise for you" not in second


@pytest.mark.parametrize(("page", "status"), [("x", 404), ("0", 404), ("9" * 30, 404), ("99", 200)])
def test_a_page_that_is_not_there_is_no_error(known, page, status):
    assert known.get(f"/you/?page={page}").status_code == status


def test_a_rating_is_changed_and_removed_in_place_and_unlearnt(known, who, photos):
    onward = re.search(r'name="next" value="(/you/[^"]*)"', text(known.get("/you/")))[1]
    response = known.post(f"/photo/{photos[3].pk}/rate/", {"value": "2", "next": onward})
    assert response.headers["Location"] == onward
    assert Rating.objects.get(visitor=who, photo=photos[3]).value == 2
    before = Taste.objects.get().observations
    response = known.post(f"/you/ratings/{photos[3].pk}/remove/")
    assert response.headers["Location"] == "/you/#ratings"
    assert not Rating.objects.filter(visitor=who, photo=photos[3]).exists()
    assert Taste.objects.get().observations == before - 1
    assert known.post(f"/you/ratings/{photos[3].pk}/remove/").status_code == 404


def test_nobody_removes_anybody_elses_nor_without_a_token_nor_by_a_link(known, photos):
    other = Client()
    other.get("/mood/happy/")
    assert other.post(f"/you/ratings/{photos[0].pk}/remove/").status_code == 404
    assert known.get(f"/you/ratings/{photos[0].pk}/remove/").status_code == 405
    assert known.get("/you/undo/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = known.cookies
    for address in (f"/you/ratings/{photos[0].pk}/remove/", "/you/undo/"):
        assert strict.post(address).status_code == 403
    assert Rating.objects.count() == 40


def test_the_last_answer_is_undone_and_undone_again(known, who, photos):
    actions.rate(visitor=who, photo=photos[0], value=4, felt="sad")
    network = interface.active().id
    taught = learning.taste_of(who.pk, network, interface.prior(network)).beauty.mean
    assert "Last: 4 of 5, felt sad" in text(known.get("/you/"))
    known.post("/you/undo/")
    rating = Rating.objects.get(visitor=who, photo=photos[0])
    assert (rating.value, rating.felt) == (1, "")
    known.post("/you/undo/")
    rating.refresh_from_db()
    assert (rating.value, rating.felt) == (4, "sad")
    again = learning.taste_of(who.pk, network, interface.prior(network)).beauty.mean
    assert again == pytest.approx(taught, abs=1e-8)


def test_undoing_a_first_answer_removes_it_and_a_removal_brings_it_back(known, who, photos):
    actions.rate(visitor=who, photo=photos[50], hidden=True)
    known.post("/you/undo/")
    assert not Rating.objects.filter(photo=photos[50]).exists()
    known.post(f"/you/ratings/{photos[1].pk}/remove/")
    known.post("/you/undo/")
    assert Rating.objects.get(photo=photos[1]).value == 5


def test_nothing_to_undo_is_said(client, photos):
    assert client.post("/you/undo/").status_code == 422
    assert not RatingEvent.objects.exists()


def test_more_than_anybody_can_press_is_refused(known, who, photos, monkeypatch):
    monkeypatch.setattr("gallery.views.you.A_MINUTE", 10)
    assert known.post("/you/undo/").status_code == 429
    assert known.post(f"/you/ratings/{photos[1].pk}/remove/").status_code == 429


def test_what_was_felt_differently_is_told(known, who, photos):
    for photo in photos[60:62]:
        actions.rate(visitor=who, photo=photo, felt="motivation")
    actions.rate(visitor=who, photo=photos[62], felt="solitude")
    section = re.search(r'id="felt".*?</section>', text(known.get("/you/")), re.S)[0]
    assert section.count("<li>") == 1
    assert "solitude</b>, you felt" in section and "motivation</b>, 2 times" in section


def test_what_is_no_longer_shown_sensitive_or_veiled_shows_no_photograph_but_can_be_removed(known, who, photos):
    gone, sensitive, veiled = photos[0], photos[1], photos[80]
    actions.rate(visitor=who, photo=veiled, value=3)
    Photo.objects.filter(pk=gone.pk).update(status=Photo.Status.REMOVED)
    Photo.objects.filter(pk=sensitive.pk).update(sensitive=True)
    pages = text(known.get("/you/")) + text(known.get("/you/?page=2"))
    assert "A photograph that is no longer shown" in pages and f'href="/photo/{gone.pk}/"' not in pages
    for photo in (sensitive, veiled):
        row = re.search(rf'<li id="p{photo.pk}".*?</li>', pages, re.S)[0]
        assert "<picture" not in row and "not shown unasked" in row
    known.post(f"/you/ratings/{gone.pk}/remove/")
    assert not Rating.objects.filter(photo=gone).exists()


def test_nothing_of_a_veiled_mood_hangs_in_the_strips(known, photos):
    shown = set(re.findall(r'class="thumb.*?/photo/(\d+)/', text(known.get("/you/")), re.S))
    assert shown and not shown & {str(photo.pk) for photo in photos[80:]}


def test_it_leads_to_export_settings_and_forgetting(known):
    page = text(known.get("/you/"))
    for address in ("/settings/", "/settings/data/", "/settings/forget-taste/"):
        assert f'"{address}"' in page
    known.post("/settings/forget-taste/")
    assert "Nothing is known of you yet" in text(known.get("/you/"))


def test_it_costs_few_queries_however_much_was_said(known, who, photos, django_assert_max_num_queries):
    known.get("/you/")
    with django_assert_max_num_queries(15):
        known.get("/you/")


def test_it_holds_nothing_inline_and_is_for_nobody_elses_eyes(known):
    response = known.get("/you/")
    page = text(response)
    assert " style=" not in page and not re.search(r"\son[a-z]+=", page)
    assert "private" in response.headers["Cache-Control"] and "noindex" in page
