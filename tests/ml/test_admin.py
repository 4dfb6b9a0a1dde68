"""The admin's rooms for networks: who may retrain and promote, and what the pages say."""

import pytest
from django.contrib.auth.models import Permission

from accounts.models import User
from ml import interface
from ml.models import Network, Promotion, TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff():
    """Somebody who may look at networks and runs, and do nothing else."""
    user = User.objects.create_user("bob", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_network", "view_trainingrun"]))
    return user


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("ann", password="x")
    client.force_login(user)
    return user


def test_retrain_queues_one_run_and_shows_it(client, boss):
    response = client.post("/admin/ml/network/retrain/", follow=True)
    run = TrainingRun.objects.get()
    assert (run.state, run.asked_by) == ("queued", boss)
    assert b"Waiting for a worker" in response.content


def test_a_second_press_says_already_training(client, boss):
    client.post("/admin/ml/network/retrain/")
    response = client.post("/admin/ml/network/retrain/", follow=True)
    assert TrainingRun.objects.count() == 1
    assert b"already waiting or running" in response.content
    assert b"disabled" in response.content


@pytest.mark.parametrize("address", ["/admin/ml/network/retrain/", "/admin/ml/network/1/promote/"])
def test_reading_an_address_that_writes_is_refused(client, boss, address):
    assert client.get(address).status_code == 405


def test_without_the_permission_nothing_is_retrained_or_promoted(client, staff):
    client.force_login(staff)
    network = Network.objects.create(name="starter-00000000", recipe="starter")
    assert client.post("/admin/ml/network/retrain/").status_code == 403
    assert client.post(f"/admin/ml/network/{network.pk}/promote/", {"reason": "x"}).status_code == 403
    assert b"Retrain" not in client.get("/admin/ml/network/").content
    assert not TrainingRun.objects.exists()
    assert Network.objects.get(pk=network.pk).state == "candidate"


def test_visitors_are_sent_to_the_sign_in(client):
    assert client.post("/admin/ml/network/retrain/").status_code == 302
    assert not TrainingRun.objects.exists()


def test_promote_keeps_who_and_why(client, boss):
    interface.active()
    network = Network.objects.create(name="starter-00000000", recipe="starter")
    response = client.post(
        f"/admin/ml/network/{network.pk}/promote/",
        {"reason": "better on <b>our</b> hills", "forced": "on"},
        follow=True,
    )
    promotion = Promotion.objects.get(network=network)
    assert (promotion.actor, promotion.reason) == (boss, "better on <b>our</b> hills")
    assert b"<b>our</b>" not in response.content


def test_a_network_that_the_gate_has_not_accepted_needs_force_and_a_reason(client, boss):
    interface.active()
    network = Network.objects.create(name="starter-00000000", recipe="starter")
    page = f"/admin/ml/network/{network.pk}/promote/"
    assert b"was not compared" in client.post(page, {"reason": "better"}, follow=True).content
    assert b"say why" in client.post(page, {"reason": " ", "forced": "on"}, follow=True).content
    assert not Promotion.objects.filter(network=network).exists()
    client.post(page, {"reason": "the old one is broken", "forced": "on"})
    assert Promotion.objects.get(network=network).forced


@pytest.mark.parametrize(("state", "polls"), [("running", True), ("done", False), ("failed", False)])
def test_the_progress_part_asks_anew_only_while_the_run_goes_on(client, boss, state, polls):
    run = TrainingRun.objects.create(state=state, step=3, steps=9, message="Fold 3")
    content = client.get(f"/admin/ml/trainingrun/{run.pk}/progress/").content.decode()
    assert "Fold 3" in content
    assert ("hx-get" in content) is polls


def test_the_pages_need_no_inline_script_or_style(client, boss):
    interface.active()
    run = TrainingRun.objects.create(state="running")
    for address in (
        "/admin/",
        "/admin/ml/network/",
        f"/admin/ml/trainingrun/{run.pk}/change/",
        "/admin/gallery/photo/",
    ):
        response = client.get(address)
        assert response.status_code == 200
        assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
        assert " style=" not in response.content.decode()
