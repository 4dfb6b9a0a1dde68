"""What a visitor's answers teach: posteriors in Taste rows, updated exactly and in constant time by each answer."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.models import Rating, Score, Taste
from gallery.rank import taste
from ml.interface import MOODS, Prior

DIMENSIONS = 68
# Variance of a visitor's shift of a mood's logit at a typical photograph, against FELT_NOISE for one "I felt this".
# Simulated visitors after 20 answers: .3 did not make the next answer less likely, whether their true shifts had an SD
# of .5, 1 or 2 logits; 1 and more did so at .5 (tests/gallery/rank/test_taste.py repeats it small).
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
    """What is known of a visitor under a network; the prior alone until they said something.

    A network that came after the answers has no row yet: they are learnt anew from the ratings.
    """
    row = Taste.objects.filter(visitor_id=visitor_id, network_id=network_id).first()
    return _from_ratings(visitor_id, network_id, prior)[0] if row is None else _unpack(row)


def update(visitor_id: uuid.UUID, score: Score, prior: Prior, *, before: Answers, after: Answers) -> None:
    """Unlearn what was said before of the scored photograph, learn what is said now.

    Call it inside the transaction that changed the Rating, after the change.
    """
    row, made = Taste.objects.select_for_update().get_or_create(
        visitor_id=visitor_id, network_id=score.network_id, defaults=_pack(_start(prior))
    )
    if made:
        learnt, row.observations = _from_ratings(visitor_id, score.network_id, prior)
    else:
        learnt, row.observations = _after(row, score, prior, before, after)
    for name, content in _pack(learnt).items():
        setattr(row, name, content)
    row.save()


def _after(row: Taste, score: Score, prior: Prior, before: Answers, after: Answers) -> tuple[Learnt, int]:
    """The row's posteriors and count after one answer; learnt anew where the row had never learnt what is unsaid."""
    try:
        learnt = _changed(_unpack(row), score, prior, before, taste.forget)
    except taste.NotLearnt:
        return _from_ratings(row.visitor_id, row.network_id, prior)
    learnt = _changed(learnt, score, prior, after, taste.observe)
    return learnt, row.observations + (after != Answers()) - (before != Answers())


def start_anew(network_id: int, photo_ids: Collection[int] | None = None) -> None:
    """Drop what a network learnt of those who rated the photographs (of everybody by default).

    For photographs that were scored after they were rated; the next order learns from all ratings.
    """
    rows = Taste.objects.filter(network_id=network_id)
    if photo_ids is not None:
        rows = rows.filter(visitor__in=Rating.objects.filter(photo__in=photo_ids).values("visitor"))
    rows.delete()


def _from_ratings(visitor_id: uuid.UUID, network_id: int, prior: Prior) -> tuple[Learnt, int]:
    """What all of a visitor's ratings teach, and how many of them the network has scores for."""
    learnt = _start(prior)
    ratings = {rating.photo_id: answers_of(rating) for rating in Rating.objects.filter(visitor_id=visitor_id)}
    scores = list(Score.objects.filter(network_id=network_id, photo__in=ratings)) if ratings else []
    for score in scores:
        learnt = _changed(learnt, score, prior, ratings[score.photo_id], taste.observe)
    return learnt, sum(ratings[score.photo_id] != Answers() for score in scores)


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
