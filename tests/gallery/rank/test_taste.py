"""Learning one visitor: exact, and worth something, on people drawn from the shipped prior."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from gallery.rank import learning, taste
from ml import interface

DIMENSIONS = 6


def covariance(seed=0, dimensions=DIMENSIONS):
    root = np.random.default_rng(seed).standard_normal((dimensions, dimensions))
    return root @ root.T / dimensions + 0.1 * np.eye(dimensions)


def answers(count, seed=0, dimensions=DIMENSIONS):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, dimensions)), rng.standard_normal(count)


def learnt(xs, residuals, variance=1.5, prior=None):
    posterior = taste.start(covariance() if prior is None else prior)
    for x, residual in zip(xs, residuals, strict=True):
        posterior = taste.observe(posterior, x, residual, variance)
    return posterior


def test_without_answers_the_generic_score_stands():
    assert np.array_equal(taste.start(covariance()).mean, np.zeros(DIMENSIONS))


def test_one_after_another_equals_all_at_once():
    xs, residuals = answers(30)
    batch = np.linalg.solve(np.linalg.inv(covariance()) + xs.T @ xs / 1.5, xs.T @ residuals / 1.5)
    assert np.allclose(learnt(xs, residuals).mean, batch, atol=1e-12)


def test_an_isotropic_prior_is_ridge_regression():
    xs, residuals = answers(20)
    ridge = np.linalg.solve(xs.T @ xs + 1.5 / 0.3 * np.eye(DIMENSIONS), xs.T @ residuals)
    assert np.allclose(learnt(xs, residuals, prior=0.3 * np.eye(DIMENSIONS)).mean, ridge, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 25))
def test_what_is_taken_back_leaves_no_trace(seed, count):
    xs, residuals = answers(count + 1, seed)
    kept = learnt(xs[:-1], residuals[:-1])
    undone = taste.forget(learnt(xs, residuals), xs[-1], residuals[-1], 1.5)
    assert np.allclose(undone.mean, kept.mean, atol=1e-9)
    assert np.allclose(undone.precision, kept.precision, atol=1e-9)


def test_the_order_of_answers_does_not_matter():
    xs, residuals = answers(25)
    turned = np.random.default_rng(1).permutation(25)
    assert np.allclose(learnt(xs, residuals).mean, learnt(xs[turned], residuals[turned]).mean, atol=1e-12)


def test_weights_that_share_answers_equal_weights_learnt_apart():
    xs, residuals = answers(10)
    together = taste.start(covariance(), weights=2)
    for x, residual in zip(xs, residuals, strict=True):
        together = taste.observe(together, x, np.array([residual, -2 * residual]), 1.5)
    assert np.allclose(together.mean[0], learnt(xs, residuals).mean)
    assert np.allclose(together.mean[1], learnt(xs, -2 * residuals).mean)


def test_draws_have_the_posteriors_mean_and_covariance():
    posterior = learnt(*answers(5))
    rng = np.random.default_rng(0)
    draws = np.array([taste.draw(posterior, rng) for _ in range(20_000)])
    assert np.allclose(draws.mean(0), posterior.mean, atol=0.03)
    assert np.allclose(np.cov(draws.T), np.linalg.inv(posterior.precision), atol=0.05)


@pytest.mark.parametrize(
    ("rating", "aesthetic", "residual"), [(1, 4.0, -3.0), (3, 4.0, 0.0), (5, 4.0, 3.0), (4, 2.5, 3.0)]
)
def test_a_rating_is_read_on_the_scale_of_one_to_seven(rating, aesthetic, residual):
    assert taste.residual_of(rating, aesthetic, 1.0) == pytest.approx(residual)


def test_a_felt_mood_says_as_much_against_the_others_as_for_itself():
    residuals = taste.felt_residuals(2, 6)
    assert residuals[2] == 1 and residuals.sum() == pytest.approx(0)


class People:
    """Simulated visitors whose taste is drawn from the shipped prior, over photographs with whitened embeddings."""

    def __init__(self, prior, photos=600):
        self.prior, self.photos = prior, photos
        self.root = np.linalg.cholesky(prior.covariance)

    def draw(self, seed):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((self.photos, learning.DIMENSIONS))
        x[:, 64] = 1
        liking = x[:, 65] + x @ (self.root @ rng.standard_normal(learning.DIMENSIONS))
        return rng, x, liking + np.sqrt(self.prior.shared) * rng.standard_normal(self.photos)

    def learn(self, posterior, rng, x, liking, rows):
        for i in rows:
            said = liking[i] + np.sqrt(self.prior.noise) * rng.standard_normal()
            posterior = taste.observe(posterior, x[i], said - x[i, 65], self.prior.noise + self.prior.shared)
        return posterior


@pytest.fixture
def people(db):
    return People(interface.prior(interface.active().id))


def test_the_more_answers_the_better_the_order_and_the_intervals_hold(people):
    gains = {0: [], 5: [], 20: [], 60: []}
    inside = []
    for seed in range(60):
        rng, x, liking = people.draw(seed)
        posterior, seen = taste.start(people.prior.covariance), 0
        for count, gain in gains.items():
            posterior = people.learn(posterior, rng, x, liking, range(seen, count))
            seen = count
            mean, variance = taste.predictive(posterior, x[100:])
            gain.append(spearmanr(x[100:, 65] + mean, liking[100:])[0])
        width = 1.645 * np.sqrt(variance + people.prior.shared)
        inside.append(np.mean(np.abs(liking[100:] - x[100:, 65] - mean) < width))
    means = [np.mean(gain) for gain in gains.values()]
    assert means == sorted(means) and means[-1] > means[0] + 0.1
    assert 0.85 < np.mean(inside) < 0.95


def liked(people, luck, pages=10, page=30):
    """Mean liking of what simulated visitors are shown over ten pages, rating five photographs a page."""
    total = []
    for seed in range(25):
        rng, x, liking = people.draw(seed)
        liking = liking - liking.mean()
        posterior, seen = taste.start(people.prior.covariance), np.zeros(len(x), bool)
        for _ in range(pages):
            weights = posterior.mean + luck * (taste.draw(posterior, rng) - posterior.mean)
            shown = np.argsort(np.where(seen, np.inf, -(x[:, 65] + x @ weights)))[:page]
            seen[shown] = True
            total.append(liking[shown].mean())
            posterior = people.learn(posterior, rng, x, liking, rng.choice(shown, 5, replace=False))
    return np.mean(total)


def test_luck_is_cheap_and_learning_beats_a_shuffle(people):
    people.photos = 2000
    careful, lucky, wild = (liked(people, luck) for luck in (0.0, learning.LUCK, 1.0))
    assert lucky > 0.93 * careful
    assert wild < lucky
    assert lucky > 1.0, "a shuffle would show photographs that are liked 0 on average"


def felt_gain(people, variance, spread, answers=20):
    """Log-likelihood an answer that learning adds, for visitors whose true shifts have an SD of `spread` logits."""
    typical = np.trace(people.prior.covariance)
    gains = []
    for seed in range(40):
        rng, x, _ = people.draw(seed)
        shifts = spread * (people.root / np.sqrt(typical) @ rng.standard_normal((learning.DIMENSIONS, 6)))
        network = x @ rng.standard_normal((learning.DIMENSIONS, 6)) * 1.5 / np.sqrt(learning.DIMENSIONS)
        true = softmax(network + x @ shifts)
        posterior = taste.start(variance / typical * people.prior.covariance, weights=6)
        for i in range(answers):
            said = taste.felt_residuals(int(rng.choice(6, p=true[i])), 6)
            posterior = taste.observe(posterior, x[i], said, learning.FELT_NOISE)
        with_it, without = softmax(network + x @ posterior.mean.T), softmax(network)
        gains.append(np.sum(true[answers:] * np.log(with_it[answers:] / without[answers:]), axis=1).mean())
    return np.mean(gains)


def softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def test_what_was_felt_helps_those_who_differ_and_hardly_hurts_those_who_do_not(people):
    assert felt_gain(people, learning.FELT_VARIANCE, spread=1.0) > 0.005
    assert felt_gain(people, learning.FELT_VARIANCE, spread=2.0) > 0.02
    assert felt_gain(people, learning.FELT_VARIANCE, spread=0.5) > -0.002
    assert felt_gain(people, 10.0, spread=0.5) < felt_gain(people, learning.FELT_VARIANCE, spread=0.5)


def test_what_was_never_observed_cannot_be_forgotten():
    posterior = learnt(*answers(1))
    with pytest.raises(taste.NotLearnt):
        taste.forget(posterior, 10 * np.ones(DIMENSIONS), 1.0, 1.5)
