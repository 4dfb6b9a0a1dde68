"""A training run carried out, from its claim to its end, in a process of its own (manage.py carry_out).

Everything that decides the result is in the row and in the run's folder, so that another process goes on to the same
weights: the photographs as they were when the run began (ml.snapshot), and the checkpoint of ml.loop.
"""

import importlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from ml import datasets, files, interface, joined, runs, snapshot
from ml.data.tables import DataError
from ml.files import NetworkFile
from ml.models import Network, TrainingRun
from ml.options import STARTER
from ml.recipes import RecipeError
from ml.recorder import Recorder, Stopped
from ml.rows import Selection, TrainingRow, rows_hash, selection_of

log = logging.getLogger(__name__)
State = TrainingRun.State
COPY = "photographs"  # of the collection, in the run's folder
JUDGING = "judging.txt"  # beside it
ID_DIGITS = 16  # of SHA-256: how a published version names a photograph
MENDABLE = ("NoWeights", "Diverged")  # by name: importing them would load torch for a starter's run


class Unchanged(Exception):
    """There is nothing new to learn from."""


def carry_out(run_id: int, worker: str, asked_to_stop: Callable[[], bool] = lambda: False) -> None:
    """Carry out a waiting run, if no other worker has it; every end but a death is written to its row."""
    run = runs.claim(run_id, worker)
    if run is None:
        return
    with Recorder(run, asked_to_stop) as recorder:
        try:
            network = _trained(run, recorder)
        except runs.Lost:
            log.info("Training run %s was taken from this worker.", run.pk)
        except Stopped:
            recorder.write(runs.give_back)
        except Exception as error:
            if asked_to_stop():  # whoever ends a service may end the processes that read for it, too
                log.info("Stopped in the middle of a step: %s", error)
                recorder.write(runs.give_back)
            else:
                recorder.end(*_told(run, error))
        else:
            figures = network.card.get("figures", {})
            if recorder.write(lambda mine: runs.finish(mine, network, figures)):
                _judge(run, network)
    if TrainingRun.objects.filter(pk=run.pk, state__in=(State.DONE, State.REFUSED, State.UNCHANGED)).exists():
        shutil.rmtree(
            runs.folder(run.pk), ignore_errors=True
        )  # photographs may be taken down: no copy outlives the run


def _told(run: TrainingRun, error: Exception) -> tuple[str, str]:
    """The state and the sentence by which an error ends a run."""
    from ml.train import TooLittleData

    if isinstance(error, Unchanged):
        return State.UNCHANGED, str(error)
    if isinstance(error, TooLittleData | DataError):
        return State.REFUSED, str(error)
    if isinstance(error, RecipeError | files.NetworkFileError) or type(error).__name__ in MENDABLE:
        return State.FAILED, str(error)
    log.error("Training run %s failed.", run.pk, exc_info=error)
    return State.FAILED, f"It failed: {error}"


def _trained(run: TrainingRun, recorder: Recorder) -> Network:
    """The run's network as a candidate."""
    base = _base()
    if run.recipe == STARTER:
        return _retrained(run, base, recorder)
    selection = selection_of(run.selection)
    folder = runs.folder(run.pk)
    if not (folder / COPY / snapshot.FACTS).is_file():  # else another worker has begun: the data stays as it was
        _copy(run, selection, folder, recorder)
    made = _of_network(run, selection, folder, recorder)
    return Network.objects.get(pk=interface.add(made, base).id)


def _base() -> NetworkFile:
    """The starter that ranks, or that lies beneath the joined network that does."""
    found = interface.network_file(interface.active().id)
    return joined.parts(found, Path(settings.NETWORKS_DIR))[1] if joined.is_joined(found) else found


def _retrained(run: TrainingRun, base: NetworkFile, recorder: Recorder) -> Network:
    from ml import train

    selection = selection_of(run.selection)
    rows = interface.training_rows(selection)
    sets = datasets.named(selection.sets)
    for each in sets:
        rows += datasets.training_rows(each, _judging(run))
    _refuse_unchanged(run, rows, sets)
    made = train.retrain(
        base,
        rows,
        folder=Path(settings.NETWORKS_DIR),
        seed=run.seed,
        cache_dir=Path(settings.NETWORKS_DIR) / "onnx",
        settings=run.options,
        progress=recorder.told,
    )
    facts = {"recipe": run.recipe, "path": f"{made.name}{files.SUFFIX}", "card": made.card}
    return Network.objects.get_or_create(name=made.name, defaults=facts)[0]


