"""The journey as a visitor meets it: whose it is, what it shows, what it refuses, what it costs."""

import re

import numpy as np
import pytest
from django.test import Client

from accounts.models import Visitor
from gallery import actions, journeys, queries
from gallery.models import Photo, Score, Visit
from gallery.moods import MOODS
from gallery.rank import shortlist
from ml import interface

pytestmark = pytest.mark.django_db
WAY = "/journey/?from=solitude&to=happy"


@pytest.fixture
def photos(db, media, new_photo):
    """400 photographs whose moods follow their place on the plane of valence and arousal, each of its own creator."""
    rng, network = np.random.default_rng(0), interface.active()
    prior = interface.prior(network.id)
    z = rng.standard_normal((400, 3))
    places = np.array([MOODS[slug].place for slug in interface.MOODS])
    moods = 1 / (1 + np.exp(-4 * (z[:, 1:] @ places.T)))
    scores = z * prior.scale + prior.center
    embedding = rng.standard_normal((400, 64)) + 2 * rng.standard_normal(64)
    made = Photo.objects.bulk_create([new_photo(number) for number in range(400)])
    Score.objects.bulk_create(
        Score(
            photo=photo,
            network_id=network.id,
            moods=list(moods[i]),
            aesthetic=scores[i, 0],
            valence=scores[i, 1],
            arousal=scores[i, 2],
            embedding=embedding[i],
        )
        for i, photo in enumerate(made)
    )
    shortlist.write()
    return made


@pytest.fixture
def known(client, photos):
    """A client whose cookie came back."""
    client.get("/mood/happy/")
    return client


@pytest.fixture
def visit(known):
    known.get(WAY)
    return Visit.objects.get(sort=journeys.SORT)


def shown(response) -> int:
    return int(re.search(r'class="scene.*?/photo/(\d+)/rate/', response.content.decode(), re.S)[1])


def after(response) -> str:
    return re.search(r'id="after" href="([^"]+)"', response.content.decode())[1].replace("&amp;", "&")


def test_without_parameters_one_chooses(client, photos):
    page = client.get("/journey/").content.decode()
    assert page.count('name="from"') == page.count('name="to"') == 6
    assert 'value="sad" required checked' in client.get("/journey/?from=sad").content.decode()


@pytest.mark.parametrize(
    "query", ["from=bored&to=happy", "to=gone", "from=sad&to=sad", "from=sad&to=happy&step=x", "to=%00&from=sad"]
)
def test_what_is_no_journey_is_said_in_one_sentence(client, photos, query):
    response = client.get(f"/journey/?{query}")
    assert response.status_code == 400
    assert response.content.decode().count('role="alert"') == 1


def test_a_stranger_walks_by_links_alone_and_then_goes_on_as_a_visitor(photos):
    stranger, without_cookies = Client(), Client()
    first = stranger.get(WAY)
    assert first.status_code == 200 and not Visit.objects.exists()
    second = stranger.get(after(first), follow=True)
    assert re.fullmatch(r"/journey/\d+/2/", second.request["PATH_INFO"])
    without_cookies.get(WAY)
    without_cookies.cookies.clear()
    assert shown(without_cookies.get(f"{WAY}&step=2")) == shown(second) != shown(first)


def test_the_address_of_a_journey_names_no_mood_and_is_nobody_elses(known, visit):
    response = known.get(WAY)
    assert response.headers["Location"] == f"/journey/{visit.pk}/1/"
    assert Visit.objects.filter(sort=journeys.SORT).count() == 1, "a reload is no second journey"
    other = Client()
    assert other.get(f"/journey/{visit.pk}/1/").status_code == 404
    other.get("/mood/happy/")
    other.get("/mood/happy/")
    assert other.get(f"/journey/{visit.pk}/1/").status_code == 404
    looked = Visit.objects.exclude(sort=journeys.SORT).filter(visitor=visit.visitor).first()
    assert looked is None or known.get(f"/journey/{looked.pk}/1/").status_code == 404


def test_every_step_shows_its_photograph_with_its_credit_to_the_end(known, visit):
    address, met = f"/journey/{visit.pk}/1/", []
    while True:
        response = known.get(address)
        page = response.content.decode()
        if "arrived" in page:
            break
        met.append(shown(response))
        photo = Photo.objects.get(pk=met[-1])
        assert photo.creator in page and "CC BY 4.0" in page
        address = after(response)
    assert met == visit.shown and len(met) > 10
    assert 'href="/mood/happy/"' in page


def test_a_step_too_far_leads_to_the_end_and_no_step_is_not_found(known, visit):
    response = known.get(f"/journey/{visit.pk}/9999/")
    assert response.headers["Location"] == f"/journey/{visit.pk}/{len(visit.shown) + 1}/"
    assert known.get(f"/journey/{visit.pk}/0/", follow=True).status_code == 200


