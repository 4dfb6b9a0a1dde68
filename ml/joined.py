"""Any trained network on the site: it says one thing, and a starter network says the rest.

The site needs six moods, valence, arousal, beauty and an embedding of every photograph. A network of ml.nets says one
of them: moods (task "emotion" over the six) or beauty ("score", "distribution", "binary"). A joined network is a small
file that names two others, the one that speaks and the starter beneath it, and holds the starter's prior of taste:

    moods       the network's probabilities, or the starter's
    aesthetic   the network's score, moved and stretched to the starter's mean and spread, or the starter's
    the rest    the starter's

A score on another scale would make ratings mean something else, hence the stretch: its mean and spread on photographs
that the network was not trained on are in its card.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml import files
from ml.files import NetworkFile, NetworkFileError
from ml.moods import MOODS
from ml.prior import prior_of
from ml.protocols import mean_of
from ml.scorer import Prepared, Scorer, Scores

if TYPE_CHECKING:
    from PIL.Image import Image

KEY = "joined"  # in a joined file's arguments
SPOKEN = ("score", "distribution", "binary", "emotion")  # tasks that the site has a use for
KEPT = ("prior.factor", "prior.variances", "prior.center", "prior.scale", "prior.floor", "embedding.scale")
Floats = NDArray[np.floating]
Views = tuple[Any, ...]  # of one photograph, tensors (1, 3, h, w)


def is_joined(network: NetworkFile) -> bool:
    """Whether it is such a file."""
    return KEY in network.arguments


def join(speaker: NetworkFile, base: NetworkFile, folder: Path) -> NetworkFile:
    """A joined network in `folder`, with copies of both files. Raises NetworkFileError where they cannot be joined."""
    task, classes = _task(speaker), speaker.arguments["classes"]
    if task not in SPOKEN or (task == "emotion" and set(classes) != set(MOODS)):
        raise NetworkFileError(f"{speaker.name} says {task!r} of {len(classes)} classes: the site has no use for that.")
    prior_of(base)
    said = speaker.card.get("said")
    if task != "emotion" and not said:
        raise NetworkFileError(f"The card of {speaker.name} lacks the mean and spread of what it says; train it anew.")
    for each in (speaker, base):
        files.copied(each, folder)
    told = {"speaker": speaker.name, "base": base.name, "task": task, "said": said or {}}
    arrays = {name: base.arrays[name] for name in KEPT}
    if task == "emotion" and "floors" in speaker.card:
        arrays["prior.floor"] = np.array(speaker.card["floors"], np.float64)
    card = {**speaker.card, "arguments": {KEY: told}, "joined_to": base.name, "licence": _licence(speaker, base)}
    return files.save(folder, speaker.arguments["net"], arrays, card)


def parts(network: NetworkFile, folder: Path) -> tuple[NetworkFile, NetworkFile]:
    """The network that speaks and the starter beneath it. Raises NetworkFileError."""
    told = network.arguments[KEY]
    return files.load(folder / f"{told['speaker']}{files.SUFFIX}"), files.load(folder / f"{told['base']}{files.SUFFIX}")


class JoinedScorer:
    """Scores photographs with both; the network that speaks runs in torch, on a GPU where there is one."""

    def __init__(self, network: NetworkFile, folder: Path, cache_dir: Path, threads: int | None = None) -> None:
        """Raises NetworkFileError, also where one of the two files is not in `folder`."""
        import torch

        from ml.nets import catalog

        speaker, base = parts(network, folder)
        self.name, self._told, self._prior = network.name, network.arguments[KEY], prior_of(network)
        self._base = Scorer(base, cache_dir, threads, engine=None)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        net, self._classes = catalog.of_file(speaker)
        self._net = net.to(self._device)
        self.engine = self._base.engine
        self.side, self.lanes, self.batch = self._base.side, 1, self._base.batch

    def __call__(self, images: Sequence["Image"]) -> Scores:
        return self.score(images)

    def score(self, images: Sequence["Image"]) -> Scores:
        """Scores of RGB images of any size, in order; an empty sequence gives arrays of no rows."""
        return self._joined(self._base.score(images), [self._views(image) for image in images])

    def prepare(self, image: "Image") -> tuple[Prepared, Views]:
        """What both networks look at of an RGB image."""
        return self._base.prepare(image), self._views(image)

    def score_prepared(self, prepared: Sequence[tuple[Prepared, Views]]) -> Scores:
        """Scores of at least one and at most `batch` photographs."""
        base = self._base.score_prepared([views for views, _ in prepared])
        return self._joined(base, [views for _, views in prepared])

    def _joined(self, base: Scores, inputs: Sequence[Views]) -> Scores:
        if not inputs:
            return base
        said = self._said(inputs)
        if self._told["task"] == "emotion":
            order = [self._classes.index(mood) for mood in MOODS]
            moods = said["probabilities"][:, order].astype(np.float32)
            return Scores(moods, base.valence, base.arousal, base.aesthetic, base.embedding)
        z = (beauty(self._told["task"], said) - self._told["said"]["mean"]) / self._told["said"]["sd"]
        aesthetic = np.clip(self._prior.center[0] + self._prior.scale[0] * z, 1, 7).astype(np.float32)
        return Scores(base.moods, base.valence, base.arousal, aesthetic, base.embedding)

    def _views(self, image: "Image") -> Views:
        import torch

        pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()
        return tuple(view.eval(pixels)[None] for view in self._net.views)

    def _said(self, inputs: Sequence[Views]) -> dict[str, Any]:
        import torch

        from ml.predict import answers

        parts: dict[str, list[Any]] = {}
        with torch.inference_mode():
            for views in inputs:  # one by one: views of photographs of several sizes
                moved = tuple(view.to(self._device) for view in views)
                for name, value in answers(self._net, moved).items():
                    parts.setdefault(name, []).append(value.float().cpu().numpy())
        return {name: np.concatenate(values) for name, values in parts.items()}


def beauty(task: str, said: dict[str, Floats]) -> Floats:
    """One number a photograph (n,) from a network's answers: its score, its mean, or its log-odds of "high"."""
    if task == "score":
        return said["score"]
    if task == "distribution":
        return mean_of(said["distribution"])
    share = np.clip(said["probabilities"][:, 1], 1e-6, 1 - 1e-6)
    return np.log(share / (1 - share))


def _task(speaker: NetworkFile) -> str:
    try:
        return str(speaker.arguments["values"]["task"])
    except KeyError as error:
        raise NetworkFileError(f"{speaker.name} is no network that can be joined to a starter.") from error


def _licence(*networks: NetworkFile) -> str:
    return " ".join(str(network.card["licence"]) for network in networks if network.card.get("licence"))
