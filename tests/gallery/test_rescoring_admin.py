"""The section of a network's page on its scoring of the collection: what it says, and who may press what."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from gallery.models import Score, ScoringFailure
from gallery.rank import scoring, shortlist
from ml import interface
from ml.models import Network, Promotion

pytestmark = pytest.mark.django_db
ACT = "/admin/gallery/scoringfailure/rescoring/{}/{}/"
WATCH = "/admin/gallery/scoringfailure/rescoring/{}/"


@pytest.fixture(autouse=True)
def one_prior(monkeypatch):
    prior = interface.prior(interface.active().id)
    monkeypatch.setattr(interface, "prior", lambda network_id: prior)


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("ann", password="x")
    client.force_login(user)
    return user


@pytest.fixture
def incoming(collection):
    """A network that has scored three photographs of ten, and failed on one."""
    photos = collection(10)
    row = Network.objects.create(name="other-00000000", recipe="starter")
    interface.promote(row.pk, actor=None, reason="better", forced=True)
    score(row, photos[:3])
    ScoringFailure.objects.create(photo=photos[3], network=row, reason="It has no <rendition>.")
    row.refresh_from_db()
    return row


def score(network, photos):
    for photo in photos:
        one = Score.objects.get(photo=photo, network_id=interface.active().id)
        one.pk, one.network_id = None, network.pk
        one.save(force_insert=True)


def page(client, network):
    response = client.get(f"/admin/ml/network/{network.pk}/change/")
    assert response.status_code == 200
    return response.content.decode()


def test_it_tells_how_far_it_is_and_what_failed(client, boss, incoming):
    said = page(client, incoming)
    assert "4 of 10 photographs looked at, 1 of them without scores" in said
    assert "It has no &lt;rendition&gt;." in said
    assert f"scoringfailure/?network__id__exact={incoming.pk}" in said
    assert client.get(f"/admin/gallery/scoringfailure/?network__id__exact={incoming.pk}").status_code == 200
    assert " style=" not in said and "<script>" not in said.split('id="rescoring')[1]


def test_it_asks_anew_while_it_scores_and_stops_by_itself(client, boss, incoming):
    assert "hx-get" in client.get(WATCH.format(incoming.pk)).content.decode()
    interface.pause(incoming.pk)
    paused = client.get(WATCH.format(incoming.pk))
    assert "hx-get" not in paused.content.decode() and paused.headers["HX-Refresh"] == "true"
    assert "Paused" in paused.content.decode()
    assert "hx-get" not in page(client, Network.objects.get(pk=interface.active().id)).split('id="rescoring')[0]


def test_pause_go_on_and_call_off(client, boss, incoming):
    assert "Pause" in page(client, incoming)
    client.post(ACT.format(incoming.pk, "pause"))
    assert interface.incoming() is None
    assert "Go on" in page(client, incoming)
    client.post(ACT.format(incoming.pk, "resume"))
    assert interface.incoming().id == incoming.pk
    client.post(ACT.format(incoming.pk, "call-off"), {"reason": "too slow"})
    incoming.refresh_from_db()
    assert incoming.state == "candidate"
    assert Promotion.objects.get(network=incoming).ended_at
    told = [entry.change_message for entry in LogEntry.objects.filter(object_id=str(incoming.pk))]
    assert len(told) == 3 and any("too slow" in message for message in told)


@pytest.mark.parametrize("deed", ["call-off", "switch-back"])
def test_what_changes_the_site_needs_a_reason(client, boss, incoming, deed):
    response = client.post(ACT.format(incoming.pk, deed), {"reason": " "}, follow=True)
    assert b"Say why" in response.content
    assert interface.incoming().id == incoming.pk and not LogEntry.objects.exists()


def test_failed_ones_are_tried_again(client, boss, incoming):
    client.post(ACT.format(incoming.pk, "retry"))
    assert not ScoringFailure.objects.exists()
    assert b"No photograph failed" in client.post(ACT.format(incoming.pk, "retry"), follow=True).content


def test_switching_back_from_either_page_keeps_who_and_why_and_twice_is_once(client, boss, incoming, collection):
    before = interface.active()
    ScoringFailure.objects.all().delete()
    score(incoming, list(scoring.pending.lacking(incoming.pk)))
    scoring.score_pending()
    assert interface.active().id == incoming.pk
    button = f"Switch back to {before.name}"
    assert button in page(client, incoming) and button in page(client, Network.objects.get(pk=before.id))
    client.post(ACT.format(before.id, "switch-back"), {"reason": "worse"})
    assert interface.active() == before and shortlist.current().network_id == before.id
    newest = Promotion.objects.latest("pk")
    assert (newest.actor, newest.reason) == (boss, "worse")
    again = client.post(ACT.format(before.id, "switch-back"), {"reason": "worse"}, follow=True)
    assert b"does not stand by any more" in again.content and interface.active() == before


def test_only_who_may_change_networks_presses_and_only_by_a_form_of_ours(client, incoming):
    user = User.objects.create_user("bob", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_network"))
    client.force_login(user)
    assert "Call it off" not in page(client, incoming) and "4 of 10" in page(client, incoming)
    for deed in ("pause", "resume", "call-off", "retry", "switch-back"):
        assert client.post(ACT.format(incoming.pk, deed), {"reason": "x"}).status_code == 403
        assert client.get(ACT.format(incoming.pk, deed)).status_code == 405
    user.user_permissions.clear()
    assert client.get(WATCH.format(incoming.pk)).status_code == 403
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(User.objects.create_superuser("eve", password="x"))
    assert forged.post(ACT.format(incoming.pk, "pause")).status_code == 403
    assert interface.incoming().id == incoming.pk


def test_an_unknown_deed_or_network_is_not_found(client, boss, incoming):
    assert client.post(ACT.format(incoming.pk, "dance")).status_code == 404
    assert client.post(ACT.format(10**9, "pause")).status_code == 404
    assert client.get(WATCH.format(10**9)).status_code == 404


def test_a_network_whose_file_is_damaged_says_so(client, boss, incoming, monkeypatch):
    def damaged(network_id):
        raise interface.NetworkFileError("its content does not match its name")

    monkeypatch.setattr(interface, "prior", damaged)
    assert "It cannot score: its content does not match its name" in page(client, incoming)