@pytest.mark.parametrize("fact", [{"sensitive": True}, {"status": Photo.Status.HIDDEN}, {"status": "removed"}])
def test_what_may_no_longer_be_shown_is_passed_over(known, visit, fact):
    Photo.objects.filter(pk=visit.shown[1]).update(**fact)
    first = known.get(f"/journey/{visit.pk}/1/")
    assert after(first) == f"/journey/{visit.pk}/3/"
    assert f"of {len(visit.shown) - 1}" in first.content.decode()
    assert known.get(f"/journey/{visit.pk}/2/").headers["Location"] == f"/journey/{visit.pk}/3/"
    Photo.objects.update(**fact)
    assert "arrived" in known.get(f"/journey/{visit.pk}/1/").content.decode()


@pytest.mark.parametrize(
    ("way", "mood"), [("/journey/?from=sad&to=happy", "sad"), ("/journey/?from=happy&to=fear", "fear")]
)
def test_an_end_that_was_not_agreed_to_is_veiled_first(client, photos, way, mood):
    page = client.get(way).content.decode()
    assert "Show them" in page and way.replace("&", "&amp;") in page
    client.post("/moods/accept/", {"mood": mood, "next": way})
    assert client.get(way, follow=True).request["PATH_INFO"].startswith("/journey/")
    visit = Visit.objects.get(sort=journeys.SORT)
    Visitor.objects.update(shows_opt_in_moods=False)
    assert "Show them" in client.get(f"/journey/{visit.pk}/1/").content.decode(), "taken back"


def test_moods_not_agreed_to_do_not_lie_on_the_way(known, visit):
    arrays = shortlist.current()
    rows = np.searchsorted(arrays.ids, visit.shown)
    floor = interface.prior(arrays.network_id).floor
    for slug in ("sad", "fear", "anger"):
        column = interface.MOODS.index(slug)
        assert (arrays.probability[rows, column] < floor[column]).all()


def test_what_somebody_hid_stays_out_and_another_walk_is_another(known, visit):
    photo = Photo.objects.get(pk=visit.shown[3])
    actions.rate(visitor=visit.visitor, photo=photo, hidden=True)
    Visit.objects.update(started_at="2026-01-01T00:00Z")
    known.get(WAY)
    second = Visit.objects.filter(sort=journeys.SORT).latest("pk")
    assert second.pk != visit.pk and photo.pk not in second.shown
    assert len(set(second.shown) & set(visit.shown)) < len(visit.shown) / 2


def test_journeys_are_no_looks_through_a_mood(known, visit):
    assert queries.neighbours(visit.visitor_id, "solitude", visit.shown[0]) == queries.neighbours(
        None, "solitude", visit.shown[0]
    )
    assert actions.open_visit(visitor=visit.visitor, mood="solitude").sort != journeys.SORT
    actions.forget(visitor=visit.visitor)
    assert known.get(f"/journey/{visit.pk}/1/").status_code == 404


def test_rating_on_the_way_comes_back_to_the_step(known, visit):
    page = known.get(f"/journey/{visit.pk}/2/").content.decode()
    onward = re.search(r'name="next" value="([^"]+)"', page)[1]
    response = known.post(f"/photo/{visit.shown[1]}/rate/", {"value": "5", "next": onward})
    assert response.headers["Location"].startswith(f"/journey/{visit.pk}/2/")


def test_too_few_photographs_are_said_and_no_error(client, collection):
    collection(1)
    assert "No way leads" in client.get(WAY).content.decode()
    client.get(WAY)
    assert "No way leads" in client.get(WAY).content.decode()
    assert not Visit.objects.exists()


def test_no_photographs_at_all_are_said(client, db, media):
    assert "scoring has begun" in client.get(WAY).content.decode()


def test_a_short_walk_says_so_once(known, visit):
    visit.shown = visit.shown[:7]
    visit.save()
    assert "7 photographs lead" in known.get(f"/journey/{visit.pk}/1/").content.decode()
    assert "7 photographs lead" not in known.get(f"/journey/{visit.pk}/2/").content.decode()


def test_a_step_costs_few_queries(known, visit, django_assert_max_num_queries):
    known.get(f"/journey/{visit.pk}/1/")
    with django_assert_max_num_queries(7):
        known.get(f"/journey/{visit.pk}/2/")


@pytest.mark.parametrize("slug", ["sad", "fear", "anger"])
def test_the_three_moods_offer_a_way_out(known, photos, slug):
    known.post("/moods/accept/", {"mood": slug})
    page = known.get(f"/mood/{slug}/").content.decode()
    assert f'href="/journey/?from={slug}&amp;to=happy">Lift my mood' in page
    assert re.search(r"journey/\d+/1/", known.get(f"/journey/?from={slug}&to=happy").headers["Location"])


def test_its_pages_hold_nothing_inline(known, visit):
    for address in ("/journey/", f"/journey/{visit.pk}/1/", f"/journey/{visit.pk}/999/"):
        page = known.get(address, follow=True).content.decode()
        assert " style=" not in page and not re.search(r"\son[a-z]+=", page)
        assert not re.search(r"<script(?![^>]*\ssrc=)", page)
