"""Splits: by creator, near-duplicates on one side, the same whatever the order of rows, frozen once published."""

import random
from collections import Counter, defaultdict
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gallery.dataset import splits
from gallery.dataset.splits import Member, assign, drawn, made_by

SPLITS = [split for split, _ in splits.SHARES]


def member(number: int, *creators: str, cluster: int | None = None, split: str = "") -> Member:
    return Member(f"{number:064x}", tuple(name.encode() for name in creators), cluster, split)


@st.composite
def collections(draw, splits_before=("",)) -> list[Member]:
    """Photographs of few creators and clusters, so that many are linked."""
    facts = st.tuples(
        st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=2, unique=True),
        st.none() | st.integers(0, 5),
        st.sampled_from(splits_before),
    )
    rows = draw(st.lists(facts, max_size=30))
    return [member(i, *names, cluster=cluster, split=split) for i, (names, cluster, split) in enumerate(rows)]


def leaks(members: list[Member], assigned: dict[str, str]) -> list[object]:
    """Creators and clusters that are in two splits."""
    found = defaultdict(set)
    for one in members:
        if one.sha256 in assigned:
            for node in (*one.creators, *([one.cluster] if one.cluster is not None else [])):
                found[node].add(assigned[one.sha256])
    return [node for node, where in found.items() if len(where) > 1]


@given(collections())
def test_no_creator_and_no_cluster_is_in_two_splits_and_nothing_new_is_left_out(members):
    assigned = assign(members)
    assert assigned.keys() == {one.sha256 for one in members}
    assert not leaks(members, assigned)


@given(collections(("", *SPLITS)))
def test_whatever_was_published_before_nothing_leaks_and_no_split_changes(members):
    assigned = assign(members)
    assert not leaks(members, assigned)
    assert all(assigned[one.sha256] == one.split for one in members if one.split and one.sha256 in assigned)


@given(collections(("", *SPLITS)), st.randoms())
def test_the_order_of_rows_changes_nothing(members, shuffling):
    shuffled = list(members)
    shuffling.shuffle(shuffled)
    assert assign(shuffled) == assign(members)


@given(collections(), collections())
def test_a_later_version_keeps_every_split(first, later):
    before = assign(first)
    published = [replace(one, split=before[one.sha256]) for one in first]
    new = [replace(one, sha256="f" + one.sha256[1:]) for one in later]
    after = assign([*published, *new])
    assert {sha256: after[sha256] for sha256 in before} == before


def test_a_photograph_that_would_join_two_published_groups_is_left_out():
    train, test = member(1, "ann", split="train"), member(2, "bob", cluster=7, split="test")
    joins, of_ann = member(3, "ann", cluster=7), member(4, "ann")
    assigned = assign([joins, train, test, of_ann])
    assert assigned == {train.sha256: "train", test.sha256: "test", of_ann.sha256: "train"}


def test_chains_of_copies_do_not_draw_everything_into_one_split():
    rng = random.Random(0)
    rows = [
        (f"creator {rng.randrange(400)}", rng.randrange(500) if rng.random() < 0.1 else None) for _ in range(20_000)
    ]
    members = [member(number, name, cluster=cluster) for number, (name, cluster) in enumerate(rows)]
    assigned = assign(members)
    assert not leaks(members, assigned)
    counts = Counter(assigned.values())
    assert all(abs(counts[split] / len(assigned) - share / 300) < 0.15 for split, share in splits.SHARES)
    assert len(assigned) > 0.9 * len(members)


def test_splits_are_drawn_in_the_proportions_of_the_report():
    drawn_by = Counter(drawn(str(number).encode()) for number in range(30_000))
    expected = {"train": 15_000, "val": 5_000, "test": 10_000}
    assert all(
        abs(drawn_by[split] - count) < 400 for split, count in expected.items()
    )  # 4 standard deviations and more


def test_a_creator_is_known_by_id_or_profile_and_a_name_counts_at_one_source_only():
    by_id = made_by("1", "flickr", "12345@N01", "Ann", "")
    by_page = made_by("2", "openverse", "", "Ann", "https://www.flickr.com/photos/12345@N01/")
    assert set(by_id) & set(by_page)
    assert made_by("3", "folder", "", "Ann", "") == made_by("4", "folder", "", "Ann", "")
    assert made_by("3", "folder", "", "Ann", "") != made_by("4", "samples", "", "Ann", "")
    assert made_by("5", "folder", "", "", "") != made_by("6", "folder", "", "", "")
