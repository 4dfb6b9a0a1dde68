"""The report's table, a row a network: which settings the report or the paper has, and which a small machine takes.

A row is trained in a process of its own, so that its peak memory is its own; what is done is kept, so that a table that
was interrupted goes on where it stood.
"""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.recipes import RecipeError
from ml.reproduction import COSTS, STARTER

EMOTION_KINDS = ("oasis", "flickr8k", "fi", "emotion6", "emoset", "evoke", "folder")
ONLY_EMOTION = ("flickr8k", "fi", "emotion6", "emoset")


@dataclass(frozen=True)
class Row:
    """One row. key: by which `--rows` picks it, beside the network's name."""

    key: str
    network: str
    task: str = "binary"
    settings: tuple[str, ...] = ()  # beside the network's defaults
    small: tuple[str, ...] = ()  # what else a small machine sets
    whole: tuple[str, ...] = ()  # what else the report's own data take
    small_task: str = ""  # where the sets of a small machine know no such thing
    files: Mapping[str, str] = field(default_factory=dict)  # arguments that are other rows' network files

    def task_on(self, small: bool) -> str:
        """The task, on a small machine or not."""
        return self.small_task or self.task if small else self.task

    def settings_on(self, small: bool) -> list[str]:
        """All settings, in the order of --set."""
        task = [f"task={self.task_on(small)}"] if self.network != STARTER else []
        return [*task, *self.settings, *(self.small if small else self.whole)]


SCNN = (
    "side=64", "width=0.5", "dropout=0", "tests=one", "windows=5", "epochs=15", "batch=32", "lr=0.001",
    "schedule=cosine",
)  # fmt: skip
JOINED = ("side=64", "width=0.5", "dropout=0", "windows=5", "stages=settle:1,joint:9", "batch=32", "lr=0.001")
COLUMNS_OF = {"warp": "rapid_scnn/warp", "crop": "rapid_scnn/crop"}
LITE = ("trunk=lite0",)
SMALL_LITE = ("side=128", "epochs=6", "batch=32")
# OASIS means lie closer together than AADB's, hence `apart`; the features of lite0 are larger than fc7's, hence `lr`.
SMALL_KONG = ("side=128", "batch=32", "stages=reg:4,rank:1,att:5,cont:5", "lr=0.0003", "apart=0.2")
# The report's rate of .1 for its batches, by the linear rule (Goyal et al. 2017, arXiv 1706.02677); its batch is not
# told, 128 is ours.
SMALL_EMOTION = ("preset=small-112", "epochs=8", "batch=32", "lr=0.025")
RESIDUAL = ("side=64", "width=0.25", "batch=32", "stages=first:8,second:3:0.1,third:2:0.01")

ROWS: tuple[Row, ...] = (
    Row("starter", STARTER),
    *(Row(f"rapid_scnn/{view}", "rapid_scnn", settings=(f"view={view}",), small=SCNN)
      for view in ("center-crop", "warp", "padding", "crop")),
    Row("rapid_scnn/style", "rapid_scnn", "style", ("view=crop",), SCNN,
        ("data.drop_aesthetic_test=yes",), "category"),
    Row("rapid_dcnn", "rapid_dcnn", small=JOINED, files=COLUMNS_OF),
    Row("rapid_rdcnn", "rapid_rdcnn", small=JOINED, files={**COLUMNS_OF, "third": "rapid_scnn/style"}),
    Row("ilgnet", "ilgnet", settings=("stem=torchvision",)),
    Row("ilgnet/lite0", "ilgnet", settings=("stem=lite0",), small=("side=128", "epochs=6", "batch=32")),
    Row("ilgnet/random", "ilgnet", settings=("weights=none",),
        small=("side=112", "width=0.25", "epochs=12", "batch=32")),
    *(Row(name, name, small=("epochs=30", "rollouts=5")) for name in ("ram", "ram_lstm", "ram_cnn", "ram_lstm_cnn")),
    Row("vgg16_ft", "vgg16_ft"),
    Row("vgg16_ft/lite0", "vgg16_ft", settings=LITE, small=SMALL_LITE),
    Row("resnet50_ft", "resnet50_ft"),
    Row("resnet50_ft/lite0", "resnet50_ft", settings=LITE, small=SMALL_LITE),
    Row("multiresnet/k1", "multiresnet", settings=("units=3,4,6,3", "branches=1"), small=RESIDUAL),
    Row("multiresnet/k3", "multiresnet", settings=("units=1,2,3,1", "branches=3"), small=RESIDUAL),
    Row("starter/score", STARTER, "score"),
    Row("kong", "kong", "score"),
    *(Row(f"kong/{variant}", "kong", "score", (f"variant={variant}", *LITE), SMALL_KONG)
      for variant in ("reg", "rank", "att", "cont", "att_cont")),
    Row("kong/conf", "kong", "binary", ("variant=conf", *LITE), SMALL_KONG),
    Row("columns", "columns", "score", small=("semantic_side=128", "rollouts=3", "stages=columns:4,join:3,all:2:0.1")),
    Row("nima", "nima", "distribution"),
    Row("nima/lite0", "nima", "distribution", LITE, (*SMALL_LITE, "lr=0.0001")),
    *(row
      for split in ("groups", "naive")
      for row in (
          Row(f"starter/emotion/{split}", STARTER, "emotion", (f"split={split}",)),
          Row(f"emotion_vgg/{split}", "emotion_vgg", "emotion", (f"split={split}",),
              SMALL_EMOTION),
          Row(f"resnet50_ft/emotion/{split}", "resnet50_ft", "emotion", (f"split={split}", *LITE), SMALL_LITE),
          Row(f"multiresnet/emotion/{split}", "multiresnet", "emotion", (f"split={split}", "branches=2"), RESIDUAL),
          Row(f"columns/emotion/{split}", "columns", "emotion", (f"split={split}",),
              ("semantic_side=128", "rollouts=3", "stages=columns:3,join:3,all:2:0.1")),
          Row(f"ram/emotion/{split}", "ram", "emotion", (f"split={split}",), ("epochs=20", "rollouts=5")),
      )),
)  # fmt: skip


