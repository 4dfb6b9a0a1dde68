"""Scoring what waits: each photograph once by each network, whatever happens half-way."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection

from gallery import actions
from gallery.management.commands import score
from gallery.models import Photo, Rating, Score, ScoringFailure, Taste
from gallery.rank import blocks, learning, pipeline, scoring, shortlist, written
from ml import interface
from ml.models import Network

pytestmark = pytest.mark.django_db


@pytest.fixture
def incoming(monkeypatch):
    """A second network on its way in, with the shipped one's prior."""
    prior = interface.prior(interface.active().id)
    monkeypatch.setattr(interface, "prior", lambda network_id: prior)
    row = Network.objects.create(name="other-00000000", recipe="starter")
    interface.promote(row.pk, actor=None, reason="a test", forced=True)
    return row


def test_every_photograph_gets_its_scores_and_a_place_in_the_shortlist(looker, pictures):
    photos = pictures(5)
    assert scoring.score_pending(batch=2) == scoring.ScoringResult(scored=5, failed=0)
    scores = list(Score.objects.order_by("photo_id"))
    assert [score.photo_id for score in scores] == [photo.pk for photo in photos]
    assert [score.aesthetic for score in scores] == sorted(score.aesthetic for score in scores)
    assert list(shortlist.current().ids) == [photo.pk for photo in photos]


def test_a_second_run_does_nothing(looker, pictures):
    pictures(4)
    scoring.score_pending()
    version = shortlist.current().version
    assert scoring.score_pending() == scoring.ScoringResult()
    assert looker.shown == 4
    assert shortlist.current().version == version


def test_killed_half_way_it_goes_on_where_it_was(looker, pictures):
    pictures(10)
    looker.dies_after = 4
    with pytest.raises(KeyboardInterrupt):
        scoring.score_pending(batch=2)
    assert Score.objects.count() == 4
    looker.dies_after = None
    assert scoring.score_pending(batch=2).scored == 6
    assert looker.shown == 10, "no photograph was looked at twice"


