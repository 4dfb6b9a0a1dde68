"""The limit of a key holds for all workers together, whatever they do and however their clocks go."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from gallery.collect.quota import Bucket, Limit, take_any
from gallery.collect.sources.base import LimitReached, SourceRefused
from gallery.models import Quota

pytestmark = pytest.mark.django_db
HOUR = Limit(calls=3600, seconds=3600.0, burst=120)


def pass_time(bucket: Bucket, seconds: float) -> None:
    """As if the last call had been so long ago."""
    Quota.objects.filter(key=bucket.key).update(updated_at=timezone.now() - timedelta(seconds=seconds))


def test_a_burst_and_then_one_at_a_time():
    bucket = Bucket("flickr", "secret", Limit(calls=60, seconds=3600.0, burst=3))
    assert [bucket.take() for _ in range(3)] == [0, 0, 0]
    assert 50 < bucket.take() <= 3600 / 57
    pass_time(bucket, 64)
    assert bucket.take() == 0
    assert bucket.take() > 0


@pytest.mark.parametrize("pause", [0.5, 1.0, 30.0, 600.0, 3600.0])
def test_no_hour_holds_more_than_its_calls(pause):
    """Asking as often as can be, at moments `pause` seconds apart, from a full bucket on."""
    bucket, taken = Bucket("flickr", "key", HOUR), 0
    for _ in range(max(1, min(int(3600 / pause), 300))):
        while bucket.take() == 0:
            taken += 1
        pass_time(bucket, pause)
    share = min(1.0, 300 * pause / 3600)
    assert taken <= HOUR.burst + share * (HOUR.calls - HOUR.burst) + 10


def test_the_key_itself_is_not_kept():
    bucket = Bucket("flickr", "very secret", HOUR)
    assert "secret" not in bucket.key
    assert Quota.objects.get().key == bucket.key


def test_a_rest_stands_until_it_is_over_and_only_grows():
    bucket = Bucket("flickr", "key", HOUR)
    bucket.rest(600)
    bucket.rest(5)
    assert 590 < bucket.take() <= 600
    Quota.objects.update(resting_until=timezone.now() - timedelta(seconds=1))
    assert bucket.take() == 0


def test_several_keys_take_turns_and_a_bad_one_is_put_aside():
    limit = Limit(calls=60, seconds=3600.0, burst=2)
    buckets = [Bucket("flickr", key, limit) for key in ("a", "b", "c")]
    buckets[0].refuse("Flickr does not take it.")
    assert {take_any(buckets).key for _ in range(4)} == {buckets[1].key, buckets[2].key}
    with pytest.raises(LimitReached) as told:
        take_any(buckets)
    assert told.value.until > timezone.now()
    for bucket in buckets:
        bucket.refuse("Flickr does not take it.")
    with pytest.raises(SourceRefused, match="does not take it"):
        take_any(buckets)


@pytest.mark.django_db(transaction=True)
def test_many_workers_take_no_token_twice():
    limit = Limit(calls=21, seconds=3600.0, burst=20)
    taken: list[float] = []

    def worker() -> None:
        bucket = Bucket("flickr", "key", limit)
        taken.extend(bucket.take() for _ in range(10))
        connection.close()

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wait == 0 for wait in taken) == 20
