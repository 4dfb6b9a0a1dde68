"""What a visitor's answers teach: posteriors in Taste rows, updated exactly and in constant time by each answer."""

import uuid
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.models import Rating, Score, Taste
from gallery.rank import taste
from ml.interface import MOODS, Prior

DIMENSIONS = 68


@dataclass(frozen=True)
class Answers:
    """What one visitor says of one photograph: 1-5 or "less like this" (which counts lowest), and what they felt."""

    value: int | None = None
    hidden: bool = False
    felt: str = ""


@dataclass(frozen=True)
class Learnt:
    """A visitor's posteriors: beauty, and the six moods' (they share one precision, so one factor)."""

    beauty: taste.Posterior
    felt: tuple[taste.Posterior, ...]

    def draw(self, mood: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Weights drawn from the posteriors for one mood's page: beauty (68,) and felt (68,)."""
        return taste.draw(self.beauty, rng), taste.draw(self.felt[mood], rng)


def answers_of(rating: Rating | None) -> Answers:
    """The answers that a Rating holds; none for None."""
    return Answers() if rating is None else Answers(rating.value, rating.hidden, rating.felt)


def taste_of(visitor_id: uuid.UUID, network_id: int, prior: Prior) -> Learnt:
    """What is known of a visitor under a network: the prior alone until they said something."""
    row = Taste.objects.filter(visitor_id=visitor_id, network_id=network_id).first()
    return _start(prior) if row is None else _unpack(row)


def update(visitor_id: uuid.UUID, score: Score, prior: Prior, *, before: Answers, after: Answers) -> None:
    """Unlearn what was said before of the scored photograph, learn what is said now. Call it inside a transaction."""
    first = _pack(_start(prior))
    row, _ = Taste.objects.select_for_update().get_or_create(
        visitor_id=visitor_id, network_id=score.network_id, defaults=first
    )
    learnt = _changed(_unpack(row), score, prior, before, taste.forget)
    learnt = _changed(learnt, score, prior, after, taste.observe)
    for name, content in _pack(learnt).items():
        setattr(row, name, content)
    row.observations += (after != Answers()) - (before != Answers())
    row.save()


def _changed(learnt: Learnt, score: Score, prior: Prior, answers: Answers, step) -> Learnt:
    """The posteriors after observing, or forgetting, the answers on one photograph."""
    x = _features(score, prior)
    beauty, felt = learnt.beauty, learnt.felt
    if answers.value is not None or answers.hidden:
        rating = taste.HIDDEN if answers.hidden else answers.value
        residual = taste.residual_of(rating, score.aesthetic, prior.scale[0])
        beauty = step(beauty, x, residual, prior.noise + prior.shared)
    if answers.felt:
        targets = taste.felt_targets(MOODS.index(answers.felt), len(MOODS))
        felt = tuple(step(p, x, y, taste.FELT_VARIANCE) for p, y in zip(felt, targets, strict=True))
    return Learnt(beauty, felt)


def _features(score: Score, prior: Prior) -> NDArray[np.float64]:
    """x (68,) of a scored photograph."""
    z = (np.array([score.aesthetic, score.valence, score.arousal]) - prior.center) / prior.scale
    return np.concatenate([score.embedding.to_numpy().astype(float), [1.0], z])


def _start(prior: Prior) -> Learnt:
    felt = taste.start(prior.covariance * taste.FELT_SCALE)
    return Learnt(taste.start(prior.covariance), (felt,) * len(MOODS))
