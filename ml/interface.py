"""The only door from the gallery to the networks.

Light to import: neither torch nor ONNX Runtime is loaded until a scorer is asked for, so web processes may use it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ml import files, runs, weights
from ml.collection import alarms, register_collection
from ml.engines import processors
from ml.files import NetworkFileError
from ml.models import Network
from ml.moods import MOODS
from ml.parts import Part, part_of
from ml.prior import Prior, prior_of
from ml.promotions import (
    RANKING,
    NetworkInfo,
    active,
    arrived,
    call_off,
    in_use,
    incoming,
    live_on,
    network,
    pause,
    promote,
    scores_now,
    standby,
    switch_back,
    to_score,
)
from ml.rows import Said, Selection, TrainingRow
from ml.runs import AlreadyTraining
from ml.verdicts import NotAccepted

if TYPE_CHECKING:
    from ml.concepts import Classifier
    from ml.safety import SafetyClassifier
    from ml.scorer import Scoring
    from ml.taste_trials import Trial

__all__ = [
    "MOODS",
    "OBJECT_CLASSIFIERS",
    "RANKING",
    "AlreadyTraining",
    "NetworkFileError",
    "NetworkInfo",
    "NotAccepted",
    "Prior",
    "Said",
    "Selection",
    "TrainingRow",
    "active",
    "add",
    "alarms",
    "answers_since",
    "arrived",
    "call_off",
    "card",
    "choose_engine",
    "in_use",
    "incoming",
    "licences",
    "live_on",
    "name_of",
    "network",
    "network_file",
    "object_classifier",
    "pause",
    "prior",
    "processors",
    "promote",
    "register_answers",
    "register_collection",
    "register_licences",
    "register_rows",
    "register_verification",
    "safety_classifier",
    "safety_installed",
    "scene_classifier",
    "scorer",
    "scores_now",
    "standby",
    "start_run",
    "switch_back",
    "taste_trials",
    "taste_trials_of",
    "to_score",
    "training_rows",
    "verify",
]


OBJECT_CLASSIFIERS = ("lite2", "resnet34")  # ml.concepts.OBJECTS


def card(network_id: int) -> dict[str, Any]:
    """What the network says of itself: its data, figures and by which folds, licence, date; may lack any of them."""
    return Network.objects.values_list("card", flat=True).get(pk=network_id)


def add(network: files.NetworkFile, base: files.NetworkFile) -> NetworkInfo:
    """A network file as a candidate, joined to the starter `base` if it is none itself. Raises NetworkFileError."""
    from ml import joined

    folder = Path(settings.NETWORKS_DIR)
    recipe = network.arguments.get("net", "starter")
    whole = joined.join(network, base, folder) if "net" in network.arguments else files.copied(network, folder)
    prior_of(whole)  # what cannot rank is refused now
    facts = {"recipe": recipe, "card": whole.card, "path": f"{whole.name}{files.SUFFIX}"}
    row, _ = Network.objects.get_or_create(name=whole.name, defaults=facts)
    return NetworkInfo(row.pk, row.name)


def network_file(network_id: int) -> files.NetworkFile:
    """The network's arrays and card, its content hash checked. Raises ml.files.NetworkFileError."""
    return _read(*_names(network_id))


def scorer(network_id: int) -> "Scoring":
    """What gives Scores (rows of photographs) of RGB images; see ml.scorer. The first call may export it (seconds)."""
    return _scorer(*_names(network_id))


def choose_engine(network_id: int) -> str:
    """Test, once a machine, which engine scores fastest here, and score by it from now on; its name. See ml.engines.

    A minute or two where it was not done before: for the start of a worker that scores, or before a long scoring.
    """
    from ml import joined
    from ml.scorer import choose_engine as choose

    network, folder = network_file(network_id), Path(settings.NETWORKS_DIR)
    if joined.is_joined(network):
        network = joined.parts(network, folder)[1]
    chosen = choose(network, folder / "onnx")
    if getattr(scorer(network_id), "engine", chosen) != chosen:
        _scorer.cache_clear()
    return chosen


def prior(network_id: int) -> Prior:
    """The population prior and the floors that the network carries."""
    return _prior(*_names(network_id))


def name_of(network_id: int) -> str:
    """A network's name (no query but the first time)."""
    return _names(network_id)[0]


@lru_cache(maxsize=64)
def _names(network_id: int) -> tuple[str, str]:
    """Name and file of a network: neither ever changes."""
    return Network.objects.values_list("name", "path").get(pk=network_id)


# Cached by name, which holds the content's hash: a name never means two networks.
@lru_cache(maxsize=4)
def _read(name: str, path: str) -> files.NetworkFile:
    return files.load(Path(settings.NETWORKS_DIR) / path)


@lru_cache(maxsize=4)
def _prior(name: str, path: str) -> Prior:
    return prior_of(_read(name, path))


