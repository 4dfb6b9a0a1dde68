"""From one network to another and back: whole or not at all, without a page of both, without losing an answer."""

import re
import threading
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Visitor
from gallery import actions, queries
from gallery.models import Photo, Rating, Score, Taste, Visit
from gallery.moods import MOODS
from gallery.rank import learning, pending, scoring, shortlist, switching
from ml import interface
from ml.models import Network

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(monkeypatch) -> interface.NetworkInfo:
    """A second network, a candidate, with the shipped one's prior."""
    prior = interface.prior(interface.active().id)
    monkeypatch.setattr(interface, "prior", lambda network_id: prior)
    return interface.network(Network.objects.create(name="other-00000000", recipe="starter").pk)


def score_by(network: interface.NetworkInfo, photos: list[Photo]) -> None:
    """Scores that put the photographs in the opposite order, and see them elsewhere in the embedding."""
    rng = np.random.default_rng(5)
    Score.objects.bulk_create(
        Score(
            photo=photo, network_id=network.id, moods=[0.9, *[0.02] * 5], valence=2.0, arousal=5.0,
            aesthetic=3.0 + 3.0 * i / len(photos), embedding=rng.standard_normal(64),
        )
        for i, photo in enumerate(photos)
    )  # fmt: skip


def bring_in(network: interface.NetworkInfo) -> None:
    interface.promote(network.id, actor=None, reason="a test", forced=True)
    scoring.score_pending()


# What is scored first


def test_new_photographs_come_before_the_collection_that_an_incoming_network_scores(
    looker, pictures, other, monkeypatch
):
    pictures(6)
    scoring.score_pending()
    interface.promote(other.id, actor=None, reason="a test", forced=True)
    monkeypatch.setattr(scoring, "TURN", 0)
    turns = []

    def tell(name, done, total):
        turns.append(name)
        if len(turns) == 1:
            pictures(2)

    scoring.score_pending(batch=2, progress=tell)
    shipped = next(name for name in turns if name != other.name)
    assert turns == [other.name, shipped, other.name, other.name, other.name]
    assert interface.active() == other


def test_paused_half_way_it_goes_on_later_and_then_takes_over(looker, pictures, other):
    pictures(6)
    scoring.score_pending()
    interface.promote(other.id, actor=None, reason="a test", forced=True)
    scoring.score_pending(batch=2, progress=lambda *_: interface.pause(other.id))
    assert Score.objects.filter(network=other.id).count() == 2
    assert scoring.score_pending() == scoring.ScoringResult() and interface.active() != other
    interface.pause(other.id, paused=False)
    assert scoring.score_pending().scored == 4
    assert interface.active() == other


def test_called_off_half_way_its_scores_stay_for_another_time(looker, pictures, other):
    pictures(6)
    scoring.score_pending()
    interface.promote(other.id, actor=None, reason="a test", forced=True)
    scoring.score_pending(batch=2, progress=lambda *_: interface.call_off(other.id))
    assert interface.active() != other
    interface.promote(other.id, actor=None, reason="a test", forced=True)
    assert scoring.score_pending().scored == 4


def test_the_network_that_stands_by_scores_new_photographs_too(looker, pictures, other):
    pictures(3)
    scoring.score_pending()
    before = interface.active()
    bring_in(other)
    pictures(2)
    assert scoring.score_pending().scored == 4
    assert not pending.lacking(before.id).exists()


def test_a_network_that_gives_no_numbers_does_not_empty_the_site(looker, pictures, other):
    pictures(10)
    scoring.score_pending()
    before = shortlist.current().version
    blind = Photo.objects.order_by("pk")[:3]
    interface.promote(other.id, actor=None, reason="a test", forced=True)
    for photo in blind:
        scoring.ScoringFailure.objects.create(photo=photo, network_id=other.id, reason="no numbers")
    scoring.score_pending()
    assert interface.active() != other and shortlist.current().version == before
    assert pending.shortfall(other.id) == 2
    scoring.retry_failed(other.id)
    scoring.score_pending()
    assert interface.active() == other