@pytest.fixture
def another_scores():
    """another_scores(photos): another process is at their blocks, whose locks a second connection holds."""
    other = connection.copy()

    def hold(photos):
        for number in {photo.pk // blocks.BLOCK for photo in photos}:
            kind = blocks.KIND + interface.active().id
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", [kind, number])
        return other

    yield hold
    if not other.connection.closed:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
    other.close()


def test_what_another_process_scores_is_left_to_it(looker, pictures, another_scores):
    another_scores(pictures(2))
    assert scoring.score_pending() == scoring.ScoringResult(busy=True)
    assert looker.shown == 0


def test_workers_share_what_waits_by_blocks(looker, pictures, another_scores, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 2)
    photos = pictures(9)
    theirs = [photo for photo in photos if photo.pk // 2 == photos[4].pk // 2]
    another_scores(theirs)
    assert scoring.score_pending() == scoring.ScoringResult(scored=9 - len(theirs))
    assert not Score.objects.filter(photo__in=theirs).exists()


def test_the_block_of_a_worker_that_died_is_taken_up(looker, pictures, another_scores):
    another_scores(pictures(3)).connection.close()
    assert scoring.score_pending().scored == 3


def test_a_block_is_free_again_after_a_failure(looker, pictures, another_scores):
    photos = pictures(3)
    looker.dies_after = 0
    with pytest.raises(KeyboardInterrupt):
        scoring.score_pending()
    another_scores(photos)  # would wait for ever if this process still held it


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_look_at_each_photograph_once(looker, pictures, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 4)
    pictures(60)

    def work():
        try:
            return scoring.score_pending(batch=2).scored
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        found = [future.result() for future in [pool.submit(work), pool.submit(work)]]
    scoring.score_pending()  # what one of them left to the other
    assert sum(found) <= Score.objects.count() == 60
    assert looker.shown == 60


def test_a_photograph_scored_meanwhile_is_not_looked_at_again(looker, pictures):
    photos = [photo.pk for photo in pictures(4)]
    network = interface.active().id
    list(pipeline.score(network, photos[:3]))
    assert [done.scored for done in pipeline.score(network, photos)] == [1]
    assert looker.shown == 4


def test_a_row_that_is_there_already_stays_as_it_was(looker, pictures):
    photo = pictures(1)[0]
    rows = [written.Row(photo.pk, np.full(73, value)) for value in (0.25, 0.5)]
    for row in rows:
        written.keep(interface.active().id, [row], {})
    assert Score.objects.get().aesthetic == 0.25


def test_a_row_holds_each_number_in_its_place(looker, pictures):
    photo = pictures(1)[0]
    written.keep(interface.active().id, [written.Row(photo.pk, np.arange(73) / 8)], {})
    row = Score.objects.get()
    assert row.moods == [0, 0.125, 0.25, 0.375, 0.5, 0.625]
    assert (row.valence, row.arousal, row.aesthetic) == (0.75, 0.875, 1.0)
    assert np.array_equal(np.asarray(row.embedding, float), np.arange(9, 73) / 8)
    assert row.scored_at is not None


def test_a_deleted_photograph_gets_no_row(looker, pictures):
    gone, here = pictures(2)
    photo_id = gone.pk
    gone.delete()
    numbers = np.full(73, 0.5)
    written.keep(interface.active().id, [written.Row(photo_id, numbers), written.Row(here.pk, numbers)], {photo_id: ""})
    assert list(Score.objects.values_list("photo_id", flat=True)) == [here.pk]
    assert not ScoringFailure.objects.exists()


def test_told_to_stop_it_finishes_what_is_under_way(looker, pictures):
    photos = [photo.pk for photo in pictures(24)]
    done = list(pipeline.score(interface.active().id, photos, 2, lambda: looker.shown > 0))
    assert sum(part.scored for part in done) == looker.shown == Score.objects.count() < 24


def test_the_command_waits_for_another_process_and_says_what_is_left(looker, pictures, another_scores, monkeypatch):
    another_scores(pictures(2))
    monkeypatch.setattr(score, "PATIENCE", 0)
    assert score_command() == "Another process is scoring: 2 photographs wait."


def test_the_command_sees_that_another_process_scored_them(looker, pictures, another_scores, monkeypatch):
    another_scores(pictures(2))
    left = iter([2, 1])
    monkeypatch.setattr(scoring, "waiting", lambda: next(left, 0))
    monkeypatch.setattr(score.time, "sleep", lambda seconds: None)
    assert score_command() == "Another process scored them all."


def test_an_unreadable_photograph_keeps_its_reason_and_the_rest_go_on(looker, pictures):
    photos = pictures(6)
    with default_storage.open(f"renditions/{photos[1].pk}-480.webp", "wb") as file:
        file.write(b"RIFF\x00\x00")
    default_storage.delete(f"renditions/{photos[2].pk}-480.webp")
    photos[3].renditions.all().delete()
    assert scoring.score_pending(batch=3) == scoring.ScoringResult(scored=3, failed=3)
    reasons = dict(ScoringFailure.objects.values_list("photo_id", "reason"))
    assert set(reasons) == {photos[i].pk for i in (1, 2, 3)}
    assert all("cannot be read" in reasons[photos[i].pk] for i in (1, 2))
    assert reasons[photos[3].pk] == "It has no rendition."
    assert scoring.score_pending() == scoring.ScoringResult(), "failures are not tried again and again"


def test_scores_that_are_no_numbers_do_not_reach_the_order(looker, pictures):
    black = pictures(1, red=0)[0]
    good = pictures(2)
    assert scoring.score_pending() == scoring.ScoringResult(scored=2, failed=1)
    assert ScoringFailure.objects.get().photo_id == black.pk
    assert np.isfinite(shortlist.current().aesthetic).all() and len(shortlist.current().ids) == len(good)


def test_retry_tries_failures_again(looker, pictures):
    photo = pictures(1)[0]
    name = f"renditions/{photo.pk}-480.webp"
    content = default_storage.open(name).read()
    default_storage.delete(name)
    assert "1 failed" in score_command()
    with default_storage.open(name, "wb") as file:
        file.write(content)
    assert score_command() == "Nothing to score: every photograph has its scores."
    assert "1 photographs scored" in score_command("--retry")


def test_the_smallest_sufficient_rendition_is_read(looker, pictures):
    pictures(1, widths=(240, 480, 800))
    pictures(1, widths=(240,))
    scoring.score_pending()
    assert looker.sizes == [(480, 320), (240, 160)]


def test_a_photograph_held_back_is_scored_but_not_in_the_shortlist(looker, pictures):
    pictures(1, status=Photo.Status.HELD)
    pictures(1, status=Photo.Status.REMOVED)
    shown = pictures(1)
    assert scoring.score_pending().scored == 2
    assert list(shortlist.current().ids) == [shown[0].pk]


def test_the_site_fills_while_scoring_runs(looker, pictures):
    pictures(40)
    seen = []
    scoring.score_pending(batch=10, progress=lambda _, done, total: seen.append((done, total, shown_now())))
    assert len(seen) >= 4 and seen[-1] == (40, 40, 40)  # a block's end may make a batch smaller
    assert all(done == shown and total == 40 for done, total, shown in seen)


def test_an_incoming_network_takes_over_when_it_has_scored_everything(looker, pictures, incoming):
    pictures(3)
    assert scoring.score_pending().scored == 6
    assert interface.active().id == incoming.pk
    assert shortlist.current().network_id == incoming.pk


def test_a_network_of_an_older_version_does_not_keep_the_new_one_out(looker, pictures, incoming, monkeypatch):
    """After an update the network that ranked may not score any more; the shipped one is on its way in."""
    pictures(3)
    old, scorer = interface.active(), interface.scorer

    def able(network_id):
        if network_id == old.id:
            raise interface.NetworkFileError("of another version")
        return scorer(network_id)

    monkeypatch.setattr(interface, "scorer", able)
    assert scoring.score_pending().scored == 3
    assert interface.active().id == incoming.pk
    assert len(shortlist.current().ids) == 3


def test_where_no_network_can_score_that_is_told(looker, pictures, monkeypatch):
    pictures(2)

    def broken(network_id):
        raise interface.NetworkFileError("damaged")

    monkeypatch.setattr(interface, "scorer", broken)
    with pytest.raises(interface.NetworkFileError, match="damaged"):
        scoring.score_pending()


def test_taste_is_learnt_anew_for_a_network_that_comes_back(looker, pictures, visitor, incoming):
    """It scored everything once and learnt nothing of what was said since it was retired."""
    photos = pictures(3)
    interface.call_off(incoming.pk)
    scoring.score_pending()
    for score_row in Score.objects.all():
        score_row.pk, score_row.network_id = None, incoming.pk
        score_row.save(force_insert=True)
    blank = learning._pack(learning._start(interface.prior(incoming.pk)))
    Taste.objects.create(visitor=visitor, network=incoming, **blank)
    Rating.objects.create(visitor=visitor, photo=photos[0], value=5, felt="sad")
    interface.promote(incoming.pk, actor=None, reason="a test", forced=True)
    scoring.score_pending()
    assert interface.active().id == incoming.pk
    assert np.abs(learnt(visitor).beauty.mean).max() > 1e-3 and np.abs(learnt(visitor).felt.mean).max() > 1e-3


def test_a_rating_of_a_photograph_without_scores_counts_once_it_has_them(looker, pictures, visitor):
    scored = pictures(1)[0]
    scoring.score_pending()
    actions.rate(visitor=visitor, photo=scored, value=3)
    later = pictures(1)[0]
    actions.rate(visitor=visitor, photo=later, value=1)
    before = learnt(visitor).beauty
    scoring.score_pending()
    assert np.trace(learnt(visitor).beauty.precision) > np.trace(before.precision)


def test_the_command_says_how_many_and_how_fast(looker, pictures):
    pictures(3)
    said = score_command()
    assert said.startswith("3 photographs scored, ") and said.endswith(" a second.")


def test_scoring_and_ordering_load_no_torch():
    code = "import django, sys; django.setup(); import gallery.actions, gallery.tasks, ml.scorer; "
    found = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"


def shipped_prior():
    return interface.prior(interface.active().id)


def learnt(visitor):
    return learning.taste_of(visitor.pk, interface.active().id, shipped_prior())


def score_command(*arguments):
    out = StringIO()
    call_command("score", *arguments, stdout=out)
    return out.getvalue().strip().splitlines()[-1]


def shown_now():
    arrays = shortlist.current()
    return 0 if arrays is None else len(arrays.ids)
