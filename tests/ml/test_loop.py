"""The training loop on a small network and made-up photographs: bright ones are of high quality."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ml import checkpoints
from ml.data.photographs import Labels, Photographs
from ml.feed import Feed, Rows, parts_of
from ml.judge import figures_of
from ml.loop import Diverged, Fit, Interrupted
from ml.nets.base import Net
from ml.predict import predict
from ml.recipes import Training
from ml.views import View

SIDE = 16


class Small(Net):
    """A convolution, batch norm, dropout: all that a training must keep to be gone on with."""

    def __init__(self, task: str = "binary", classes: int = 2) -> None:
        super().__init__(task, classes)
        self.views = (View("warp", resize=20, side=SIDE),)
        self.conv = nn.Conv2d(3, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(8, self.outputs)

    def forward(self, pixels):
        x = torch.relu(self.norm(self.conv(pixels))).mean((2, 3))
        return {"logits": self.last(self.drop(x))}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    paths, score = [], []
    for number in range(60):
        brightness = rng.uniform()
        noise = rng.normal(0, 20, (24, 30, 3))
        Image.fromarray(np.clip(brightness * 200 + 28 + noise, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        paths.append(folder / f"{number}.png")
        score.append(brightness)
    groups = np.array([str(number) for number in range(60)])
    classes = Labels(("dark", "bright"), (np.array(score) > 0.5).astype(np.int64))
    return Photographs("made", paths, groups, score=np.array(score), labels={"emotion": classes})


def fit(photographs: Photographs, folder: Path, seed: int = 0, net: Net | None = None, **settings) -> Fit:
    torch.manual_seed(seed)
    net = net or Small()
    rows, high = parts_of(photographs, net.task, seed=seed)
    feed = Feed(photographs, net.task, high, net.views, seed, workers=0)
    recipe = Training(**({"lr": 0.05, "epochs": 3, "batch": 8, "schedule": "step", "every": 2} | settings))
    return Fit(net, feed, rows, recipe, folder, seed)


def weights(run: Fit) -> torch.Tensor:
    return torch.cat([value.float().flatten() for value in run.net.state_dict().values()])


def test_a_network_learns_what_can_be_learnt(photographs, tmp_path):
    run = fit(photographs, tmp_path, epochs=12)
    run.run()
    said = predict(run.net, run.feed.evaluation(run.rows.test, 8))
    assert figures_of("binary", run.feed, said)["accuracy"] > 0.9


def test_shuffled_labels_teach_nothing(photographs, tmp_path):
    """What a training reaches on labels that mean nothing is chance: nothing of the test part leaks into it."""
    shuffled = np.random.default_rng(3).permutation(photographs.score)
    found = []
    for seed in range(4):
        run = fit(replace(photographs, score=shuffled), tmp_path / str(seed), seed, epochs=8)
        run.run()
        said = predict(run.net, run.feed.evaluation(run.rows.test, 8))
        found.append(figures_of("binary", run.feed, said)["accuracy"])
    assert 0.2 < np.mean(found) < 0.75


def test_the_epoch_of_the_best_validation_is_kept(photographs, tmp_path):
    run = fit(photographs, tmp_path, epochs=6)
    standing = run.run()
    metrics = [row["validation"] for row in standing.history]
    assert metrics[standing.chosen] == max(metrics)
    said = predict(run.net, run.feed.evaluation(run.rows.validation, 8))
    assert figures_of("binary", run.feed, said)["balanced_accuracy"] == max(metrics)


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(photographs, tmp_path):
    first, again, other = (fit(photographs, tmp_path / str(place), seed) for place, seed in enumerate((0, 0, 1)))
    for run in (first, again, other):
        run.run()
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


@pytest.mark.parametrize("steps", [1, 5, 6, 13])
@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_going_on_gives_the_weights_of_never_stopping(photographs, tmp_path, steps, optimiser):
    settings = {"optimiser": optimiser, "lr": 0.01, "accumulate": 2, "schedule": "plateau"}
    whole = fit(photographs, tmp_path / "whole", **settings)
    whole.run()
    seen = []
    cut = fit(photographs, tmp_path / "cut", **settings)
    cut.told = seen.append
    cut.asked_to_stop = lambda: len(seen) >= steps
    with pytest.raises(Interrupted):
        cut.run()
    torch.manual_seed(99)
    resumed = fit(photographs, tmp_path / "cut", **settings)
    with torch.no_grad():
        for parameter in resumed.net.parameters():
            parameter.fill_(7)
    resumed.run(resume=True)
    assert torch.equal(weights(whole), weights(resumed))
    assert [row["loss"] for row in whole.standing.history] == [row["loss"] for row in resumed.standing.history]


def test_going_on_after_the_end_trains_no_more(photographs, tmp_path):
    run = fit(photographs, tmp_path)
    run.run()
    again = fit(photographs, tmp_path)
    again.told = lambda state: pytest.fail("it trained")
    again.run(resume=True)
    assert torch.equal(weights(run), weights(again))


def test_going_on_with_another_recipe_is_refused(photographs, tmp_path):
    fit(photographs, tmp_path).run()
    with pytest.raises(checkpoints.CheckpointError, match="another recipe"):
        fit(photographs, tmp_path, lr=0.3).run(resume=True)


def test_a_damaged_checkpoint_is_refused_in_one_sentence(photographs, tmp_path):
    fit(photographs, tmp_path, epochs=1).run()
    file = tmp_path / checkpoints.NAME
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(checkpoints.CheckpointError, match="damaged"):
        fit(photographs, tmp_path, epochs=1).run(resume=True)


def test_accumulated_batches_make_the_step_of_one_large_batch(photographs, tmp_path):
    class Plain(Small):
        def forward(self, pixels):
            return {"logits": self.last(torch.relu(self.conv(pixels)).mean((2, 3)))}

    settings = {"epochs": 1, "lr": 0.1}
    rows, _ = parts_of(photographs, "binary")
    even = len(rows.train) // 8 * 8
    runs = []
    for place, extra in enumerate(({"batch": 8}, {"batch": 4, "accumulate": 2})):
        torch.manual_seed(0)
        run = fit(photographs, tmp_path / str(place), net=Plain(), **settings, **extra)
        run.rows = Rows(rows.train[:even], rows.validation, rows.test)
        run.run()
        runs.append(run)
    assert torch.allclose(weights(runs[0]), weights(runs[1]), atol=1e-6)


def test_training_stops_where_validation_gains_no_more(photographs, tmp_path):
    run = fit(photographs, tmp_path, epochs=40, lr=1e-9, patience=2)
    assert len(run.run().history) == 3


def test_a_loss_that_is_no_number_stops_it_in_one_sentence(photographs, tmp_path):
    with pytest.raises(Diverged, match="no number in epoch"):
        fit(photographs, tmp_path, lr=1e30, epochs=5).run()


def test_stages_follow_one_another_and_tell_the_network(photographs, tmp_path):
    entered = []

    class Staged(Small):
        def enter(self, stage, epoch):
            entered.append((stage, epoch))
            self.conv.requires_grad_(stage == "all")

    run = fit(photographs, tmp_path, net=Staged(), stages=("head:1", "all:2:0.1"))
    standing = run.run()
    assert [row["stage"] for row in standing.history] == ["head", "all", "all"]
    assert standing.history[1]["lr"] == pytest.approx(0.005)
    assert ("head", 0) in entered and ("all", 1) in entered


def test_a_sampler_of_its_own_and_what_it_looks_at(photographs, tmp_path):
    class Own(Small):
        def sampler(self, photographs, rows, batch, generator):
            yield [(int(row), {"weight": 2.0}) for row in rows[:4]]

        def look(self, photographs, rows, batches):
            self.seen = sum(len(inputs[0]) for inputs in batches())

        def losses(self, said, known):
            assert known["weight"].tolist() == [2.0] * 4
            return super().losses(said, known)

    run = fit(photographs, tmp_path, net=Own(), epochs=1)
    run.run()
    assert run.net.seen == len(run.rows.train)


def test_every_epoch_is_written_down_and_drawn(photographs, tmp_path):
    fit(photographs, tmp_path).run()
    rows = list(csv.DictReader((tmp_path / "history.csv").open()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [float(row["lr"]) for row in rows] == pytest.approx([0.05, 0.05, 0.005])
    assert json.loads((tmp_path / "history.json").read_text())[0]["losses"]["loss"] > 0
    assert "<svg" in (tmp_path / "curves.svg").read_text()


@pytest.mark.parametrize("task", ["score", "emotion"])
def test_other_tasks_train_alike(photographs, tmp_path, task):
    net = Small(task, 2)
    run = fit(photographs, tmp_path, net=net, epochs=8)
    run.run()
    said = predict(net, run.feed.evaluation(run.rows.test, 8))
    found = figures_of(task, run.feed, said)
    assert (found["spearman"] if task == "score" else found["accuracy"]) > 0.8
