"""What one visitor likes: Bayesian linear regression, updated exactly and in constant time by each answer.

Model: residual = x . w + noise, w ~ N(0, S), noise ~ N(0, v); Bishop (2006), Pattern Recognition and Machine Learning,
section 3.3. Kept in natural parameters, the precision P and the information h = P m, because these only add up:

    observe:  P += x x' / v,   h += x r / v          forget:  P -= x x' / v,   h -= x r / v

So the order of answers does not matter, an answer taken back is taken back exactly, and one costs d^2 whatever came
before it. Several weights learned from the same x with the same v (the six moods) share one P: h is then (k, d).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
LOWEST = 1  # "less like this" counts as the lowest rating


class NotLearnt(ValueError):
    """Asked to forget what was never observed."""


@dataclass(frozen=True)
class Posterior:
    """Weights w of one visitor (or k of them that share a precision), as natural parameters."""

    precision: Floats  # (d, d)
    information: Floats  # (d,) or (k, d)

    @property
    def mean(self) -> Floats:
        """Posterior mean, shaped as the information."""
        return np.linalg.solve(self.precision, self.information.T).T


def start(covariance: Floats, weights: int | None = None) -> Posterior:
    """The prior N(0, covariance) as a posterior after no answer; `weights` of them where they share their answers."""
    dimensions = len(covariance)
    shape = (dimensions,) if weights is None else (weights, dimensions)
    return Posterior(np.linalg.inv(covariance), np.zeros(shape))


def observe(posterior: Posterior, x: Floats, residual: float | Floats, variance: float) -> Posterior:
    """After seeing residual (a number, or (k,)) at x (d,) with noise of this variance."""
    return _moved(posterior, x, residual, 1 / variance)


def observe_all(posterior: Posterior, x: Floats, residuals: Floats, variance: float) -> Posterior:
    """After seeing residuals (n,) or (n, k) at x (n, d): as `observe` one after another, in one product."""
    return Posterior(posterior.precision + x.T @ x / variance, posterior.information + residuals.T @ x / variance)


def forget(posterior: Posterior, x: Floats, residual: float | Floats, variance: float) -> Posterior:
    """As if that had not been seen: the exact inverse of observe.

    Raises NotLearnt where it cannot have been seen: x . w is less certain than that one answer would have made it,
    and taking it out would leave no covariance (P - x x' / v is positive definite only if x' P^-1 x < v).
    """
    if x @ np.linalg.solve(posterior.precision, x) >= variance:
        raise NotLearnt("This posterior has not observed that.")
    return _moved(posterior, x, residual, -1 / variance)


def _moved(posterior: Posterior, x: Floats, residual: float | Floats, weight: float) -> Posterior:
    precision = posterior.precision + weight * np.outer(x, x)
    return Posterior(precision, posterior.information + weight * np.multiply.outer(residual, x))


def draw(posterior: Posterior, rng: np.random.Generator) -> Floats:
    """One sample of w (Thompson sampling: Thompson 1933; Agrawal, Goyal 2013), shaped as the information."""
    lower = np.linalg.cholesky(posterior.precision)
    noise = rng.standard_normal(posterior.information.shape)
    return posterior.mean + np.linalg.solve(lower.T, noise.T).T


def predictive(posterior: Posterior, x: Floats) -> tuple[Floats, Floats]:
    """Mean and variance (n,) of x . w at x (n, d), without the noise of a rating. For one w, not several."""
    lower = np.linalg.cholesky(posterior.precision)
    spread = np.linalg.solve(lower, x.T)
    return x @ posterior.mean, (spread**2).sum(0)


def residual_of(rating: Any, aesthetic: Any, scale: float) -> Any:
    """What a rating of 1-5 says beyond the generic score: y = 1 + 1.5 (rating - 1) on 1-7, less `aesthetic`, in SDs."""
    return (1 + 1.5 * (rating - 1) - aesthetic) / scale


def felt_residuals(mood: int, moods: int) -> Floats:
    """What "I felt this mood" says to the logits of all: +1 for it, -1/(moods - 1) for each other; (moods,)."""
    residuals = np.full(moods, -1 / (moods - 1))
    residuals[mood] = 1.0
    return residuals
