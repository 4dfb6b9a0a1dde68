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
# Variance of a visitor's shift of a mood's logit at a typical photograph, against FELT_NOISE for one "I felt this".
# Simulated visitors (64 answers' worth of logits, 20 said): .3 never made the next answer less likely, whether their true
# shifts had an SD of .5, 1 or 2 logits; 1 and more did so at .5 (tests/gallery/rank/test_taste.py repeats it small).
FELT_VARIANCE = 0.3
FELT_NOISE = 1.0
# Share of a Thompson draw's distance from the mean. Full draws from the prior of real raters are twice as wide as the
# generic score, and cost simulated visitors 18 % of their liking over ten pages; a quarter costs 3 % (same tests).
LUCK = 0.25
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
        """Weights for one mood's page, beauty (68,) and felt (68,): the means, moved by a little luck."""
        felt = taste.Posterior(self.felt.precision, self.felt.information[mood])
        return _with_luck(self.beauty, rng), _with_luck(felt, rng)


def _with_luck(posterior: taste.Posterior, rng: np.random.Generator) -> NDArray:
    """A tempered Thompson sample (d,)."""
    mean = posterior.mean
    return mean + LUCK * (taste.draw(posterior, rng) - mean)


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
    felt = taste.start(FELT_VARIANCE / np.trace(prior.covariance) * prior.covariance, weights=len(MOODS))
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
