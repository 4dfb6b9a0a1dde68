"""Training runs as rows: one at a time, claimed with a lease, taken up again, ended with a reason."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from ml import files, interface, tasks
from ml import train as training
from ml.models import Network, Promotion, TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return User.objects.create_superuser("ann", password="x")


@pytest.fixture
def retrain(monkeypatch):
    """Stands in for the training itself: what it is to return or raise."""
    calls = []

    def set_outcome(outcome):
        def fake(base, rows, *, folder, seed, cache_dir, progress):
            calls.append(seed)
            progress({"step": 1, "steps": 2, "message": "half", "metrics": {}})
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(training, "retrain", fake)
        return calls

    return set_outcome


def waiting_run(**more):
    return TrainingRun.objects.create(**{"asked_at": timezone.now(), **more})


def test_a_second_run_is_refused_while_one_waits(admin):
    interface.start_run(asked_by=admin)
    with pytest.raises(interface.AlreadyTraining, match="already"):
        interface.start_run(asked_by=admin)


def test_a_run_makes_a_candidate_and_leaves_the_site_alone(retrain, tmp_path):
    before = interface.active()
    retrain(another_network(tmp_path))
    run = waiting_run()
    tasks.train(run.pk)
    run.refresh_from_db()
    assert (run.state, run.network.state) == ("done", "candidate")
    assert interface.active() == before


def test_too_little_data_is_a_refusal_with_its_reason(retrain):
    retrain(training.TooLittleData("Only 3 photographs are rated; 20 are needed."))
    run = waiting_run()
    tasks.train(run.pk)
    run.refresh_from_db()
    assert (run.state, run.message) == ("refused", "Only 3 photographs are rated; 20 are needed.")


def test_an_error_ends_the_run_with_a_sentence(retrain):
    retrain(OSError("No space left on device"))
    run = waiting_run()
    tasks.train(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "No space left" in run.message


def test_a_run_that_another_worker_has_is_left_alone(retrain):
    calls = retrain(RuntimeError("must not be called"))
    run = waiting_run(state="running", lease_until=timezone.now() + timedelta(minutes=1), attempts=1)
    tasks.train(run.pk)
    assert calls == []


def test_the_sweep_takes_up_a_run_whose_worker_died(retrain):
    calls = retrain(training.TooLittleData("too little"))
    waiting_run(state="running", lease_until=timezone.now() - timedelta(seconds=1), attempts=1)
    tasks.sweep()
    assert len(calls) == 1


def test_the_sweep_ends_a_run_whose_workers_keep_dying(retrain):
    calls = retrain(RuntimeError("must not be called"))
    run = waiting_run(state="running", lease_until=timezone.now() - timedelta(seconds=1), attempts=3)
    tasks.sweep()
    run.refresh_from_db()
    assert (run.state, calls) == ("failed", [])


def test_a_cancelled_run_stops_at_its_next_report(retrain, monkeypatch):
    run = waiting_run()

    def cancelled(base, rows, *, progress, **_):
        TrainingRun.objects.filter(pk=run.pk).update(state="cancelled")
        progress({"step": 1, "steps": 2})
        raise AssertionError("went on although cancelled")

    monkeypatch.setattr(training, "retrain", cancelled)
    tasks.train(run.pk)
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_a_promoted_network_ranks_only_when_nothing_lacks_its_scores(admin):
    first = interface.active()
    candidate = Network.objects.create(name="starter-00000000", recipe="starter", path="x")
    interface.promote(candidate.pk, actor=admin, reason="better")
    assert interface.active() == first
    assert not interface.arrived(candidate.pk, missing=3)
    assert interface.active() == first
    assert interface.arrived(candidate.pk, missing=0)
    assert interface.active().id == candidate.pk
    assert Network.objects.get(pk=first.id).state == "standby"
    promotion = Promotion.objects.get(network=candidate)
    assert promotion.live_at and promotion.actor == admin and promotion.replaced_id == first.id


def test_the_shipped_network_is_active_where_none_was_promoted():
    assert interface.active().name == files.shipped().name
    assert interface.active() == interface.active()
    assert Network.objects.count() == 1


def test_the_prior_is_the_shipped_one():
    prior = interface.prior(interface.active().id)
    assert prior.covariance.shape == (68, 68)
    assert replace(prior).floor.shape == (6,)


def test_a_newer_shipped_network_comes_in_by_itself_where_a_shipped_one_ranks(monkeypatch, tmp_path):
    first = interface.active()
    newer = another_network(tmp_path)
    monkeypatch.setattr(files, "shipped", lambda: newer)
    assert [n.name for n in interface.to_score()] == [first.name, newer.name]
    interface.arrived(interface.to_score()[1].id, missing=0)
    assert interface.active().name == newer.name
    assert interface.prior(first.id).floor.shape == (6,), "the older one's file is still there"


def test_a_newer_shipped_network_waits_where_an_admin_chose(admin, monkeypatch, tmp_path):
    interface.active()
    chosen = Network.objects.create(name="starter-00000000", recipe="starter", path="x")
    interface.promote(chosen.pk, actor=admin, reason="better")
    interface.arrived(chosen.pk, missing=0)
    newer = another_network(tmp_path)
    monkeypatch.setattr(files, "shipped", lambda: newer)
    assert newer.name not in [n.name for n in interface.to_score()]
    assert Network.objects.get(name=newer.name).state == "candidate"


def another_network(folder):
    shipped = files.shipped()
    return files.save(
        folder, "starter", {**shipped.arrays, "embedding.scale": shipped.arrays["embedding.scale"] * 2}, shipped.card
    )
