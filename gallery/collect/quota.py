"""A source's limits, kept by all workers together: a token bucket a key, as a row that one statement changes.

A bucket holds `burst` tokens at most and gains (calls - burst) / seconds a second; each call takes one. So any span of
`seconds` sees at most burst + (calls - burst) = `calls` calls, however many workers there are and whenever they began.
The server's clock counts: workers' clocks differ.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from gallery.collect.sources.base import LimitReached, SourceRefused
from gallery.models import Quota

_FILLED = "LEAST(%(burst)s, tokens + %(rate)s * GREATEST(0, EXTRACT(EPOCH FROM clock_timestamp() - updated_at)))"
_OPEN = "refused = '' AND (resting_until IS NULL OR resting_until <= clock_timestamp())"
TAKE = f"""
    UPDATE gallery_quota SET tokens = {_FILLED} - 1, updated_at = clock_timestamp()
    WHERE key = %(key)s AND {_OPEN} AND {_FILLED} >= 1 RETURNING tokens
"""  # noqa: S608 (constants of this file)
WAIT = f"""
    SELECT refused, GREATEST(
        (1 - {_FILLED}) / %(rate)s, EXTRACT(EPOCH FROM resting_until - clock_timestamp()), 0.01
    )::float FROM gallery_quota WHERE key = %(key)s
"""  # noqa: S608


@dataclass(frozen=True)
class Limit:
    """At most `calls` in any `seconds`; `burst` of them may come at once."""

    calls: int
    seconds: float
    burst: int

    @property
    def rate(self) -> float:
        """Tokens gained a second."""
        return (self.calls - self.burst) / self.seconds


class Bucket:
    """The limit of one key of one source."""

    def __init__(self, source: str, key: str, limit: Limit) -> None:
        self.key = f"{source}:{hashlib.sha256(key.encode()).hexdigest()[:16]}" if key else source
        self.limit = limit
        Quota.objects.bulk_create(
            [Quota(key=self.key, tokens=limit.burst, updated_at=timezone.now())], ignore_conflicts=True
        )

    def take(self) -> float:
        """Take a token: 0, or the seconds until there may be one. Raises SourceRefused for a key refused for good."""
        values: dict[str, str | float] = {"key": self.key, "burst": self.limit.burst, "rate": self.limit.rate}
        with connection.cursor() as cursor:
            cursor.execute(TAKE, values)
            if cursor.fetchone():
                return 0.0
            cursor.execute(WAIT, values)
            refused, seconds = cursor.fetchone()
        if refused:
            raise SourceRefused(refused)
        return float(seconds)

    def rest(self, seconds: float) -> None:
        """The source wants no call for so long; a rest that is longer already stands."""
        until = timezone.now() + timedelta(seconds=seconds)
        row = Quota.objects.filter(key=self.key)
        (row.filter(resting_until__isnull=True) | row.filter(resting_until__lt=until)).update(resting_until=until)

    def refuse(self, sentence: str) -> None:
        """The source takes this key no more."""
        Quota.objects.filter(key=self.key).update(refused=sentence[:300])

    def allow(self) -> None:
        """Try a refused key again: an operator may have mended it."""
        Quota.objects.filter(key=self.key).update(refused="")


def take_any(buckets: Sequence[Bucket]) -> Bucket:
    """A bucket from which a token was taken, by chance so that keys are used evenly.

    Raises LimitReached with the moment of the next token, SourceRefused where no key is taken any more.
    """
    waits: list[float] = []
    sentence = ""
    for bucket in random.sample(buckets, len(buckets)):
        try:
            seconds = bucket.take()
        except SourceRefused as error:
            sentence = str(error)
            continue
        if not seconds:
            return bucket
        waits.append(seconds)
    if not waits:
        raise SourceRefused(sentence)
    raise LimitReached("The source's limit is reached for now.", _from_now(min(waits)))


def _from_now(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)
