"""Networks come in, rank, stand by and go back: each change whole, and once however often it is asked for."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from ml import interface
from ml.models import Network, Promotion

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return User.objects.create_superuser("ann", password="x")


@pytest.fixture
def first():
    return interface.active()


def candidate(number: int) -> Network:
    return Network.objects.create(name=f"starter-{number:08}", recipe="starter", path="x")


def states() -> dict[str, str]:
    """States by the last digit of a name that a test gave, or "shipped"."""
    rows = Network.objects.values_list("name", "state")
    return {name[-1] if name.startswith("starter-0000") else "shipped": state for name, state in rows}


def come_in(network: Network, actor=None, reason: str = "") -> None:
    interface.promote(network.pk, actor=actor, reason=reason or "a test", forced=True)
    assert interface.arrived(network.pk, missing=0)


def test_the_network_that_ranked_stands_by_and_the_one_before_it_retires(first):
    one, two = candidate(1), candidate(2)
    come_in(one)
    assert states() == {"shipped": "standby", "1": "active", "2": "candidate"}
    come_in(two)
    assert states() == {"shipped": "retired", "1": "standby", "2": "active"}
    assert [n.id for n in interface.to_score()] == [two.pk, one.pk]


def test_switching_back_is_at_once_and_pressed_twice_once(first, admin):
    one = candidate(1)
    come_in(one)
    assert interface.switch_back(first.id, actor=admin, reason="it was worse")
    assert states() == {"shipped": "active", "1": "standby"}
    assert not interface.switch_back(first.id, actor=admin, reason="it was worse")
    assert interface.active() == first
    newest = Promotion.objects.latest("pk")
    assert (newest.actor, newest.reason, newest.replaced_id) == (admin, "it was worse", one.pk)
    assert newest.live_at and newest.ended_at is None


def test_promotions_tell_when_each_began_and_ended(first):
    one = candidate(1)
    come_in(one)
    interface.switch_back(first.id, actor=None)
    began, then, back = Promotion.objects.order_by("pk")
    assert began.ended_at == then.live_at and then.ended_at == back.live_at and back.ended_at is None


def test_a_network_that_does_not_stand_by_cannot_be_switched_back_to(first, admin):
    one = candidate(1)
    assert not interface.switch_back(one.pk, actor=admin)
    assert not interface.switch_back(first.id, actor=admin)
    assert interface.active() == first


def test_called_off_it_goes_back_where_it_came_from(first):
    one, two = candidate(1), candidate(2)
    interface.promote(one.pk, actor=None, reason="a test", forced=True)
    assert interface.call_off(one.pk) and not interface.call_off(one.pk)
    assert states()["1"] == "candidate"
    assert Promotion.objects.get(network=one).ended_at is not None
    assert not interface.arrived(one.pk, missing=0), "what was called off does not arrive"
    come_in(one)
    come_in(two)
    interface.promote(first.id, actor=None, reason="a test", forced=True)
    interface.call_off(first.id)
    assert states() == {"shipped": "retired", "1": "standby", "2": "active"}


def test_a_second_promotion_calls_the_first_off(first):
    one, two = candidate(1), candidate(2)
    interface.promote(one.pk, actor=None, reason="a test", forced=True)
    interface.promote(two.pk, actor=None, reason="a test", forced=True)
    assert states() == {"shipped": "active", "1": "candidate", "2": "incoming"}
    assert Promotion.objects.get(network=one).ended_at is not None


def test_paused_it_neither_scores_nor_takes_over(first):
    one = candidate(1)
    interface.promote(one.pk, actor=None, reason="a test", forced=True)
    assert interface.scores_now(one.pk)
    assert interface.pause(one.pk) and not interface.pause(one.pk)
    assert interface.to_score() == [first] and interface.incoming() is None and not interface.scores_now(one.pk)
    assert one.pk in interface.in_use(), "what visitors say meanwhile is not lost on it"
    assert not interface.arrived(one.pk, missing=0)
    assert interface.pause(one.pk, paused=False)
    assert [n.id for n in interface.to_score()] == [first.id, one.pk]
    assert interface.arrived(one.pk, missing=0) and not interface.arrived(one.pk, missing=0)


def test_a_retired_network_can_be_let_in_again(first):
    one, two = candidate(1), candidate(2)
    come_in(one)
    come_in(two)
    come_in(Network.objects.get(pk=first.id))
    assert states() == {"shipped": "active", "1": "retired", "2": "standby"}
    assert Promotion.objects.filter(network_id=first.id).count() == 2


def test_who_was_live_on_a_day(first, admin):
    one = candidate(1)
    come_in(one, admin, "better")
    interface.switch_back(first.id, actor=admin)
    days = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 5, 9)]
    for row, at in zip(Promotion.objects.order_by("pk"), days, strict=True):
        Promotion.objects.filter(pk=row.pk).update(live_at=at)

    def live(day: int) -> list[int]:
        return [row.network_id for row in interface.live_on(date(2026, 3, day))]

    assert [live(day) for day in (1, 4, 5, 6, 9, 20)] == [
        [first.id], [first.id], [first.id, one.pk], [one.pk], [one.pk, first.id], [first.id],
    ]  # fmt: skip
    assert interface.live_on(date(2026, 2, 28)) == []
    assert interface.live_on(date(2026, 3, 6))[0].actor == admin


def test_a_promotion_of_long_ago_that_was_never_ended_does_not_count_twice(first):
    """Rows of before ended_at was kept."""
    come_in(candidate(1))
    Promotion.objects.update(ended_at=None)
    assert len(interface.live_on((timezone.now() + timedelta(days=1)).date())) == 1
