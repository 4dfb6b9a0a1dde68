"""The population prior of personal taste: what it holds, and how it is learned by EM from many people's ratings.

Empirical Bayes for w_p ~ N(0, S), residual = basis w_p + noise; Dempster, Laird, Rubin (1977) for EM,
Laird, Ware (1982), Random-effects models for longitudinal data, for this model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.files import NetworkFile, NetworkFileError
from ml.threads import ONE_THREAD

Floats = NDArray[np.floating]
SCORES = 3  # aesthetic, valence, arousal stand behind the embedding and the intercept
ROUNDS = 12
# Added to the embedding's variances: without it EM shrinks weak directions to nothing and they can never be learned.
RIDGE = 0.04  # .01 .02 .04 .06: +.0148 .0160 .0167 .0165 after ten ratings (OASIS, people and subjects unseen)


@dataclass(frozen=True)
class Prior:
    """Population prior of taste over x = [embedding (64), 1, aesthetic z, valence z, arousal z], and the moods' floors.

    Units: residuals are in standard deviations of the aesthetic head (scale[0]).
    """

    covariance: NDArray[np.float64]  # (68, 68)
    noise: float  # variance of one rating about the person's own taste
    shared: float  # variance of the generic score's error that all people share; added to noise for one visitor
    center: NDArray[np.float64]  # (3,) means of the aesthetic, valence and arousal heads over training photographs
    scale: NDArray[np.float64]  # (3,) their standard deviations
    floor: NDArray[np.float64]  # (6,) mood probability below which a photograph is not shown for that mood


def basis(embedding: Floats, aesthetic: Floats, valence: Floats, arousal: Floats, prior: Prior) -> NDArray[np.float64]:
    """x (n, 68) of n photographs from their scores: embedding (n, 64), the others (n,) on 1-7."""
    scores = np.stack([aesthetic, valence, arousal], 1, dtype=np.float64)
    return basis_of(embedding, scores, prior.center, prior.scale)


def basis_of(embedding: Floats, scores: Floats, center: Floats, scale: Floats) -> NDArray[np.float64]:
    """The same from scores (n, 3) in the order aesthetic, valence, arousal."""
    return np.hstack([embedding, np.ones((len(scores), 1)), (scores - center) / scale])


def prior_of(network: NetworkFile) -> Prior:
    """The prior that a network carries; NetworkFileError if it carries none or one of the wrong shape."""
    arrays = network.arrays
    try:
        lower = arrays["prior.factor"].astype(np.float64)
        noise, shared = (float(value) for value in arrays["prior.variances"])
        center, scale, floor = (arrays[f"prior.{name}"].astype(np.float64) for name in ("center", "scale", "floor"))
        size = arrays["embedding.scale"].shape[0] + 1 + SCORES
    except (KeyError, ValueError) as error:
        raise NetworkFileError(f"{network.name} carries no population prior.") from error
    if lower.shape != (size, size) or center.shape != (3,) or scale.shape != (3,) or floor.shape != (6,):
        raise NetworkFileError(f"The population prior of {network.name} has the wrong shape.")
    return Prior(lower @ lower.T, noise, shared, center, scale, floor)


def prior_arrays(prior: Prior) -> dict[str, NDArray[Any]]:
    """The prior as arrays of a network file; the covariance as its Cholesky factor, so it stays positive definite."""
    return {
        "prior.factor": np.linalg.cholesky(prior.covariance).astype(np.float32),
        "prior.variances": np.array([prior.noise, prior.shared], np.float64),
        "prior.center": prior.center.astype(np.float64),
        "prior.scale": prior.scale.astype(np.float64),
        "prior.floor": prior.floor.astype(np.float64),
    }


@dataclass(frozen=True)
class Person:
    """One person's ratings: indices of photographs and the ratings on 1-7."""

    photos: NDArray[np.intp]
    ratings: NDArray[np.float64]


def people_of(person: NDArray, photo: NDArray, rating: NDArray) -> dict[int, Person]:
    """Ratings in rows (person, photo, rating) as one Person each, by id."""
    order = np.argsort(person, kind="stable")
    ids, starts = np.unique(person[order], return_index=True)
    parts = np.split(order, starts[1:])
    return {
        int(i): Person(photo[part].astype(np.intp), rating[part].astype(np.float64))
        for i, part in zip(ids, parts, strict=True)
    }


@ONE_THREAD
def learn(people: Sequence[Person], embedding: Floats, scores: Floats, floor: Floats, rounds: int = ROUNDS) -> Prior:
    """Learn the prior. scores (n, 3): aesthetic, valence, arousal, predicted by folds (unseen photographs)."""
    center, scale = scores.mean(0), scores.std(0)
    x = basis_of(embedding, scores, center, scale)
    residuals = [(person.ratings - scores[person.photos, 0]) / scale[0] for person in people]
    common, seen = _common_error(people, residuals, len(scores))
    covariance, noise = _em(x, people, [r - common[p.photos] for p, r in zip(people, residuals, strict=True)], rounds)
    taste = np.r_[np.ones(embedding.shape[1]), np.zeros(1 + SCORES)]
    return Prior(
        covariance + RIDGE * np.diag(taste), noise, float(common[seen].var()), center, scale, np.asarray(floor, float)
    )


def _common_error(
    people: Sequence[Person], residuals: Sequence[Floats], count: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Each photograph's mean residual: what the generic score gets wrong for everyone is not taste."""
    total, seen = np.zeros(count), np.zeros(count)
    for person, residual in zip(people, residuals, strict=True):
        np.add.at(total, person.photos, residual)
        np.add.at(seen, person.photos, 1)
    return total / np.maximum(seen, 1), seen > 0


def _em(x: Floats, people: Sequence[Person], residuals: Sequence[Floats], rounds: int) -> tuple[Floats, float]:
    """Covariance (k, k) of people's weights and the noise variance, after `rounds` of EM."""
    k = x.shape[1]
    start = np.r_[np.full(k - 1 - SCORES, 0.02), 0.5, np.full(SCORES, 0.2)]
    covariance, noise = np.diag(start), 1.5
    grams = [x[person.photos].T @ x[person.photos] for person in people]
    crosses = [x[person.photos].T @ r for person, r in zip(people, residuals, strict=True)]
    squares = [float(r @ r) for r in residuals]
    count = sum(len(r) for r in residuals)
    for _ in range(rounds):
        precision, moment, error = np.linalg.inv(covariance), np.zeros((k, k)), 0.0
        for gram, cross, square in zip(grams, crosses, squares, strict=True):
            spread = np.linalg.inv(precision + gram / noise)
            w = spread @ cross / noise
            error += float(square - 2 * w @ cross + w @ gram @ w + np.sum(spread * gram))
            moment += np.outer(w, w) + spread
        covariance, noise = moment / len(people) + 1e-6 * np.eye(k), error / count
    return covariance, float(noise)
