from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ml.data import loading
from ml.data.loading import Batches, Timed, Viewed, collate, known_of
from ml.data.photographs import Labels, Photographs
from ml.data.tables import DataError
from ml.views import View

CROP = View(resize=24, side=16)
COUNT = 10


@pytest.fixture
def photographs(tmp_path: Path) -> Photographs:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(COUNT)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(path)
    score = np.linspace(0, 1, COUNT)
    score[1] = np.nan
    labels = Labels(("calm", "wild"), np.arange(COUNT) % 3 - 1)
    return Photographs("made up", paths, np.array([path.name for path in paths]), score=score, labels={"mood": labels})


def high_of(photographs: Photographs) -> np.ndarray:
    return photographs.rule.high(photographs.score, np.ones(len(photographs), bool))


def viewed(photographs: Photographs, *views: View, training: bool = True, seed: int = 0) -> Viewed:
    known = known_of(photographs, "binary", high_of(photographs))
    return Viewed(photographs, views or (CROP,), known, training=training, seed=seed)


def test_a_row_gives_an_input_for_each_view_what_is_known_and_its_row(photographs):
    item = viewed(photographs, CROP, View(resize=12, side=8))[3]
    assert [tuple(each.shape) for each in item.inputs] == [(3, 16, 16), (3, 8, 8)]
    assert item.row == 3
    assert item.known["score"].item() == pytest.approx(1 / 3)
    assert item.known["label"].item() == item.known["high"].item() == 0
    assert torch.isnan(item.known["distribution"]).all()
    assert torch.isnan(item.known["attributes"]).all()


def test_known_values_of_a_batch_come_with_its_rows(photographs):
    batch = collate([viewed(photographs)[key] for key in ((2, {"side": 1.0, "high": 1.0}), 5)])
    assert batch.known["side"][0] == 1 and torch.isnan(batch.known["side"][1])
    assert batch.known["high"].tolist() == [1, 1] and batch.known["high"].dtype == torch.int64


def test_a_view_depends_on_seed_epoch_and_row_and_nothing_else(photographs):
    data = viewed(photographs)
    torch.manual_seed(5)
    first = data[Timed(1, 4)].inputs[0]
    torch.rand(3)
    data[Timed(1, 7)]
    assert torch.equal(data[Timed(1, 4)].inputs[0], first)
    assert not torch.equal(data[Timed(2, 4)].inputs[0], first)
    assert not torch.equal(viewed(photographs, seed=1)[Timed(1, 4)].inputs[0], first)


def test_items_leave_the_global_generator_alone(photographs):
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    list(loading.loader(viewed(photographs), Batches([[0, 1]]), workers=0))
    assert torch.equal(torch.rand(2), expected)


def test_eval_views_have_no_randomness(photographs):
    data = viewed(photographs, View(resize=24, side=16, tests="ten"), training=False)
    first, again = data[Timed(1, 4)].inputs[0], data[Timed(2, 4)].inputs[0]
    assert first.shape == (10, 3, 16, 16)
    assert torch.equal(first, again)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing_and_see_the_epoch(photographs, workers):
    keys = [[3, 1], [0, (2, {"more": 2.0})], [4]]
    alone = passes(viewed(photographs), keys, workers=0)
    assert passes(viewed(photographs), keys, workers=workers) == alone
    assert alone[0] != alone[1]


def passes(data: Viewed, keys: list, workers: int) -> list[list]:
    """What two passes over one loader bring."""
    batches = Batches(keys)
    loader = loading.loader(data, batches, workers=workers)
    found = []
    for epoch in range(2):
        batches.epoch = epoch
        found.append([(batch.rows.tolist(), batch.inputs[0].tolist()) for batch in loader])
    return found


def test_batches_may_change_between_passes(photographs):
    batches = Batches([[0]])
    loader = loading.loader(viewed(photographs), batches, workers=1)
    assert [batch.rows.tolist() for batch in loader] == [[0]]
    batches.keys = [[5, 6], [7]]
    assert [batch.rows.tolist() for batch in loader] == [[5, 6], [7]]
    assert len(loader) == 2


