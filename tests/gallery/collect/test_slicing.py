"""Whatever the distribution of uploads, a crawl finds every photograph that a query can reach, with few calls."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standins.flickr import FIRST, LAST, SHAPES, Flickr
from standins.walk import Walk

from gallery.collect.sources.base import Query
from gallery.collect.sources.flickr import LICENCES


def standin(times: list[int], **how) -> Flickr:
    made = Flickr(how.pop("window", 4000))
    made.add_many(times, "happy")
    for name, value in how.items():
        setattr(made, name, value)
    return made


# Few different seconds and many: crowded ones as well as empty years.
times = st.lists(
    st.one_of(st.integers(FIRST, LAST - 1), st.integers(FIRST, FIRST + 3), st.sampled_from([FIRST + 7, LAST - 1])),
    max_size=300,
)


@settings(max_examples=150, deadline=None)
@given(times, st.integers(1, 9), st.floats(0, 0.9))
def test_every_photograph_that_a_query_can_reach_is_found(uploads, size, drift):
    """Windows of forty, so that small lists meet it; licences differ, so that a crowded second can be cut."""
    made = standin([], window=40, drift=drift)
    rng = random.Random(len(uploads))
    for place, seconds in enumerate(uploads):
        made.add(seconds, "happy", licence=rng.choice(list(LICENCES)), number=10_000 + place)
    crowd: dict[tuple[int, str], int] = {}
    for photo in made.by_number.values():
        crowd[photo.time, photo.licence] = crowd.get((photo.time, photo.licence), 0) + 1
    walk = Walk(made, size).run()
    reachable = {str(n) for n, photo in made.by_number.items() if crowd[photo.time, photo.licence] <= 36}
    assert reachable <= walk.found


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(FIRST, LAST - 1), unique=True, max_size=300), st.floats(0, 0.5))
def test_so_it_is_where_the_order_is_broken(uploads, drift):
    """Seconds differ, and a page holds twenty: by fewer nobody could tell that there is no order."""
    made = standin(uploads, window=40, drift=drift, ordered=False)
    assert len(Walk(made, 20).run().found) == len(uploads)


@pytest.mark.parametrize("shape", SHAPES)
def test_calls_are_hardly_more_than_there_are_full_pages(shape):
    uploads = SHAPES[shape](40_000, random.Random(1))
    walk = Walk(standin(uploads)).run()
    assert len(walk.found) == 40_000
    assert walk.calls <= 1.05 * 40_000 / 500 + 3


def test_totals_that_are_off_lose_nothing():
    uploads = SHAPES["uniform"](10_000, random.Random(2))
    assert len(Walk(standin(uploads, drift=0.9)).run().found) == 10_000


def test_a_source_that_breaks_the_order_is_halved_until_it_fits():
    uploads = SHAPES["burst"](10_000, random.Random(3))
    assert len(Walk(standin(uploads, ordered=False)).run().found) == 10_000


def test_the_seams_of_spans_neither_lose_nor_double():
    """Half-open here and closed on the wire: photographs stand on both sides of every seam."""
    uploads = sorted(second for second in range(FIRST, FIRST + 3000) for _ in range(3))
    walk = Walk(standin(uploads, window=100), 50).run(Query("happy", "happy", FIRST, FIRST + 3000))
    assert len(walk.found) == 9000


def test_what_lies_outside_the_span_is_not_asked_for():
    made = standin([FIRST - 1, FIRST, LAST - 1, LAST])
    assert len(Walk(made).run().found) == 2


def test_a_second_beyond_every_means_says_so():
    """One licence, one second, more than both ends reach."""
    walk = Walk(standin([FIRST + 5] * 300 + [FIRST + 6], window=40), 10).run()
    assert walk.out_of_reach
    assert str(1_000_300) in walk.found, "and the crawl goes on after it"
    assert len(walk.found) >= 80
