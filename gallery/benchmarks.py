"""What the gallery measures of itself: `manage.py benchmark NAME` finds these by name (see evoke's command)."""

import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray

from gallery.collect import duplicates
from gallery.crawl_speed import Crawl
from gallery.rank import learning, ranking, shortlist, taste
from gallery.score_speed import Scoring
from ml.interface import MOODS

FLOOR = 0.3
SEEN = 300  # photographs that the visitor was shown before: ten pages
WARM_UP = 6


class Ranking:
    """The order of a visitor's next 200 photographs, beside a plain sort of the whole collection by the same score."""

    name = "ranking"

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        parser.add_argument("--photos", type=int, default=300_000, help="made-up photographs (default %(default)s)")
        parser.add_argument("--requests", type=int, default=200, help="times it is done (default %(default)s)")

    @staticmethod
    def measure(*, photos: int, requests: int, **options: Any) -> dict[str, Any]:
        """Milliseconds a request: draw a taste and order; the yardstick scores and sorts everything with numpy."""
        if photos < 1 or requests < 1:
            raise ValueError("--photos and --requests must be at least 1.")
        rng = np.random.default_rng(0)
        learnt = _learnt(rng)
        with tempfile.TemporaryDirectory() as folder:
            arrays = made_up_arrays(photos, Path(folder), rng)
            seen = [int(i) for i in rng.choice(arrays.ids, min(SEEN, photos // 2), replace=False)]

            def ours(number: int) -> NDArray[np.int64]:
                mood = number % len(MOODS)
                beauty, felt = learnt.draw(mood, np.random.default_rng(number))
                return ranking.order(arrays, mood, FLOOR, beauty=beauty, felt=felt, exclude=seen).ids

            def plain(number: int) -> NDArray[np.int64]:
                mood = number % len(MOODS)
                beauty, felt = learnt.draw(mood, np.random.default_rng(number))
                z = (np.ones_like(arrays.aesthetic), arrays.aesthetic, arrays.valence, arrays.arousal)
                x = np.column_stack([arrays.embedding, *z])
                return arrays.ids[np.argsort(-(arrays.logit[:, mood] + arrays.aesthetic + x @ (beauty + felt)))]

            return {
                "photos": photos,
                "ranking": _timed(ours, requests),
                "plain_sort": _timed(plain, max(1, requests // 10)),
            }


class Duplicates:
    """The look-up of near-duplicates by the indexes of the table, beside a full scan with the same bit operations."""

    name = "duplicates"

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        parser.add_argument("--photos", type=int, default=300_000, help="made-up photographs (default %(default)s)")
        parser.add_argument("--lookups", type=int, default=200, help="times it is done (default %(default)s)")

    @staticmethod
    def measure(*, photos: int, lookups: int, **options: Any) -> dict[str, Any]:
        """Milliseconds a look-up, of photographs stored before and with up to NEAR_BITS bits changed."""
        if photos < 1 or lookups < 1:
            raise ValueError("--photos and --lookups must be at least 1.")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(MADE_UP.format(photos=int(photos)))
            asked = _hashes(cursor, WARM_UP + lookups)

            def full(number: int) -> set[int]:
                cursor.execute(FULL_SCAN, [asked[number], duplicates.NEAR_BITS])
                return {row[0] for row in cursor.fetchall()}

            def ours(number: int) -> set[int]:
                return {row[1] for row in duplicates.near([asked[number]])}

            figures = {
                "photos": photos,
                "full_scans_in_plan": _full_scans(cursor, asked[:1]),
                "answers_that_differ": sum(full(number) != ours(number) for number in range(5)),
                "index": _timed(ours, lookups),
                "full_scan": _timed(full, max(1, lookups // 10)),
            }
            transaction.set_rollback(True)
        return figures


FULL_SCAN = "SELECT id FROM gallery_photo WHERE bit_count((phash # %s)::bit(64)) <= %s"
# A temporary table with the indexes of the real one, which it hides until the roll-back; rows are as wide as real ones.
MADE_UP = """
    CREATE TEMPORARY TABLE gallery_photo (LIKE public.gallery_photo INCLUDING ALL) ON COMMIT DROP;
    INSERT INTO gallery_photo (id, sha256, source, source_id, original, format, bytes, width, height, phash, thumbhash,
        colour, title, alt, creator, creator_url, owner, licence, licence_version, licence_url, licence_seen,
        source_url, tags, mood_tag, added_at, status, removed_because, split, sensitive)
    SELECT i, md5(i::text) || md5(i::text), 'made-up', i::text, md5(i::text), 'jpeg', 1, 1500, 1000,
        hashtextextended(i::text, 0), '', 0, repeat('word ', 10), '', md5((i / 20)::text), '', '', 'by', '4.0', '',
        now(), repeat('address/', 10), array_fill('tag'::text, ARRAY[20]), '', now(), 'shown', '', '', false
    FROM generate_series(1, {photos}) AS i;
    ANALYZE gallery_photo;
"""


def _hashes(cursor: CursorWrapper, count: int) -> list[int]:
    """Hashes a bit or three from one that is stored."""
    cursor.execute(
        "SELECT phash # (1::bigint << mod(id, 60)::int) # 3 FROM gallery_photo ORDER BY phash LIMIT %s", [count]
    )
    found = [row[0] for row in cursor.fetchall()]
    return found * -(-count // len(found))


def _full_scans(cursor: CursorWrapper, asked: list[int]) -> int:
    """How often the look-up's plan reads the whole table."""
    cursor.execute(f"EXPLAIN {duplicates.NEAR}", [asked])
    return sum("Seq Scan on gallery_photo" in row[0] for row in cursor.fetchall())


def _timed(work: Callable[[int], object], times: int) -> dict[str, float]:
    """Median and 99th percentile in milliseconds, after a warm-up."""
    taken = []
    for number in range(WARM_UP + times):
        started = time.perf_counter()
        work(number)
        taken.append(1000 * (time.perf_counter() - started))
    p50, p99 = np.percentile(taken[WARM_UP:], [50, 99])
    return {"requests": times, "p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}


def _learnt(rng: np.random.Generator) -> learning.Learnt:
    """A visitor after twenty answers."""
    covariance = np.diag(np.r_[np.full(64, 0.02), 0.5, 0.1, 0.1, 0.1])
    beauty, felt = taste.start(covariance), taste.start(covariance, weights=len(MOODS))
    for number in range(20):
        x = rng.standard_normal(learning.DIMENSIONS)
        beauty = taste.observe(beauty, x, float(rng.standard_normal()), 2.5)
        felt = taste.observe(felt, x, taste.felt_residuals(number % len(MOODS), len(MOODS)), 1.0)
    return learning.Learnt(beauty, felt)


def made_up_arrays(count: int, folder: Path, rng: np.random.Generator) -> shortlist.Arrays:
    """A shortlist of photographs that do not exist, memory-mapped from files in the folder as a site's is."""
    logits = 1.5 * rng.standard_normal((count, len(MOODS)))
    probability = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)
    scores: dict[str, NDArray] = {
        name: rng.standard_normal(count).astype(np.float32) for name in ("aesthetic", "valence", "arousal")
    }
    codes: dict[str, NDArray] = {
        "licence": np.zeros(count, np.int8),
        "aspect": np.full(count, 1.5, np.float32),
        "hue": np.full(count, -1, np.int16),
        "year": np.zeros(count, np.int16),
    }
    columns: dict[str, NDArray] = {
        "ids": np.arange(1, count + 1),
        "embedding": rng.standard_normal((count, learning.DIMENSIONS - 4)).astype(np.float32),
        "probability": probability,
        "logit": np.log(probability / (1 - probability)),
        "percentile": np.zeros_like(probability),
        "creator": rng.integers(0, count // 5 + 1, count).astype(np.int32),
        "cluster": np.arange(1, count + 1),
        "added": 1e9 * rng.random(count),
        "sensitive": rng.random(count) < 0.02,
        **scores,
        **codes,
    }
    shortlist.save_files(folder, columns)
    return shortlist.read_files(folder, version=0, network_id=0)


BENCHMARKS = (Ranking, Duplicates, Crawl, Scoring)
