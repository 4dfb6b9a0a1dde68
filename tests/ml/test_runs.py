"""Training runs as rows: one at a time, claimed with a lease, taken up again, ended with a reason."""

import sys
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from accounts.models import User
from ml import carrying, children, files, interface, runs, tasks
from ml import train as training
from ml.models import Network, Promotion, TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return User.objects.create_superuser("ann", password="x")


@pytest.fixture(autouse=True)
def verdict(monkeypatch):
    """Stands in for the gate."""
    judge = lambda network_id: SimpleNamespace(reason="No better than before.")  # noqa: E731
    monkeypatch.setitem(sys.modules, "ml.gating", SimpleNamespace(judge=judge))


@pytest.fixture
def woken(monkeypatch):
    """The runs of which workers are told."""
    told = []
    monkeypatch.setattr(runs, "wake", told.append)
    return told


@pytest.fixture
def retrain(monkeypatch):
    """Stands in for the training itself: what it is to return or raise."""
    calls = []

    def set_outcome(outcome):
        def fake(base, rows, *, folder, seed, cache_dir, settings, progress):
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


def carry(run):
    """What a worker's child process does."""
    carrying.carry_out(run.pk, "here, process 1")
    run.refresh_from_db()


def test_a_second_run_is_refused_while_one_waits(admin):
    interface.start_run(asked_by=admin)
    with pytest.raises(interface.AlreadyTraining, match="already"):
        interface.start_run(asked_by=admin)


def test_a_run_makes_a_candidate_and_leaves_the_site_alone(retrain, tmp_path):
    before = interface.active()
    retrain(another_network(tmp_path))
    run = waiting_run()
    carry(run)
    assert (run.state, run.network.state) == ("done", "candidate")
    assert interface.active() == before


def test_too_little_data_is_a_refusal_with_its_reason(retrain):
    retrain(training.TooLittleData("Only 3 photographs are rated; 20 are needed."))
    run = waiting_run()
    carry(run)
    assert (run.state, run.message) == ("refused", "Only 3 photographs are rated; 20 are needed.")


def test_an_error_ends_the_run_with_a_sentence(retrain):
    retrain(OSError("No space left on device"))
    run = waiting_run()
    carry(run)
    assert run.state == "failed"
    assert "No space left" in run.message


def test_a_run_that_another_worker_has_is_left_alone(retrain, monkeypatch):
    calls = retrain(RuntimeError("must not be called"))
    monkeypatch.setattr(children, "carry_out", lambda run_id: pytest.fail("no process is started for it"))
    run = waiting_run(state="running", lease_until=timezone.now() + timedelta(minutes=1), attempts=1, worker="there")
    tasks.train(run.pk)
    carry(run)
    assert (calls, run.worker) == ([], "there")


def test_the_sweep_queues_a_run_whose_worker_died_and_another_goes_on(retrain, woken):
    calls = retrain(training.TooLittleData("too little"))
    run = waiting_run(state="running", lease_until=timezone.now() - timedelta(seconds=1), attempts=1)
    tasks.sweep()
    run.refresh_from_db()
    assert (run.state, woken) == ("queued", [run.pk])
    carry(run)
    assert (len(calls), run.attempts) == (1, 2)


def test_a_waiting_run_is_told_of_again_but_not_at_each_sweep(woken):
    run = waiting_run(woken_at=timezone.now())
    tasks.sweep()
    assert woken == []
    TrainingRun.objects.filter(pk=run.pk).update(woken_at=timezone.now() - timedelta(minutes=3))
    tasks.sweep()
    tasks.sweep()
    assert woken == [run.pk]


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
    carry(run)
    assert run.state == "cancelled"


def test_stopping_in_order_gives_the_run_back_and_is_no_death(retrain):
    retrain(RuntimeError("stopped before"))
    run = waiting_run()
    carrying.carry_out(run.pk, "here, process 1", lambda: True)
    run.refresh_from_db()
    assert (run.state, run.attempts, run.lease_until) == ("queued", 0, None)


def test_an_error_while_it_stops_is_no_failure(retrain):
    retrain(OSError("a process that read photographs was ended, too"))
    run, asked = waiting_run(), iter([False])
    carrying.carry_out(run.pk, "here, process 1", lambda: next(asked, True))
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("queued", 0)


def test_what_a_lost_worker_still_says_is_not_written(retrain):
    run = waiting_run()
    mine = runs.claim(run.pk, "here, process 1")
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert runs.claim(run.pk, "there, process 2")
    with pytest.raises(runs.Lost):
        runs.report(mine, message="still here")
    assert not runs.end(mine, "failed", "still here")
    assert not runs.give_back(mine)
    run.refresh_from_db()
    assert (run.state, run.worker) == ("running", "there, process 2")


def test_the_gates_verdict_is_told_with_the_network(retrain, tmp_path):
    retrain(another_network(tmp_path))
    run = waiting_run()
    carry(run)
    assert run.message == f"Made {run.network.name}. No better than before."


def test_a_gate_that_fails_takes_nothing_from_the_run(retrain, tmp_path, monkeypatch):
    def broken(network_id):
        raise RuntimeError("no test photographs")

    monkeypatch.setattr(sys.modules["ml.gating"], "judge", broken)
    retrain(another_network(tmp_path))
    run = waiting_run()
    carry(run)
    assert run.state == "done"
    assert "no test photographs" in run.message


def test_nothing_is_trained_from_what_taught_the_last_network(retrain, tmp_path):
    calls = retrain(another_network(tmp_path))
    first, again, forced, other = (
        waiting_run(**more) for more in ({}, {"recipe": "x"}, {"recipe": "y"}, {"recipe": "z"})
    )
    carry(first)
    TrainingRun.objects.filter(pk__in=[again.pk, forced.pk, other.pk]).update(recipe="starter", state="cancelled")
    for run, more in ((again, {}), (forced, {"forced": True}), (other, {"options": ["width=2"]})):
        TrainingRun.objects.filter(pk=run.pk).update(state="queued", **more)
        carry(run)
    assert (again.state, forced.state, other.state) == ("unchanged", "done", "done")
    assert f"run {first.pk}" in again.message
    assert len(calls) == 3


def test_a_cancelled_run_can_be_resumed_but_not_beside_another(woken):
    run = waiting_run(attempts=2)
    assert runs.cancel(run.pk)
    other = waiting_run()
    with pytest.raises(runs.AlreadyTraining):
        runs.resume(run.pk)
    runs.cancel(other.pk)
    assert runs.resume(run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempts, woken) == ("queued", 0, [run.pk])
    assert not runs.resume(run.pk)


def test_the_checkpoints_of_old_runs_are_deleted(settings, tmp_path):
    settings.RUNS_DIR = tmp_path
    old = waiting_run(state="cancelled", ended_at=timezone.now() - timedelta(days=8))
    new = waiting_run(state="failed", ended_at=timezone.now())
    for run in (old, new):
        runs.folder(run.pk).mkdir()
    (tmp_path / "ram-0a1b2c3d").mkdir()
    tasks.sweep()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ram-0a1b2c3d", f"run-{new.pk}"]


def test_a_promoted_network_ranks_only_when_nothing_lacks_its_scores(admin):
    first = interface.active()
    candidate = Network.objects.create(name="starter-00000000", recipe="starter", path="x")
    interface.promote(candidate.pk, actor=admin, reason="better", forced=True)
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
    interface.promote(chosen.pk, actor=admin, reason="better", forced=True)
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
