"""Deciding on reports: what each decision does, that all of it can be taken back, and that no crowd decides alone."""

import pytest

from accounts.models import User, Visitor
from accounts.registry import exporters
from gallery import moderation, people, reports, safety
from gallery.collect import removals
from gallery.models import Decision, Photo, Quota, Report, SafetyCheck, Score, Takedown
from gallery.reports import Reporter, ReportError

pytestmark = pytest.mark.django_db
FACTS = ("status", "sensitive", "mood_tag")


@pytest.fixture
def photos(collection) -> list[Photo]:
    return collection(4, mood_tag="happy")


@pytest.fixture
def keeper(db) -> User:
    return User.objects.create_user("keeper")


def facts(photo) -> tuple:
    return tuple(Photo.objects.values_list(*FACTS).get(pk=photo.pk))


def report(photo, reason="wrong_mood", who=None, address="") -> Report:
    who = who or Visitor.objects.create()
    return reports.report(photo=photo, reporter=Reporter(who, address or str(who.pk)), reason=reason)


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        ("keep", ("shown", False, "happy")),
        ("sensitive", ("shown", True, "happy")),
        ("mood", ("shown", False, "")),
        ("rescore", ("shown", False, "happy")),
        ("hold", ("held", False, "happy")),
        ("hide", ("hidden", False, "happy")),
        ("remove", ("removed", False, "happy")),
    ],
)
def test_each_decision_answers_all_reports_and_can_be_taken_back(photos, keeper, kind, left):
    first, second = report(photos[0], "person"), report(photos[0], "broken")
    assert facts(photos[0])[0] == "held"
    decision = reports.decide(photo=photos[0], kind=kind, by=keeper, reason="So.")
    assert facts(photos[0]) == left, "what was automatic ends with a person's decision"
    assert set(Report.objects.values_list("decision", flat=True)) == {decision.pk}
    reports.take_back(decision=decision, by=keeper, reason="Not so.")
    assert facts(photos[0]) == ("held", False, "happy"), "as it was before, the automatic hold included"
    assert not Report.objects.filter(pk__in=[first.pk, second.pk]).exclude(decision=None).exists()
    kept = Decision.objects.get(pk=decision.pk)
    assert (kept.by, kept.reason, kept.taken_back_by, kept.taken_back_because) == (keeper, "So.", keeper, "Not so.")
    assert kept.taken_back_at > kept.made_at


def test_a_removal_is_a_takedown_like_others_with_near_copies(photos, keeper):
    Photo.objects.filter(pk__in=[photos[0].pk, photos[1].pk]).update(cluster=photos[0].pk)
    decision = reports.decide(photo=photos[0], kind="remove", by=keeper, reason="Gone.")
    assert [facts(photo)[0] for photo in photos[:3]] == ["removed", "removed", "shown"]
    assert Takedown.objects.get().state == "granted"
    assert photos[0].source_id in {removed.source_id for removed in removals.listed()}
    reports.take_back(decision=decision, by=keeper, reason="Back.")
    assert [facts(photo)[0] for photo in photos[:2]] == ["shown", "shown"]
    assert Takedown.objects.get().state == "reversed"


def test_only_the_latest_decision_can_be_taken_back_and_only_once(photos, keeper):
    first = reports.decide(photo=photos[0], kind="sensitive", by=keeper, reason="1")
    second = reports.decide(photo=photos[0], kind="hide", by=keeper, reason="2")
    with pytest.raises(ReportError, match="take that one back first"):
        reports.take_back(decision=first, by=keeper, reason="x")
    reports.take_back(decision=second, by=keeper, reason="x")
    with pytest.raises(ReportError, match="already"):
        reports.take_back(decision=second, by=keeper, reason="x")
    reports.take_back(decision=first, by=keeper, reason="x")
    assert facts(photos[0]) == ("shown", False, "happy")


def test_what_was_held_by_a_person_is_shown_again_when_kept(photos, keeper):
    reports.decide(photo=photos[0], kind="hold", by=keeper, reason="Wait.")
    reports.decide(photo=photos[0], kind="keep", by=keeper, reason="Fine.")
    assert facts(photos[0])[0] == "shown"


