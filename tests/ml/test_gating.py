"""The gate on a site: what judges, what is kept, who may promote against it, and the page that shows both."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from accounts.models import User
from ml import collection, gate, gating, interface
from ml.interface import Said
from ml.models import Comparison, Network, Promotion
from ml.parts import is_test
from ml.rows import TrainingRow

pytestmark = pytest.mark.django_db
MOODS = len(interface.MOODS)
GROUPS = [f"creator {n}" for n in range(300)]
JUDGES = [name for name in GROUPS if is_test(name)]


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch):
    monkeypatch.setattr(gate, "RESAMPLES", 100)
    monkeypatch.setattr(gate, "SHOWN_RESAMPLES", 20)


@pytest.fixture
def active():
    return interface.active()


@pytest.fixture
def candidate(active):
    return Network.objects.create(name="starter-0000000c", recipe="starter", path="x", card={})


@pytest.fixture
def site(monkeypatch, active, candidate):
    """A collection of 600 photographs by 300 creators, each a grey: what people say of it is how bright it is.

    site.noise: of each network's scores; site.held: what the collection holds already; site.looked: photographs that
    each network was shown.
    """
    world = SimpleNamespace(
        noise={candidate.pk: 0.1, active.id: 3.0}, held={}, looked={candidate.pk: [], active.id: []}, gone=set()
    )
    rng = np.random.default_rng(0)
    world.greys = rng.integers(20, 240, 600)

    def row(place):
        def image():
            if place in world.gone:
                raise FileNotFoundError(place)
            return Image.new("RGB", (8, 8), (int(world.greys[place]), place // 256, place % 256))

        mood = interface.MOODS[place % MOODS]
        beauty = 1 + 6 * float(world.greys[place]) / 255
        return TrainingRow(f"{place:064x}", GROUPS[place % 300], image, beauty, 9.0, mood)

    def scorer(network_id):
        def score(images):
            pixels = [image.getpixel((0, 0)) for image in images]
            places = [pixel[1] * 256 + pixel[2] for pixel in pixels]
            world.looked[network_id] += places
            noise = world.noise[network_id] * np.array(
                [np.random.default_rng([network_id, p]).normal() for p in places]
            )
            moods = np.full((len(images), MOODS), 0.5 / (MOODS - 1))
            moods[np.arange(len(images)), [p % MOODS for p in places]] = 0.5
            return SimpleNamespace(aesthetic=1 + 6 * np.array([p[0] for p in pixels]) / 255 + noise, moods=moods)

        return score

    held = lambda network_id, keys: {k: v for k, v in world.held.get(network_id, {}).items() if k in keys}  # noqa: E731
    pictures = lambda keys: {key: (f"/media/{key}.webp", f"/photo/{key}") for key in keys}  # noqa: E731
    monkeypatch.setattr(interface, "_sources", [lambda selection: (row(place) for place in range(600))])
    monkeypatch.setattr(interface, "scorer", scorer)
    monkeypatch.setattr(collection, "_scores", [held])
    monkeypatch.setattr(collection, "_thumbnails", [pictures])
    monkeypatch.setattr(collection, "_alarms", [lambda: ["One visitor gave 50% of all 600 answers: deadbeef."]])
    return world


def test_a_better_candidate_is_accepted_by_photographs_that_teach_nobody(site, candidate, active):
    found = gating.judge(candidate.pk)
    assert found.accepted and found.reason.startswith("Accepted")
    assert (found.candidate_id, found.against_id) == (candidate.pk, active.id)
    judged = {GROUPS[place % 300] for place in site.looked[candidate.pk]}
    assert judged == set(JUDGES) and found.photographs == 2 * len(JUDGES)
    taught = {row.group for row in interface.training_rows()}
    assert not taught & judged and taught | judged == set(GROUPS)
    assert len(found.disagreements) == gate.MOST_SHOWN


def test_a_worse_candidate_is_rejected_and_keeps_its_figures(site, candidate, active):
    site.noise = {candidate.pk: 3.0, active.id: 0.1}
    found = gating.judge(candidate.pk)
    assert not found.accepted and "worse at beauty" in found.reason
    kept = Comparison.objects.get()
    assert kept.figures["candidate"]["aesthetic"]["spearman"] < kept.figures["active"]["aesthetic"]["spearman"]


def test_scores_that_the_collection_holds_are_not_made_again(site, candidate, active):
    rows = interface.training_rows(part="test")
    said = {row.key: Said(4.0, tuple([1 / MOODS] * MOODS)) for row in rows[:-3]}
    site.held = {active.id: said}
    gating.judge(candidate.pk)
    assert len(site.looked[active.id]) == 3 and len(site.looked[candidate.pk]) == len(rows)


def test_what_cannot_be_read_is_judged_for_neither(site, candidate):
    place = next(p for p in range(600) if is_test(GROUPS[p % 300]))
    site.gone.add(place)
    assert gating.judge(candidate.pk).photographs == 2 * len(JUDGES) - 1


def test_what_a_network_says_it_learnt_from_does_not_judge_it(site, candidate):
    own = [row.key for row in interface.training_rows(part="test")][:5]
    candidate.card = {"photographs": [key[:16] for key in own]}
    candidate.save()
    # Keys of this test are numbers: their first 16 digits are the same, so none is left to judge by.
    assert gating.judge(candidate.pk).photographs == 0
    assert "Too few to judge" in Comparison.objects.get().reason


def test_the_hash_names_what_people_had_said(site, candidate):
    first, second = gating.judge(candidate.pk), gating.judge(candidate.pk)
    site.greys = site.greys + 1
    third = gating.judge(candidate.pk)
    assert first.split_hash == second.split_hash != third.split_hash


def test_a_candidate_that_was_not_judged_or_not_accepted_is_refused(site, candidate, active):
    with pytest.raises(interface.NotAccepted, match="was not compared"):
        interface.promote(candidate.pk, actor=None)
    site.noise = {candidate.pk: 3.0, active.id: 0.1}
    gating.judge(candidate.pk)
    with pytest.raises(interface.NotAccepted, match=r"was not accepted\. Rejected"):
        interface.promote(candidate.pk, actor=None, reason="I like it")
    assert Network.objects.get(pk=candidate.pk).state == "candidate" and Promotion.objects.count() == 1


def test_force_needs_a_reason_and_is_kept(site, candidate):
    with pytest.raises(interface.NotAccepted, match="say why"):
        interface.promote(candidate.pk, actor=None, forced=True)
    interface.promote(candidate.pk, actor=None, reason="our test part is tiny", forced=True)
    assert Promotion.objects.get(network=candidate).forced


def test_an_accepted_candidate_needs_no_force_until_another_network_ranks(site, candidate, active):
    gating.judge(candidate.pk)
    other = Network.objects.create(name="starter-0000000d", recipe="starter", path="x", card={})
    interface.promote(other.pk, actor=None, reason="first", forced=True)
    interface.arrived(other.pk, missing=0)
    with pytest.raises(interface.NotAccepted, match="ranks no more: compare it anew"):
        interface.promote(candidate.pk, actor=None, reason="better")
    interface.promote(active.id, actor=None, reason="it ranked before")
    assert Network.objects.get(pk=active.id).state == "incoming"


@pytest.fixture
def boss(client):
    client.force_login(User.objects.create_superuser("boss", password="x"))
    return client


def test_the_page_shows_both_and_promotes(site, candidate, active, boss):
    address = f"/admin/ml/network/{candidate.pk}/compare/"
    before = boss.get(address).content.decode()
    assert "has not judged" in before and "Promote by force" in before
    gating.judge(candidate.pk)
    text = boss.get(address).content.decode()
    assert "Accepted: it gains" in text and active.name in text and "One visitor gave 50%" in text
    assert text.count('class="confusion"') == 2 and text.count('class="reliability"') == 2
    assert text.count("/media/") == gate.MOST_SHOWN and "Promote by force" not in text
    assert "style=" not in text.split('id="content-main"')[1] and "<script>" not in text
    assert f"{address}" in boss.get(f"/admin/ml/network/{candidate.pk}/change/").content.decode()
    boss.post(f"/admin/ml/network/{candidate.pk}/promote/", {"reason": "better"})
    assert Network.objects.get(pk=candidate.pk).state == "incoming"
    assert not Promotion.objects.get(network=candidate).forced


def test_the_page_promotes_a_rejected_one_by_force_alone(site, candidate, active, boss):
    site.noise = {candidate.pk: 3.0, active.id: 0.1}
    gating.judge(candidate.pk)
    promote = f"/admin/ml/network/{candidate.pk}/promote/"
    said = boss.post(promote, {"reason": "I like it"}, follow=True).content.decode()
    assert "was not accepted" in said and Network.objects.get(pk=candidate.pk).state == "candidate"
    boss.post(promote, {"reason": "I like it", "forced": "1"})
    row = Promotion.objects.get(network=candidate)
    assert row.forced and row.reason == "I like it"


def test_comparing_anew_is_a_post_by_those_who_may(site, candidate, client, boss, monkeypatch):
    asked = []
    monkeypatch.setattr("ml.tasks.judge.delay_on_commit", asked.append)
    address = f"/admin/ml/network/{candidate.pk}/judge/"
    assert boss.get(address).status_code == 405
    boss.post(address)
    assert asked == [candidate.pk]
    client.force_login(User.objects.create_user("helper", password="x", is_staff=True))
    assert client.post(address).status_code == 403
    assert client.get(f"/admin/ml/network/{candidate.pk}/compare/").status_code == 403


def test_a_page_of_too_few_says_so(site, candidate, boss, monkeypatch):
    monkeypatch.setattr(interface, "_sources", [])
    gating.judge(candidate.pk)
    text = boss.get(f"/admin/ml/network/{candidate.pk}/compare/").content.decode()
    assert "Too few to judge" in text and "confusion" not in text.split('id="content-main"')[1]
    assert boss.get(f"/admin/ml/network/{candidate.pk}/compare/?of=999999").status_code == 404
