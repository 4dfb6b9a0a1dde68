"""Training runs in the admin: begun with what an admin chose, watched, cancelled, resumed; the queue; the plan."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.models import User
from ml import interface, plans, runs, tasks, workers
from ml.models import Network, Plan, Promotion, TrainingRun, WorkerBeat

pytestmark = pytest.mark.django_db
START = "/admin/ml/trainingrun/start/"
CHOICE = {
    "recipe": "ram",
    "options": "task=emotion\nepochs=3",
    "felt": "on",
    "tags": "on",
    "moods": ["sad"],
    "seed": "7",
}


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("ann", password="x")
    client.force_login(user)
    return user


@pytest.fixture
def onlooker(client):
    user = User.objects.create_user("bob", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_trainingrun"))
    client.force_login(user)
    return user


@pytest.fixture(autouse=True)
def woken(monkeypatch):
    told = []
    monkeypatch.setattr(runs, "wake", told.append)
    return told


def test_a_training_of_any_network_begins_with_what_was_chosen(client, boss, woken):
    response = client.post(START, CHOICE)
    run = TrainingRun.objects.get()
    assert response.headers["Location"] == f"/admin/ml/trainingrun/{run.pk}/change/"
    assert (run.recipe, run.options, run.seed, run.forced) == ("ram", ["task=emotion", "epochs=3"], 7, False)
    assert run.selection == {"moods": ["sad"], "ratings": False, "tags": True}
    assert (woken, run.asked_by) == ([run.pk], boss)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"options": "epohcs=3"}, "ram has no setting &#x27;epohcs=3&#x27;"),
        ({"options": "epochs=many"}, "epochs cannot be &#x27;many&#x27;"),
        ({"options": "task=style"}, "ram cannot be trained for &#x27;style&#x27; here: binary, emotion."),
        ({"options": "epochs"}, "There is no setting &#x27;epochs&#x27;"),
        ({"options": "batch=0"}, "must be at least 1"),
        ({"recipe": "starter", "options": "backbones=lite0"}, "The starter&#x27;s retraining has no setting"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "This day is before the other one."),
        ({"felt": "", "tags": ""}, "A training learns from something"),
        ({"recipe": "resnet9000"}, "Select a valid choice"),
        ({"seed": "-1"}, "greater than or equal to 0"),
        ({"sets": ["../../etc"]}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence_beside_its_field(client, boss, change, sentence):
    response = client.post(START, {**CHOICE, **change})
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert not TrainingRun.objects.exists()


def test_the_form_shows_a_recipes_defaults_and_greys_the_button_while_it_trains(client, boss):
    part = client.get("/admin/ml/trainingrun/recipe/?recipe=nima", HTTP_HX_REQUEST="true").content.decode()
    assert "<html" not in part
    assert "<code>lr=1e-05</code>" in part and "<code>trunk=mobilenet_v2</code>" in part and "task=score" in part
    assert "disabled" not in part
    TrainingRun.objects.create(recipe="nima", state="running")
    whole = client.get("/admin/ml/trainingrun/recipe/?recipe=nima").content.decode()
    assert "<html" in whole and '<button class="tool" disabled>Already training</button>' in whole
    assert "disabled" not in client.get(START).content.decode(), "the starter is free"


def test_one_run_a_recipe(client, boss):
    client.post(START, CHOICE)
    assert "already waiting or running" in client.post(START, CHOICE).content.decode()
    client.post(START, {**CHOICE, "recipe": "ram_cnn"})
    assert TrainingRun.objects.count() == 2


def test_data_sets_of_this_machine_are_offered(client, boss, settings, tmp_path):
    settings.VAR = tmp_path
    for name in ("oasis", "evoke-2026-11", "holiday"):
        (tmp_path / "datasets" / name).mkdir(parents=True)
    content = client.get(START).content.decode()
    assert "oasis (oasis)" in content and "evoke-2026-11 (evoke)" in content and "holiday" not in content


def test_looking_is_not_doing(client, onlooker):
    run = TrainingRun.objects.create(state="running")
    assert client.get(f"/admin/ml/trainingrun/{run.pk}/progress/").status_code == 200
    assert "Cancel" not in client.get(f"/admin/ml/trainingrun/{run.pk}/change/").content.decode()
    for place in ("start/", f"{run.pk}/cancel/", f"{run.pk}/resume/"):
        assert client.post(f"/admin/ml/trainingrun/{place}").status_code == 403
    run.refresh_from_db()
    assert (run.state, TrainingRun.objects.count()) == ("running", 1)


def test_cancel_and_resume(client, boss, woken):
    run = TrainingRun.objects.create(state="running", attempts=1)
    assert client.get(f"/admin/ml/trainingrun/{run.pk}/cancel/").status_code == 405
    assert b"Resume" in client.post(f"/admin/ml/trainingrun/{run.pk}/cancel/", follow=True).content
    assert b"Cancel</button>" in client.post(f"/admin/ml/trainingrun/{run.pk}/resume/", follow=True).content
    run.refresh_from_db()
    assert (run.state, woken) == ("queued", [run.pk])


def test_a_live_page_tells_all_and_its_last_answer_ends_the_asking(client, boss):
    epochs = [
        {"stage": "all", "epoch": n, "loss": 2.0 / (n + 1), "validation": n / 10, "seconds": 4.0} for n in range(3)
    ]
    told = {"log": "12:00:01 <b>Epoch</b> 3", "troubles": [{"what": "a.jpg", "why": "truncated"}], "seconds_left": 130}
    run = TrainingRun.objects.create(state="running", epochs=epochs, step=3, steps=9, worker="here, process 1", **told)
    response = client.get(f"/admin/ml/trainingrun/{run.pk}/progress/")
    content = response.content.decode()
    assert response.status_code == 200
    for words in ("about 2 minutes left", "3 of 9", "0.6667", "a.jpg: truncated", "here, process 1", "curves.svg?3"):
        assert words in content
    assert "<b>Epoch" not in content
    TrainingRun.objects.update(state="done")
    last = client.get(f"/admin/ml/trainingrun/{run.pk}/progress/")
    assert (last.status_code, b"hx-get" in last.content) == (286, False)


def test_the_curves_are_a_picture_that_can_run_nothing(client, boss):
    run = TrainingRun.objects.create(
        epochs=[{"stage": "all", "epoch": 0, "loss": 1.0, "validation": 0.5, "seconds": 1}]
    )
    response = client.get(f"/admin/ml/trainingrun/{run.pk}/curves.svg")
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.content.startswith(b"<svg")


def test_the_queue_page_says_who_lives_and_what_waits(client, boss, django_assert_max_num_queries):
    TrainingRun.objects.create(recipe="nima")
    assert "The schedule has never ticked" in client.get("/admin/ml/trainingrun/queue/").content.decode()
    workers.told("gpu@one", "score, train", ["ml.tasks.train"])
    workers.told("cpu@two", "web")
    WorkerBeat.objects.filter(name="cpu@two").update(at=timezone.now() - timedelta(minutes=5))
    workers._ticked(sender="ml.tasks.sweep")
    with django_assert_max_num_queries(8):
        content = client.get("/admin/ml/trainingrun/queue/").content.decode()
    assert "0 running, 1 waiting" in content and "ml.tasks.train" in content
    assert (
        content.count("(gone)") == 1 and "seems to be stopped" not in content and "No worker that lives" not in content
    )
    WorkerBeat.objects.update(at=timezone.now() - timedelta(minutes=5))
    content = client.get("/admin/ml/trainingrun/").content.decode()
    assert "seems to be stopped" in content and "No worker that lives takes trainings." in content


def test_who_was_live_on_a_day(client, boss):
    first, second = (Network.objects.create(name=f"starter-0000000{n}", recipe="starter") for n in range(2))
    days = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 10)]
    Promotion.objects.create(network=first, actor=boss, reason="the first one", live_at=days[0], ended_at=days[1])
    Promotion.objects.create(network=second, actor=boss, reason="the second one", live_at=days[1], forced=True)
    for day, seen in (
        ("2026-03-05", {"first"}),
        ("2026-03-10", {"first", "second"}),
        ("2026-03-11", {"second"}),
        ("x", set()),
    ):
        content = client.get(f"/admin/ml/promotion/?on={day}").content.decode()
        assert {name for name in ("first", "second") if f"the {name} one" in content} == seen, day
    assert client.get("/admin/ml/promotion/?on=2026-02-01").status_code == 200


def test_the_pages_have_no_inline_script_or_style_and_work_by_get(client, boss):
    run = TrainingRun.objects.create(state="failed", log="x")
    for place in ("trainingrun/", "trainingrun/start/", f"trainingrun/{run.pk}/change/", "promotion/", "plan/"):
        response = client.get(f"/admin/ml/{place}", follow=True)
        assert response.status_code == 200, place
        content = response.content.decode()
        assert " style=" not in content and "unsafe-inline" not in response.headers["Content-Security-Policy"]


# The plan


@pytest.fixture
def answers(monkeypatch):
    said = {"new": 500}
    monkeypatch.setattr(interface, "answers_since", lambda moment: said["new"])
    return said


@pytest.fixture
def verified(monkeypatch):
    calls = []
    monkeypatch.setattr(tasks.verify, "delay_on_commit", lambda: calls.append(1))
    return calls


NIGHT = datetime(2026, 3, 10, 3, 10, tzinfo=UTC)


def test_nothing_happens_by_itself_before_an_admin_says_so(answers, verified):
    plans.keep(NIGHT)
    assert not TrainingRun.objects.exists() and not verified


def test_a_plan_is_kept_once_a_night_and_once_a_week(answers, verified):
    plans.plan()
    Plan.objects.update(nightly_training=True, weekly_verification=True)
    for hours in (-1, 0, 0.2, 5, 9, 12):
        plans.keep(NIGHT + timedelta(hours=hours))
    assert (TrainingRun.objects.count(), len(verified)) == (1, 1)
    TrainingRun.objects.update(state="done")
    for day in range(1, 8):
        plans.keep(NIGHT + timedelta(days=day))
        TrainingRun.objects.update(state="done")
    assert (TrainingRun.objects.count(), len(verified)) == (8, 2)


def test_a_night_before_midnight_is_one_night(answers, verified):
    plans.plan()
    Plan.objects.update(nightly_training=True, hour=23)
    for hour in (23, 24, 25, 28):
        plans.keep(datetime(2026, 3, 10, tzinfo=UTC) + timedelta(hours=hour))
        TrainingRun.objects.update(state="done")
    assert TrainingRun.objects.count() == 1


def test_too_few_new_answers_train_nothing_and_a_run_under_way_is_no_error(answers, verified):
    plans.plan()
    Plan.objects.update(nightly_training=True)
    answers["new"] = 199
    plans.keep(NIGHT)
    assert not TrainingRun.objects.exists()
    answers["new"] = 200
    TrainingRun.objects.create(state="running")
    plans.keep(NIGHT + timedelta(days=1))
    assert TrainingRun.objects.count() == 1


def test_the_plans_page_keeps_what_an_admin_sets_and_refuses_a_25th_hour(client, boss):
    assert client.get("/admin/ml/plan/").headers["Location"].endswith("/admin/ml/plan/1/change/")
    client.post("/admin/ml/plan/1/change/", {"nightly_training": "on", "hour": "4", "least_ratings": "50"})
    plan = Plan.objects.get()
    assert (plan.nightly_training, plan.hour, plan.least_ratings, plan.weekly_verification) == (True, 4, 50, False)
    assert client.post("/admin/ml/plan/1/change/", {"hour": "24", "least_ratings": "50"}).status_code == 200
    assert Plan.objects.get().hour == 4