def test_what_was_hidden_elsewhere_is_not_shown_by_keeping_it(photos, keeper):
    Photo.objects.filter(pk=photos[0].pk).update(status="hidden", removed_because="gone_at_source")
    reports.decide(photo=photos[0], kind="keep", by=keeper, reason="Fine.")
    assert facts(photos[0])[0] == "hidden"


def test_what_was_changed_elsewhere_since_stays_when_a_decision_is_taken_back(photos, keeper):
    decision = reports.decide(photo=photos[0], kind="sensitive", by=keeper, reason="So.")
    Photo.objects.filter(pk=photos[0].pk).update(status="hidden")
    reports.take_back(decision=decision, by=keeper, reason="No.")
    assert facts(photos[0]) == ("hidden", False, "happy")


def test_a_request_to_take_it_down_comes_first(photos, keeper):
    report(photos[0], "person")
    removals.ask(photo=photos[0])
    with pytest.raises(ReportError, match="under Takedowns first"):
        reports.decide(photo=photos[0], kind="keep", by=keeper, reason="Fine.")
    assert facts(photos[0])[0] == "hidden"
    removals.refuse(Takedown.objects.get(), by=keeper, decision="No.")
    assert facts(photos[0])[0] == "held"
    reports.decide(photo=photos[0], kind="keep", by=keeper, reason="Fine.")
    assert facts(photos[0])[0] == "shown"


def test_what_was_taken_down_is_decided(photos, keeper):
    removals.take_down([photos[0]], by=keeper, decision="Gone.")
    with pytest.raises(ReportError, match="taken down already"):
        reports.decide(photo=photos[0], kind="keep", by=keeper, reason="Fine.")


def test_a_removal_that_another_request_holds_cannot_be_taken_back_here(photos, keeper):
    decision = reports.decide(photo=photos[0], kind="remove", by=keeper, reason="Gone.")
    other = removals.ask(photo=photos[0], hide=False)
    removals.grant(other, by=keeper, decision="Theirs.")
    Takedown.objects.filter(pk=other.pk).update(hidden=[[photos[0].pk, "shown"]])
    with pytest.raises(ReportError, match="Another request"):
        reports.take_back(decision=decision, by=keeper, reason="x")
    assert facts(photos[0])[0] == "removed"
    assert Takedown.objects.get(pk=decision.takedown_id).state == "granted", "all of it or nothing"


def test_scoring_again_drops_its_scores_alone(photos, keeper):
    before = Score.objects.count()
    reports.decide(photo=photos[0], kind="rescore", by=keeper, reason="Looks wrong.")
    assert Score.objects.count() == before - 1
    assert not Score.objects.filter(photo=photos[0]).exists()


def test_several_people_mark_a_photograph_until_somebody_decides(photos, keeper):
    report(photos[0], "sensitive")
    report(photos[0], "distressing")
    assert not facts(photos[0])[1]
    report(photos[0], "sensitive")
    assert facts(photos[0]) == ("shown", True, "happy")
    assert Decision.objects.get().automatic
    reports.decide(photo=photos[0], kind="keep", by=keeper, reason="Harmless.")
    for _ in range(5):
        report(photos[0], "sensitive")
    assert facts(photos[0]) == ("shown", False, "happy"), "a crowd does not undo what a person decided"


def test_one_person_or_one_address_is_no_crowd(photos):
    who = Visitor.objects.create()
    for reason in ("sensitive", "distressing"):
        report(photos[0], reason, who)
    for _ in range(4):
        report(photos[1], "broken", address="the same")
    assert [facts(photo)[:2] for photo in photos[:2]] == [("shown", False)] * 2
    assert Report.objects.filter(photo=photos[1], counts=True).count() == 1


def test_many_people_cannot_hold_more_than_so_many(photos, monkeypatch):
    monkeypatch.setattr(reports, "MOST_HELD", 2)
    for photo in photos:
        report(photo, "person")
    assert Photo.objects.filter(status="held").count() == 2
    assert Report.objects.count() == 4


