"""What a visitor's answers teach: posteriors in Taste rows, updated exactly and in constant time by each answer."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.models import Rating, Score, Taste
from gallery.rank import taste
from ml.interface import MOODS, Prior

DIMENSIONS = 68
FELT_SCALE = (
    0.25  # of the population covariance of beauty: people agree more on moods (chosen by simulation, see tests)
)
FELT_NOISE = 1.0  # variance of "I felt this" about the shift that a visitor really has
Step = Callable[[taste.Posterior, NDArray, float | NDArray, float], taste.Posterior]


@dataclass(frozen=True)
class Answers:
    """What one visitor says of one photograph: 1-5 or "less like this" (which counts lowest), and what they felt."""

    value: int | None = None
    hidden: bool = False
    felt: str = ""


@dataclass(frozen=True)
class Learnt:
    """A visitor's posteriors: what they find beautiful (68,), and what they feel, a row a mood (6, 68)."""

    beauty: taste.Posterior
    felt: taste.Posterior

    def draw(self, mood: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Weights drawn from the posteriors for one mood's page: beauty (68,) and felt (68,)."""
        return taste.draw(self.beauty, rng), taste.draw(self.felt, rng)[mood]


def answers_of(rating: Rating | None) -> Answers:
    """The answers that a Rating holds; none for None."""
    return Answers() if rating is None else Answers(rating.value, rating.hidden, rating.felt)


def taste_of(visitor_id: uuid.UUID, network_id: int, prior: Prior) -> Learnt:
    """What is known of a visitor under a network: the prior alone until they said something (one query)."""
    row = Taste.objects.filter(visitor_id=visitor_id, network_id=network_id).first()
    return _start(prior) if row is None else _unpack(row)


def update(visitor_id: uuid.UUID, score: Score, prior: Prior, *, before: Answers, after: Answers) -> None:
    """Unlearn what was said before of the scored photograph, learn what is said now. Call it inside a transaction."""
    row, _ = Taste.objects.select_for_update().get_or_create(
        visitor_id=visitor_id, network_id=score.network_id, defaults=_pack(_start(prior))
    )
    learnt = _changed(_unpack(row), score, prior, before, taste.forget)
    learnt = _changed(learnt, score, prior, after, taste.observe)
    for name, content in _pack(learnt).items():
        setattr(row, name, content)
    row.observations += (after != Answers()) - (before != Answers())
    row.save()


def _changed(learnt: Learnt, score: Score, prior: Prior, answers: Answers, step: Step) -> Learnt:
    """The posteriors after observing, or forgetting, the answers on one photograph."""
    x = features(score, prior)
    beauty, felt = learnt.beauty, learnt.felt
    if answers.value is not None or answers.hidden:
        value = taste.LOWEST if answers.hidden or answers.value is None else answers.value
        residual = taste.residual_of(value, score.aesthetic, float(prior.scale[0]))
        beauty = step(beauty, x, residual, prior.noise + prior.shared)
    if answers.felt:
        felt = step(felt, x, taste.felt_residuals(MOODS.index(answers.felt), len(MOODS)), FELT_NOISE)
    return Learnt(beauty, felt)


def features(score: Score, prior: Prior) -> NDArray[np.float64]:
    """x (68,) of a scored photograph."""
    z = (np.array([score.aesthetic, score.valence, score.arousal]) - prior.center) / prior.scale
    return np.concatenate([np.asarray(score.embedding, float), [1.0], z])


def _start(prior: Prior) -> Learnt:
    felt = taste.start(FELT_SCALE * prior.covariance, weights=len(MOODS))
    return Learnt(taste.start(prior.covariance), felt)


def _pack(learnt: Learnt) -> dict[str, bytes]:
    """The posteriors as a Taste row's columns: float64 in row order."""
    return {
        f"{name}_{part}": np.ascontiguousarray(getattr(posterior, part), np.float64).tobytes()
        for name, posterior in (("beauty", learnt.beauty), ("felt", learnt.felt))
        for part in ("precision", "information")
    }


def _unpack(row: Taste) -> Learnt:
    def numbers(content: bytes | memoryview) -> NDArray[np.float64]:
        return np.frombuffer(content, np.float64).reshape(-1, DIMENSIONS)

    beauty = taste.Posterior(numbers(row.beauty_precision), numbers(row.beauty_information)[0])
    return Learnt(beauty, taste.Posterior(numbers(row.felt_precision), numbers(row.felt_information)))
