"""Kong's stages, NIMA, VGG-16, ResNet-50 and Multi-ResNet from a command's settings to a file that answers the same."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ml import experiment
from ml.nets import catalog
from ml.predict import predict

SMALL = ["batch=16", "weights=none", "most=24"]
SETTINGS = {
    "kong": [
        *SMALL, "width=0.0625", "side=67", "contents=3", "apart=0.2", "stages=reg:1,rank:1,att:1,cont:1",
    ],
    "nima": [*SMALL, "width=0.25", "side=32", "epochs=1"],
    "vgg16_ft": [*SMALL, "width=0.0625", "side=32", "epochs=1"],
    "resnet50_ft": [*SMALL, "width=0.125", "units=1,1,1,1", "side=32", "epochs=1"],
    "multiresnet": ["batch=16", "most=24", "width=0.125", "units=1,1", "side=32", "stages=first:1,second:1:0.1"],
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_it_is_trained_by_settings_and_its_file_answers_the_same(name: str, small_oasis: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = experiment.planned(name, [("oasis", small_oasis)], SETTINGS[name])
    made = experiment.train(plan, tmp_path / "run", tmp_path / "networks", workers=0)
    assert made.card["figures"]

    (file,) = (tmp_path / "networks").glob("*.safetensors")
    first, second = catalog.from_file(file), catalog.from_file(file)
    feed = experiment.prepared(plan, workers=0).feed
    rows = np.arange(6)
    answers = [predict(net, feed.evaluation(rows, 3), torch.device("cpu")) for net in (first, second)]
    for key, values in answers[0].items():
        assert np.array_equal(values, answers[1][key]) and np.isfinite(values).all()