def _judging(run: TrainingRun) -> Path:
    """A file of the ids of the photographs that judge, as when the run began: no published version may teach them."""
    listed = runs.folder(run.pk) / JUDGING
    if not listed.is_file():
        listed.parent.mkdir(parents=True, exist_ok=True)
        ids = sorted(row.key[:ID_DIGITS] for row in interface.training_rows(part="test"))
        files.write(listed, "\n".join(ids).encode())
    return listed


def _refuse_unchanged(run: TrainingRun, rows: list[TrainingRow], sets: list[datasets.DataSet]) -> None:
    """Note what the run learns from. Raises Unchanged where that taught the last network of the recipe, too."""
    digest = rows_hash(rows, (line for each in sets for line in datasets.fingerprint(each)))
    runs.report(run, data_hash=digest)
    last = runs.last_like(run)
    if last is not None and last.data_hash == digest and not run.forced:
        raise Unchanged(f"Nothing has changed since run {last.pk}: the same photographs, answers and settings.")


def _copy(run: TrainingRun, selection: Selection, folder: Path, recorder: Recorder) -> None:
    """The photographs of the collection as they are now."""
    rows = interface.training_rows(selection)
    _refuse_unchanged(run, rows, datasets.named(selection.sets))
    told = {"steps": len(rows), "message": "Copying photographs."}
    facts = snapshot.write(rows, folder / COPY, lambda done: recorder.told({"step": done, **told}))
    recorder.add_troubles(facts["troubles"])


def _of_network(run: TrainingRun, selection: Selection, folder: Path, recorder: Recorder) -> NetworkFile:
    """Train a network of the catalogue, from its checkpoint where there is one that can be read."""
    from ml import checkpoints, experiment, schedules
    from ml.loop import Interrupted

    sets = datasets.named(selection.sets)
    data = [(each.kind, each.folder) for each in sets]
    own = [f"data.{name}={value}" for name, value in datasets.options_of(sets, _judging(run)).items()]
    if selection.collection and snapshot.facts(folder / COPY)["photographs"]:
        data.insert(0, ("snapshot", folder / COPY))
    if not data:
        raise DataError("Nothing of the collection is rated or has a mood, as far as it was chosen.")
    plan = experiment.planned(run.recipe, data, [*run.options, *own], run.seed)
    recorder.stages = [epochs for _, epochs, _ in schedules.stages(plan.recipe)]

    def train(resume: bool) -> NetworkFile:
        return experiment.train(
            plan,
            folder,
            folder,
            resume=resume,
            command=f"Training run {run.pk} in the admin",
            told=recorder.of_epochs,
            asked_to_stop=recorder.asked_to_stop,
        )

    try:
        return train(_has_checkpoint(folder))
    except Interrupted:
        raise Stopped from None
    except checkpoints.CheckpointError as error:  # of an older version of Evoke, or damaged
        log.warning("%s The run begins anew.", error)
        (folder / checkpoints.NAME).unlink(missing_ok=True)
        return train(False)


def _has_checkpoint(folder: Path) -> bool:
    from ml import checkpoints

    return (folder / checkpoints.NAME).is_file()


def _judge(run: TrainingRun, network: Network) -> None:
    """Ask the gate, and put what it says into the run's message. The network is there whatever becomes of this."""
    try:
        verdict = _ask_gate(network.pk)
    except Exception as error:
        log.exception("%s could not be judged.", network)
        verdict = f"It could not be compared: {error}"
    message = f"Made {network.name}. {verdict}"[:500]
    TrainingRun.objects.filter(pk=run.pk, state=State.DONE).update(message=message)


def _ask_gate(network_id: int) -> str:
    """The gate's verdict as a sentence."""
    found: Any = importlib.import_module("ml.gating").judge(network_id)
    return str(getattr(found, "reason", found) or "")