def chosen(words: Sequence[str]) -> list[Row]:
    """The rows named, and those whose files they need, in the table's order; all for none.

    A key names its row alone (kong/reg), a network all its rows (kong); where both are spelt alike, the network's.
    """
    known = {row.key: row for row in ROWS}
    if not words:
        return list(ROWS)
    names = {row.network for row in ROWS}
    unknown = [word for word in words if word not in known and word not in names]
    if unknown:
        raise RecipeError(f"There is no row {unknown[0]!r}: {', '.join(known)}.")
    wanted = {row.key for row in ROWS if row.key in words or row.network in words}
    wanted |= {key for name in wanted for key in known[name].files.values()}
    return [row for row in ROWS if row.key in wanted]


def data_for(row: Row, data: Sequence[tuple[str, Path]], small: bool) -> list[tuple[str, Path]]:
    """Those of the data sets that know the row's task; none may."""
    task = row.task_on(small)
    if task == "emotion":
        return [pair for pair in data if pair[0] in EMOTION_KINDS]
    if task == "style":
        return [pair for pair in data if pair[0] == "ava-style"]
    return [pair for pair in data if pair[0] not in (*ONLY_EMOTION, "ava-style")]


def run(
    rows: Sequence[Row],
    data: Sequence[tuple[str, Path]],
    out: Path,
    *,
    small: bool = False,
    seed: int = 0,
    only_done: bool = False,
    told: Callable[[str, Mapping[str, Any]], None] = lambda key, result: None,
) -> Iterator[dict[str, Any]]:
    """Train the rows that are not done yet; every row's result, in order. `out` keeps results, files and runs.

    only_done: train nothing, leave out what is not done. A row for whose task there is no data set says so. Raises
    RecipeError if that holds for all.
    """
    if not any(data_for(row, data, small) for row in rows):
        raise RecipeError("None of --data has anything to teach these rows.")
    for row in rows:
        file = out / "rows" / f"{row.key.replace('/', '-')}.json"
        result, wanted = _kept(out, row.key), _words(row, data, small, seed)
        if result.get("words") != wanted:
            if only_done:
                continue
            result = {**_apart(row, data_for(row, data, small), out, small, seed), "words": wanted}
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(result, indent=1))
        told(row.key, result)
        yield result


def _words(row: Row, data: Sequence[tuple[str, Path]], small: bool, seed: int) -> list[str]:
    """By which a result that is kept is known to be the one wanted."""
    kinds = [kind for kind, _ in data_for(row, data, small)]
    return [row.network, *row.settings_on(small), *kinds, str(seed), *sorted(row.files.values())]


def _apart(row: Row, data: list[tuple[str, Path]], out: Path, small: bool, seed: int) -> dict[str, Any]:
    """Train the row in a process of its own, which ends with it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(trained, row, data, out, small, seed).result()


def trained(row: Row, data: list[tuple[str, Path]], out: Path, small: bool, seed: int) -> dict[str, Any]:
    """One row's result: key, network, task, data, settings, figures, seconds, peak, or why there is none."""
    from ml import experiment, starter_rows
    from ml.loop import Diverged
    from ml.nets.base import NoWeights

    result: dict[str, Any] = {
        "key": row.key,
        "network": row.network,
        "task": row.task_on(small),
        "settings": row.settings_on(small)[1 if row.network != STARTER else 0 :],
        "data": [kind for kind, _ in data],
    }
    if not data:
        return result | {"none": f"no data set for {result['task']!r}"}
    absent = [key for key in row.files.values() if "name" not in _kept(out, key)]
    if absent:
        return result | {"none": f"needs the file of {absent[0]}"}
    settings = [*row.settings_on(small), *_files(row, out)]
    if row.network == STARTER:
        return result | starter_rows.result(result["task"], data, settings, out / "onnx", seed)
    plan = experiment.planned(row.network, data, settings, seed)
    try:
        made = experiment.train(plan, out / "runs" / plan.slug, out / "networks")
    except (NoWeights, Diverged) as error:
        return result | {"none": str(error)}
    kept = ("figures", *COSTS, "best_on_test", "chosen", "epochs")
    return result | {"name": made.name} | {name: made.card[name] for name in kept if name in made.card}


def _files(row: Row, out: Path) -> list[str]:
    """Settings that name the network files of other rows."""
    found = []
    for argument, key in row.files.items():
        found.append(f"{argument}={out / 'networks' / _kept(out, key)['name']}.safetensors")
    return found


def _kept(out: Path, key: str) -> dict[str, Any]:
    """The result of a row that was run before; empty if there is none."""
    file = out / "rows" / f"{key.replace('/', '-')}.json"
    return json.loads(file.read_text()) if file.is_file() else {}
