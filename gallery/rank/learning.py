"""What a visitor's answers teach: posteriors in Taste rows, updated exactly and in constant time by each answer."""

import logging
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from accounts.models import Visitor
from gallery.models import Photo, Rating, RatingEvent, Score, Taste, Visit
from gallery.rank import taste
from ml import interface
from ml.interface import MOODS, Prior

log = logging.getLogger(__name__)
DIMENSIONS = 68
# Variance of a visitor's shift of a mood's logit at a typical photograph, against FELT_NOISE for one "I felt this".
# Simulated visitors after 20 answers: .3 did not make the next answer less likely, whether their true shifts had an SD
# of .5, 1 or 2 logits; 1 and more did so at .5 (tests/gallery/rank/test_taste.py repeats it small).
FELT_VARIANCE = 0.3
FELT_NOISE = 1.0
# Share of a Thompson draw's distance from the mean. Full draws from the prior of real raters are twice as wide as the
# generic score, and cost simulated visitors 18 % of their liking over ten pages; a quarter costs 3 % (same tests).
LUCK = 0.25
CHUNK = 25  # visitors whose posteriors are learnt anew in one transaction
SCORED = ("aesthetic", "valence", "arousal", "embedding")
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


def answers_of(rating: Rating | RatingEvent | None) -> Answers:
    """The answers that a Rating, or an event of its history, holds; none for None."""
    return Answers() if rating is None else Answers(rating.value, rating.hidden, rating.felt)


def taste_of(visitor_id: uuid.UUID, network_id: int, prior: Prior) -> Learnt:
    """What is known of a visitor under a network; the prior alone until they said something.

    A network that came after the answers has no row yet: they are learnt anew from the ratings.
    """
    row = Taste.objects.filter(visitor_id=visitor_id, network_id=network_id).first()
    return _from_ratings(visitor_id, network_id, prior)[0] if row is None else _unpack(row)


def follow(visitor_id: uuid.UUID, score: Score, *, before: Answers, after: Answers) -> None:
    """As `update`, by the network's own prior; a network whose file cannot be read learns anew when it can."""
    try:
        prior = interface.prior(score.network_id)
    except interface.NetworkFileError as error:
        log.error("Network %s cannot follow an answer: %s", score.network_id, error)
        Taste.objects.filter(visitor_id=visitor_id, network_id=score.network_id).delete()
        return
    update(visitor_id, score, prior, before=before, after=after)


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


def drop_unused() -> None:
    """Drop what was learnt under networks that no longer follow what visitors say."""
    Taste.objects.exclude(network__in=interface.in_use()).delete()


def carry_over(network_id: int, prior: Prior, since: datetime) -> int:
    """Learn anew, under a network about to rank, of each visitor who came since then; how many have said something.

    Others are learnt of when they come (taste_of). A few at a time: memory holds CHUNK posteriors (80 kB each) and one
    visitor's answers. Whoever answers meanwhile waits until the rows are there, or comes first and is learnt from.
    """
    start_anew(network_id)
    start, count = _start(prior), 0
    visitors = Visit.objects.filter(last_at__gte=since).order_by().values("visitor").distinct()
    said = Visitor.objects.filter(pk__in=visitors, ratings__isnull=False).distinct()
    ids = list(said.order_by("pk").values_list("pk", flat=True))
    for place in range(0, len(ids), CHUNK):
        count += _learn_of(ids[place : place + CHUNK], network_id, prior, start)
    return count


@transaction.atomic
def _learn_of(ids: list[uuid.UUID], network_id: int, prior: Prior, start: Learnt) -> int:
    """Write the Taste rows of some visitors, each locked as by whoever answers (`alone_with`)."""
    locked = Visitor.objects.filter(pk__in=ids).select_for_update(no_key=True).order_by("pk")
    rows = []
    for pk in locked.values_list("pk", flat=True):
        learnt, observations = _from_ratings(pk, network_id, prior, start)
        rows.append(Taste(visitor_id=pk, network_id=network_id, observations=observations, **_pack(learnt)))
    Taste.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def alone_with(visitor_id: uuid.UUID, photo_id: int) -> None:
    """Wait, inside a transaction, until nobody else learns of the visitor or writes scores of the photograph.

    So an answer is either there when a posterior is learnt anew, or comes to one that is there: never neither.
    """
    for row in (Visitor.objects.filter(pk=visitor_id), Photo.objects.filter(pk=photo_id)):
        row.select_for_update(no_key=True).values_list("pk").first()


def _from_ratings(
    visitor_id: uuid.UUID, network_id: int, prior: Prior, start: Learnt | None = None
) -> tuple[Learnt, int]:
    """What all of a visitor's ratings teach, and how many of them the network has scores for (one query)."""
    rows = list(
        Rating.objects.filter(visitor_id=visitor_id, photo__scores__network=network_id).values_list(
            "value", "hidden", "felt", *(f"photo__scores__{name}" for name in SCORED)
        )
    )
    learnt = start or _start(prior)
    if not rows:
        return learnt, 0
    answers = [Answers(*row[:3]) for row in rows]
    scores = np.array([row[3:6] for row in rows], float)
    x = np.hstack([[np.asarray(row[6], float) for row in rows], np.ones((len(rows), 1)),
                   (scores - prior.center) / prior.scale])  # fmt: skip
    return _observed(learnt, x, scores[:, 0], answers, prior), sum(a != Answers() for a in answers)


def _observed(learnt: Learnt, x: NDArray, aesthetic: NDArray, answers: list[Answers], prior: Prior) -> Learnt:
    """The posteriors after all answers (n) on photographs with features x (n, 68) and generic scores (n,)."""
    values = np.array([_value(a) or 0 for a in answers])
    rated, felt = values > 0, np.array([bool(a.felt) for a in answers])
    residuals = taste.residual_of(values[rated], aesthetic[rated], float(prior.scale[0]))
    beauty = taste.observe_all(learnt.beauty, x[rated], residuals, prior.noise + prior.shared)
    if not felt.any():
        return Learnt(beauty, learnt.felt)
    shifts = np.array([taste.felt_residuals(MOODS.index(a.felt), len(MOODS)) for a in answers if a.felt])
    return Learnt(beauty, taste.observe_all(learnt.felt, x[felt], shifts, FELT_NOISE))


def _value(answers: Answers) -> int | None:
    """The rating that answers count as, 1-5; None for none."""
    return taste.LOWEST if answers.hidden else answers.value


def _changed(learnt: Learnt, score: Score, prior: Prior, answers: Answers, step: Step) -> Learnt:
    """The posteriors after observing, or forgetting, the answers on one photograph."""
    x = features(score, prior)
    beauty, felt = learnt.beauty, learnt.felt
    value = _value(answers)
    if value is not None:
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