def test_the_word_of_those_who_cried_wolf_counts_less(photos, keeper):
    wolves = [Visitor.objects.create() for _ in range(3)]
    for who in wolves:
        report(photos[0], "wrong_mood", who)
    reports.decide(photo=photos[0], kind="keep", by=keeper, reason="Right mood.")
    for who in wolves:
        report(photos[1], "broken", who)
    assert facts(photos[1])[0] == "shown"
    assert reports.weight(0, 1) == 0.5 and reports.weight(0, 0) == 1.0 and reports.weight(3, 1) == 0.8


def test_the_queue_has_the_urgent_first_and_nothing_decided(photos, keeper):
    for photo, reason in zip(photos, ("broken", "wrong_mood", "distressing", "person"), strict=True):
        report(photo, reason)
    assert [photo.pk for photo in moderation.waiting()] == [photos[i].pk for i in (3, 2, 1, 0)]
    reports.decide(photo=photos[3], kind="hold", by=keeper, reason="Wait.")
    assert [photo.pk for photo in moderation.waiting()] == [photos[i].pk for i in (2, 1, 0)]
    assert [photo.pk for photo in moderation.waiting("held")] == [photos[3].pk]
    removals.take_down([photos[2]], by=keeper, decision="Gone.")
    assert photos[2] not in moderation.waiting()


def test_the_safety_models_thresholds(photos, keeper):
    safety.keep({photos[0].pk: 0.2, photos[1].pk: safety.REVIEW, photos[2].pk: safety.HOLD}, {photos[3].pk: "broken"})
    assert [facts(photo)[0] for photo in photos] == ["shown", "shown", "held", "shown"]
    assert {photo.pk for photo in moderation.waiting()} == {photos[1].pk, photos[2].pk}
    assert SafetyCheck.objects.get(photo=photos[3]).failure == "broken"
    for photo in photos[1:3]:
        reports.decide(photo=photo, kind="keep", by=keeper, reason="A statue.")
    assert not moderation.waiting()
    assert facts(photos[2])[0] == "shown"


def test_what_a_person_judged_the_model_does_not_hold(photos, keeper):
    reports.decide(photo=photos[0], kind="keep", by=keeper, reason="A statue.")
    safety.keep({photos[0].pk: 0.99}, {})
    assert facts(photos[0])[0] == "shown"


def test_reports_come_along_on_signing_in_and_never_twice(photos):
    anonymous, member = Visitor.objects.create(), Visitor.objects.create()
    report(photos[0], "broken", anonymous)
    report(photos[0], "broken", member)
    report(photos[1], "broken", anonymous)
    assert people.bring_along(None, anonymous, member) == 0
    assert set(Report.objects.filter(visitor=member).values_list("photo_id", flat=True)) == {photos[0].pk, photos[1].pk}
    assert Report.objects.filter(visitor=member).count() == 2
    assert Report.objects.get(visitor=None).counts is False


def test_somebodys_own_data_holds_their_reports_until_they_are_forgotten(photos, keeper):
    who = Visitor.objects.create()
    kept = report(photos[0], "broken", who)
    Report.objects.filter(pk=kept.pk).update(note="My words.")
    reports.decide(photo=photos[0], kind="keep", by=keeper, reason="It is whole.")
    exporter = next(one for one in exporters if one.name == "reports")
    (row,) = exporter.rows(who)
    assert set(row) == set(exporter.columns)
    assert (row["note"], row["because"]) == ("My words.", "It is whole.")
    people.forget(who)
    kept.refresh_from_db()
    assert (kept.visitor, kept.note, kept.counts) == (None, "", False)


def test_hashes_of_addresses_are_forgotten(photos):
    report(photos[0], "person")
    assert Quota.objects.filter(key__startswith="report").count() == 3
    from django.utils import timezone

    reports.purge(timezone.now() + reports.IDLE)
    assert [key.partition(":")[0] for key in Quota.objects.values_list("key", flat=True)] == ["report-once"]
    reports.purge(timezone.now() + reports.IDLE_ONCE)
    assert not Quota.objects.exists()