def test_a_pass_may_be_broken_off(photographs):
    loader = loading.loader(viewed(photographs), Batches([[row] for row in range(COUNT)]), workers=1)
    assert [batch.rows.tolist() for _, batch in zip(range(3), loader, strict=False)] == [[0], [1], [2]]
    assert [batch.rows.tolist() for batch in loader] == [[row] for row in range(COUNT)]


def test_names_of_any_letters_are_found_again_in_workers(photographs):
    odd = photographs.paths[0].with_name("é 日本 .png")
    photographs.paths[0] = photographs.paths[0].rename(odd)
    (batch,) = loading.loader(viewed(photographs), Batches([[0]]), workers=1)
    assert batch.rows.tolist() == [0]


def test_workers_are_bounded(photographs):
    assert loading.loader(viewed(photographs), Batches(), workers=500).num_workers <= loading.MOST_WORKERS


def test_what_cannot_be_read_is_counted_and_left_out(photographs):
    photographs.paths[2].write_bytes(b"no photograph")
    photographs.paths[3].unlink()
    (batch,) = loading.loader(viewed(photographs), Batches([[1, 2, 3, 4]]), workers=0)
    assert batch.rows.tolist() == [1, 4]
    assert batch.unreadable == [2, 3]
    assert batch.inputs[0].shape[0] == len(batch.known["score"]) == 2


def test_a_batch_of_which_nothing_can_be_read_is_empty(photographs):
    photographs.paths[2].unlink()
    batch = collate([viewed(photographs)[2]])
    assert (batch.inputs, len(batch.rows), batch.unreadable) == ((), 0, [2])


def test_known_values_are_full_of_unknowns_where_the_set_lacks_them(photographs):
    known = known_of(photographs, "mood", high_of(photographs))
    assert {name: tuple(value.shape) for name, value in known.items()} == {
        "score": (COUNT,), "label": (COUNT,), "distribution": (COUNT, 10), "attributes": (COUNT, 11), "high": (COUNT,),
    }  # fmt: skip
    assert known["label"].tolist() == [-1, 0, 1] * 3 + [-1]
    assert known["high"][:3].tolist() == [0, -1, 0]
    assert known["score"].dtype == torch.float32


def test_a_score_or_distribution_has_no_label(photographs):
    assert set(known_of(photographs, "score", high_of(photographs))["label"].tolist()) == {-1}


def test_a_task_that_the_set_does_not_know_is_refused(photographs):
    with pytest.raises(DataError, match="made up knows nothing of 'style'; it knows binary, score, mood"):
        known_of(photographs, "style", high_of(photographs))
    with pytest.raises(DataError, match="knows nothing of 'style'"):
        loading.classes_of(photographs, "style")


def test_rows_that_say_nothing_on_the_task_are_named(photographs):
    known = known_of(photographs, "mood", high_of(photographs))
    assert loading.taught(known, "mood").tolist() == [False, True, True] * 3 + [False]
    assert np.flatnonzero(~loading.taught(known, "score")).tolist() == [1]


def test_several_labels_come_as_zeros_and_ones(photographs):
    several = np.zeros((COUNT, 2), bool)
    several[0] = True
    labels = {"style": Labels(("a", "b"), np.full(COUNT, -1), several)}
    known = known_of(
        Photographs("x", photographs.paths, photographs.groups, labels=labels), "style", np.full(COUNT, -1)
    )
    assert known["several"].tolist() == [[1, 1]] + [[0, 0]] * 9
    assert loading.taught(known, "style").all()  # to have none of the classes is known as well


def test_shuffled_batches_hold_every_row_once():
    rows = np.arange(5, 15)
    batches = loading.shuffled(rows, 4, torch.Generator().manual_seed(0))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert sorted(row for batch in batches for row in batch) == rows.tolist()
    assert batches == loading.shuffled(rows, 4, torch.Generator().manual_seed(0))
    assert batches != loading.shuffled(rows, 4, torch.Generator().manual_seed(1))
