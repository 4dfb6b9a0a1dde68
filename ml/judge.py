"""A network's answers beside what is known of the photographs: the figures of its task."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ml import protocols
from ml.feed import Feed
from ml.nets.base import DISTRIBUTION, SCORE


def figures_of(task: str, feed: Feed, said: Mapping[str, NDArray[Any]], seed: int | None = 0) -> dict[str, Any]:
    """Figures over the rows said["row"]; seed: of the bootstrap, None for no intervals.

    A network of distributions is judged by its mean where only scores are known.
    """
    photographs, rows = feed.photographs, said["row"]
    if task == DISTRIBUTION:
        if photographs.distribution is not None:
            return protocols.of_distributions(photographs.distribution[rows], said["distribution"], seed)
        return protocols.of_scores(feed.score[rows], protocols.mean_of(said["distribution"]), seed)
    if task == SCORE:
        return protocols.of_scores(feed.score[rows], said["score"], seed)
    known = photographs.labels.get(task)
    if known is not None and known.several is not None and known.several[rows].sum(1).max(initial=0) > 1:
        return protocols.of_several(known.several[rows], said["probabilities"], known.classes)
    return protocols.of_classes(feed.label[rows], said["probabilities"], feed.classes, seed)