def test_progress_tells_what_is_done_and_how_long_the_rest_takes(collection, other):
    photos = collection(40)
    score_by(other, photos[:30])
    now = timezone.now()
    for i, score in enumerate(Score.objects.filter(network=other.id).order_by("pk")):
        Score.objects.filter(pk=score.pk).update(scored_at=now - timedelta(seconds=(29 - i) // 10 * 5))
    found = pending.progress(other.id)
    assert (found.scored, found.failed, found.total, found.waiting) == (30, 0, 40, 10)
    assert found.rate == pytest.approx(2.0) and found.left == timedelta(seconds=5)
    Score.objects.filter(network=other.id).update(scored_at=now - timedelta(minutes=5))
    assert pending.progress(other.id).left is None, "nobody scores now"


# The switch


class Killed(BaseException):
    pass


@pytest.mark.parametrize("where", [(learning, "carry_over"), (shortlist, "write"), (interface, "arrived")])
def test_killed_before_the_switch_nothing_has_happened_and_the_next_pass_completes_it(
    collection, other, where, monkeypatch
):
    score_by(other, collection(8))
    before = shortlist.current()
    interface.promote(other.id, actor=None, reason="a test", forced=True)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*where, die)
        with pytest.raises(Killed):
            scoring.score_pending()
        assert shortlist.current() is before and interface.active().id == before.network_id
    scoring.score_pending()
    assert shortlist.current().network_id == interface.active().id == other.id


def test_killed_right_after_the_switch_it_has_happened_whole(collection, other, monkeypatch):
    score_by(other, collection(8))
    interface.promote(other.id, actor=None, reason="a test", forced=True)

    def die():
        raise Killed

    monkeypatch.setattr(learning, "drop_unused", die)
    with pytest.raises(Killed):
        scoring.score_pending()
    assert shortlist.current().network_id == interface.active().id == other.id
    monkeypatch.undo()


def test_what_pages_read_changes_in_the_transaction_that_changes_the_network(collection, other):
    """What is written ahead is not read before, and nothing needs to be written after."""
    score_by(other, collection(8))
    before = shortlist.current()
    interface.promote(other.id, actor=None, reason="a test", forced=True)
    written = shortlist.write(other.id)
    assert shortlist.current() is before
    assert interface.arrived(other.id, missing=0)
    assert shortlist.current().version == written.pk
    assert shortlist.write() is None


def test_switching_back_is_at_once_and_twice_is_once(collection, other):
    score_by(other, collection(8))
    before = shortlist.current()
    bring_in(other)
    assert shortlist.of(before.network_id) is before, "kept ready"
    assert switching.switch_back(before.network_id, actor=None, reason="worse")
    assert shortlist.current() is before
    assert not switching.switch_back(before.network_id, actor=None, reason="worse")
    assert shortlist.current() is before


def test_where_nothing_lies_ready_switching_back_writes_it_first(collection, other, settings):
    score_by(other, collection(8))
    before = shortlist.current()
    bring_in(other)
    shortlist._tidy()
    shortlist.Shortlist.objects.filter(network=before.network_id).delete()
    assert switching.switch_back(before.network_id, actor=None)
    assert shortlist.current().network_id == before.network_id


def test_what_the_standby_network_would_be_ranked_from_is_renewed_when_it_is_old(collection, other):
    score_by(other, collection(8))
    before = interface.active()
    bring_in(other)
    Photo.objects.filter(pk=Photo.objects.latest("pk").pk).update(status=Photo.Status.REMOVED)
    switching.refresh()
    assert len(shortlist.of(before.id).ids) == 8, "not with every change"
    shortlist.Shortlist.objects.update(written_at=timezone.now() - timedelta(hours=1))
    switching.refresh()
    assert len(shortlist.of(before.id).ids) == 7


def test_files_that_a_writer_removed_after_they_were_looked_up_are_looked_up_anew(collection, monkeypatch):
    collection(3, seed=1)
    first, tried, opens = shortlist.current().version, [], shortlist._open

    def gone_once(folder, version, network_id):
        tried.append(version)
        if len(tried) > 1:
            return opens(folder, version, network_id)
        collection(3, seed=2)
        collection(3, seed=3)
        return None

    monkeypatch.setattr(shortlist, "_open", gone_once)
    assert shortlist.current().version > first


# Pages


def test_an_open_visit_goes_on_by_the_new_network_and_keeps_the_pages_it_has(collection, other, visitor):
    photos = collection(100)
    score_by(other, photos)
    before = interface.active()
    visit = actions.open_visit(visitor=visitor, mood="happy", sort="beautiful")
    first = actions.turn_page(visit=visit, number=1)
    bring_in(other)
    second = actions.turn_page(visit=visit, number=2)
    assert actions.turn_page(visit=visit, number=1) == first
    assert (first.network_id, second.network_id) == (before.id, other.id)
    assert first.ids == sorted(first.ids) and second.ids == sorted(second.ids, reverse=True)
    assert not set(first.ids) & set(second.ids)


def test_which_photographs_fit_loosely_stays_as_the_network_said_that_showed_them(collection, other, visitor):
    photos = collection(4, probability=0.02, seed=1)
    score_by(other, photos)  # fits by this one
    visit = actions.open_visit(visitor=visitor, mood="happy")
    page = actions.turn_page(visit=visit, number=1)
    assert page.loose == 4
    bring_in(other)
    assert actions.turn_page(visit=visit, number=1).loose == 4
    assert actions.generic_page(mood="happy", number=1).loose == 0


def test_what_was_made_of_a_version_holds_when_the_site_comes_back_to_it(collection, other):
    score_by(other, collection(20))
    before = interface.active()
    first = actions.generic_page(mood="happy", number=1)
    bring_in(other)
    assert actions.generic_page(mood="happy", number=1).ids == first.ids[::-1]
    switching.switch_back(before.id, actor=None)
    assert actions.generic_page(mood="happy", number=1) == first


def test_a_photograph_is_explained_by_the_network_that_scored_it_even_if_another_ranks_meanwhile(
    collection, other, visitor
):
    photos = collection(20)
    score_by(other, photos)
    score = queries.score(photos[0])
    expected = queries.why(score, MOODS["happy"], visitor.pk)
    bring_in(other)
    assert queries.why(score, MOODS["happy"], visitor.pk) == expected
    by_other = queries.why(queries.score(photos[0]), MOODS["happy"], visitor.pk)
    assert (expected.reasons.place, by_other.reasons.place) == (1, 20)
    assert by_other.cloud != expected.cloud


def test_pages_name_their_network(client, collection, other):
    photos = collection(3)
    score_by(other, photos)
    bring_in(other)
    assert client.get("/mood/happy/").headers["X-Evoke-Network"] == other.name
    page = client.get(f"/photo/{photos[0].pk}/?mood=happy")
    assert page.headers["X-Evoke-Network"] == other.name
    assert re.search(r"<dd[^>]*>90 %</dd>", page.content.decode())


# Taste


def rated(count: int, photos: list[Photo], *, at: int = 0) -> list[Visitor]:
    """Visitors who were here lately and said something of most photographs."""
    people = Visitor.objects.bulk_create(Visitor() for _ in range(count))
    rng = np.random.default_rng(at)
    Visit.objects.bulk_create(Visit(visitor=who, mood="happy", seed=1) for who in people)
    Rating.objects.bulk_create(
        Rating(
            visitor=who, photo=photo, value=[None, 1, 2, 3, 4, 5][rng.integers(6)], hidden=bool(rng.integers(5) == 0),
            felt=["", *interface.MOODS][rng.integers(7)],
        )
        for who in people
        for photo in photos[:-1]
    )  # fmt: skip
    return people


def one_by_one(visitor: Visitor, network_id: int) -> learning.Learnt:
    """What learning answer after answer gives."""
    prior = interface.prior(network_id)
    learnt = learning._start(prior)
    for rating in Rating.objects.filter(visitor=visitor):
        score = Score.objects.get(photo_id=rating.photo_id, network_id=network_id)
        learnt = learning._changed(learnt, score, prior, learning.answers_of(rating), learning.taste.observe)
    return learnt


def same(one: learning.Learnt, two: learning.Learnt) -> bool:
    return all(
        np.allclose(getattr(getattr(one, part), name), getattr(getattr(two, part), name), rtol=1e-9, atol=1e-9)
        for part in ("beauty", "felt")
        for name in ("precision", "information")
    )


def test_taste_is_carried_over_as_if_learnt_answer_by_answer(collection, other, monkeypatch):
    photos = collection(12)
    score_by(other, photos)
    monkeypatch.setattr(learning, "CHUNK", 2)
    people = rated(5, photos)
    bring_in(other)
    for who in people:
        row = Taste.objects.get(visitor=who, network=other.id)
        assert same(learning._unpack(row), one_by_one(who, other.id))
        assert row.observations == sum(learning.answers_of(r) != learning.Answers() for r in who.ratings.all())


def test_only_visitors_of_the_last_month_are_learnt_of_ahead_and_others_when_they_come(collection, other):
    photos = collection(6)
    score_by(other, photos)
    old, new = rated(2, photos)
    Visit.objects.filter(visitor=old).update(last_at=timezone.now() - timedelta(days=40))
    bring_in(other)
    assert list(Taste.objects.filter(network=other.id).values_list("visitor_id", flat=True)) == [new.pk]
    assert same(learning.taste_of(old.pk, other.id, interface.prior(other.id)), one_by_one(old, other.id))


def test_all_networks_in_use_follow_an_answer(collection, other, visitor):
    photos = collection(6)
    score_by(other, photos)
    before = interface.active()
    actions.rate(visitor=visitor, photo=photos[0], value=2)
    interface.promote(other.id, actor=None, reason="a test", forced=True)
    interface.pause(other.id)
    actions.rate(visitor=visitor, photo=photos[1], value=5, felt="sad")
    interface.pause(other.id, paused=False)
    scoring.score_pending()
    actions.rate(visitor=visitor, photo=photos[2], value=1)
    actions.unrate(visitor=visitor, photo=photos[0])
    for network in (before, other):
        learnt = learning.taste_of(visitor.pk, network.id, interface.prior(network.id))
        assert np.allclose(learnt.beauty.mean, one_by_one(visitor, network.id).beauty.mean)


def test_what_a_network_missed_while_it_was_retired_is_there_when_it_ranks_again(collection, other, visitor):
    photos = collection(6)
    third = interface.network(Network.objects.create(name="third-00000000", recipe="starter").pk)
    before = interface.active()
    score_by(other, photos)
    score_by(third, photos)
    actions.rate(visitor=visitor, photo=photos[0], value=5)
    bring_in(other)
    bring_in(third)
    assert not Taste.objects.filter(network=before.id).exists(), "nobody keeps it up to date"
    Taste.objects.create(visitor=visitor, network_id=before.id, **learning._pack(learning._start(interface.prior(1))))
    actions.rate(visitor=visitor, photo=photos[3], value=1)
    bring_in(before)
    learnt = learning.taste_of(visitor.pk, before.id, interface.prior(before.id))
    assert same(learnt, one_by_one(visitor, before.id))


def test_an_answer_is_kept_where_a_network_that_comes_in_cannot_be_read(collection, other, visitor, monkeypatch):
    photos = collection(3)
    score_by(other, photos)
    interface.promote(other.id, actor=None, reason="a test", forced=True)
    prior = interface.prior(0)

    def read(network_id):
        if network_id == other.id:
            raise interface.NetworkFileError("damaged")
        return prior

    monkeypatch.setattr(interface, "prior", read)
    actions.rate(visitor=visitor, photo=photos[0], value=4)
    assert Rating.objects.count() == 1
    assert list(Taste.objects.values_list("network_id", flat=True)) == [interface.active().id]


@pytest.mark.django_db(transaction=True)
def test_answers_given_while_taste_is_carried_over_are_not_lost(collection, other, monkeypatch):
    """Others answer all the while, in threads of their own."""
    photos = collection(12)
    score_by(other, photos)
    people = rated(6, photos)
    monkeypatch.setattr(learning, "CHUNK", 2)
    interface.promote(other.id, actor=None, reason="a test", forced=True)
    stop, errors = threading.Event(), []

    def answer(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            while not stop.is_set():
                who, photo = people[rng.integers(len(people))], photos[rng.integers(len(photos))]
                actions.rate(visitor=who, photo=photo, value=int(rng.integers(1, 6)))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=answer, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(6):
            learning.carry_over(other.id, interface.prior(other.id), timezone.now() - timedelta(days=1))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    for who in people:
        row = Taste.objects.get(visitor=who, network=other.id)
        kept, anew = learning._unpack(row), one_by_one(who, other.id)
        assert np.allclose(kept.beauty.precision, anew.beauty.precision)
        assert np.allclose(kept.beauty.information, anew.beauty.information)