@lru_cache(maxsize=2)
def _scorer(name: str, path: str) -> "Scoring":
    from ml.joined import JoinedScorer, is_joined
    from ml.scorer import Scorer

    network, folder = _read(name, path), Path(settings.NETWORKS_DIR)
    if is_joined(network):
        return JoinedScorer(network, folder, folder / "onnx")
    return Scorer(network, folder / "onnx", engine=None)


@lru_cache(maxsize=2)
def object_classifier(name: str = "") -> "Classifier":
    """What names the objects in photographs: the 1,000 classes of ImageNet. The first call may export it (seconds).

    name: one of OBJECT_CLASSIFIERS, or "" for ResNet-34 where its weights are installed, else the packaged network.
    Raises ml.files.NetworkFileError.
    """
    from ml import concepts

    return concepts.objects(Path(settings.NETWORKS_DIR) / "onnx", name)


def scene_classifier() -> "Classifier | None":
    """What names the scenes of photographs: Places365, or None where its weights are not in networks/places365.

    Raises ml.files.NetworkFileError where they are and cannot be used.
    """
    from ml import concepts

    folder = Path(settings.NETWORKS_DIR)
    return concepts.scenes(folder / "places365", folder / "onnx")


def safety_installed() -> bool:
    """Whether install_weights brought the safety model here; asks nothing but the disk."""
    return _safety_folder().joinpath(weights.KNOWN[weights.SAFETY].name).is_file()


def safety_classifier() -> "SafetyClassifier | None":
    """What says how likely a photograph shows nudity, or None where `install_weights safety` was not done.

    Raises ml.files.NetworkFileError where the file is damaged.
    """
    from ml.safety import SafetyClassifier

    path = weights.safety(Path(settings.NETWORKS_DIR))
    return SafetyClassifier(path) if path is not None else None


def _safety_folder() -> Path:
    return weights.folder_of(weights.SAFETY, Path(settings.NETWORKS_DIR))


_sources: list[Callable[[Selection], Iterable[TrainingRow]]] = []
_verifications: list[Callable[[], None]] = []
_licences: dict[str, str] = {}
_answers: list[Callable[[datetime | None], int]] = []


def register_rows(source: Callable[[Selection], Iterable[TrainingRow]]) -> None:
    """Add a source of training rows (the gallery registers its rated and labelled photographs)."""
    if source not in _sources:
        _sources.append(source)


def training_rows(selection: Selection | None = None, *, part: Part = "train") -> list[TrainingRow]:
    """The rows that the registered sources have now. Images in them are loaded only when asked for.

    part: of the frozen split by groups ("train", or "test" for those that only judge), see ml.parts.
    """
    rows = (row for source in _sources for row in source(selection or Selection()))
    return [row for row in rows if part_of(row.group, row.kin) == part]


def register_verification(verify: Callable[[], None]) -> None:
    """What the weekly verification calls (the gallery registers that of its data set)."""
    if verify not in _verifications:
        _verifications.append(verify)


def register_licences(names: Mapping[str, str]) -> None:
    """What licences a collection's photographs may have, by slug: an admin chooses by them what teaches a network."""
    _licences.update(names)


def licences() -> dict[str, str]:
    """The licences that were registered: name by slug."""
    return dict(_licences)


def register_answers(count: Callable[[datetime | None], int]) -> None:
    """Add a counter of visitors' answers since a moment (None: all)."""
    if count not in _answers:
        _answers.append(count)


def answers_since(moment: datetime | None) -> int:
    """How many answers visitors gave since then."""
    return sum(count(moment) for count in _answers)


def verify() -> None:
    """Carry out what was registered; the worker's work of minutes or hours."""
    for each in _verifications:
        each()


def start_run(*, asked_by, seed: int = 0, **more: Any) -> int:
    """Queue a training run (of the starter, or as ml.runs.start takes it); its row's id. One at a time a recipe.

    Raises AlreadyTraining where one waits or runs.
    """
    return runs.start(asked_by=asked_by, seed=seed, **more)


def taste_trials(
    *,
    photos: Path,
    ratings: Path,
    labels_file: Path | None = None,
    network: str | None = None,
    folds: int | None = None,
) -> "list[Trial]":
    """People's rated photographs on which learning their taste is judged; see ml.cli. Raises CommandError."""
    from ml import cli

    return cli.taste_trials(photos=photos, ratings=ratings, labels_file=labels_file, network=network, folds=folds)


def taste_trials_of(
    kind: str, folder: Path, options: dict[str, str], *, network: str | None = None, seed: int = 0
) -> "list[Trial]":
    """The people of a data set with single ratings, such as FLICKR-AES; see ml.cli. Raises CommandError."""
    from ml import cli

    return cli.taste_trials_of(kind, folder, options, network, seed)
