"""Trials of the gate: how often it lets another seed's luck through (A/A), and more real labels (power).

The stand-in collection are the photographs whose rows the shipped network carries: OASIS (beauty norms, or the mean of
some of its people's ratings; moods of themes; groups are subjects) and Flickr8k (moods of captions). Each trial draws
its own fifth of the groups to judge by, and its own people. In A/A both networks learn from another bootstrap of the
same photographs, which moves closed-form heads far more than any seed of the site's own retraining does; in the trial
of power the active network learns from LABELLED of the groups and the candidate from all.

The gate as it is (`manage.py evaluate_gate --runs 20 --seed 0 --data oasis:DIR`): another seed was accepted in 1 of 20
(gains with an SD of .021), more real labels in 18 of 20 (mean gain .175).

What they said of other criteria (80 trials on OASIS alone, 60 people, one-sided 95 % bound above margin): another seed
of bootstrapped rows was accepted in .112 of the trials with margin 0, .050 with .01, .012 with .02; a candidate of all
subjects against one of a tenth of them in .69, .65, .58. With balanced accuracy in place of the log loss .062, .038,
.012 and .53, .40, .36: too dull to find what is better. Rho alone .075, .025, 0 and .54, .53, .48.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import gate
from ml.evaluate import Predictions
from ml.files import NetworkFile
from ml.fitting import NONE, Examples, fit_heads
from ml.parts import TEST
from ml.prior import Person
from ml.recipes import from_card
from ml.train import RATING_NOISE, kept_examples

LABELLED = 0.05  # of the groups, that taught the active network in a trial of power
PEOPLE = 60  # who rate the collection in a trial, of OASIS's 580: about fifteen a photograph
MANY = 100  # ratings a photograph where norms stand for people


@dataclass(frozen=True)
class Collection:
    """What is known of the photographs in one trial, and how many rated each."""

    examples: Examples
    counts: NDArray[np.float64]  # (n,)


def trials(
    network: NetworkFile, kind: str, runs: int, seed: int = 0, people: dict[int, Person] | None = None
) -> Iterator[gate.Finding]:
    """Findings of `runs` trials. kind: "aa" or "power"; people: their ratings of OASIS, photographs by place there."""
    known = kept_examples(network)
    useful = np.flatnonzero(np.isfinite(known.targets[:, 2]) | (known.moods != NONE))
    for run in range(runs):
        rng = np.random.default_rng([seed, run, 0 if kind == "aa" else 1])
        world = _world(known.take(useful), people, rng)
        yield _trial(network, world, kind, rng, seed)


def _world(examples: Examples, people: dict[int, Person] | None, rng: np.random.Generator) -> Collection:
    """The photographs as a collection's visitors would have rated them. Beauty alone: nobody rates valence here."""
    targets = np.full(examples.targets.shape, np.nan)
    rated = np.isfinite(examples.targets[:, 2])
    counts = np.where(rated, float(MANY), 0)
    targets[:, 2] = examples.targets[:, 2]
    if people is not None:
        targets[rated, 2], counts[rated] = _ratings(int(rated.sum()), people, rng)
    noise = 1 + RATING_NOISE / np.maximum(counts, 1)
    return Collection(dataclasses.replace(examples, targets=targets, noise=noise), counts)


def _ratings(
    count: int, people: dict[int, Person], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean rating (count,), NaN where none, and number of ratings by PEOPLE drawn."""
    chosen = [people[int(one)] for one in rng.choice(sorted(people), min(PEOPLE, len(people)), replace=False)]
    photos, ratings = np.concatenate([p.photos for p in chosen]), np.concatenate([p.ratings for p in chosen])
    counts = np.bincount(photos, minlength=count).astype(float)
    total = np.bincount(photos, ratings, minlength=count)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan), counts


def _trial(network: NetworkFile, world: Collection, kind: str, rng: np.random.Generator, seed: int) -> gate.Finding:
    examples = world.examples
    judging = _drawn(examples.groups, TEST, rng)
    learning = np.flatnonzero(~judging)
    if kind == "aa":
        first, second = (np.sort(rng.choice(learning, len(learning))) for _ in range(2))
    else:
        second = learning
        first = learning[_drawn(examples.groups[learning], LABELLED, rng)]
    test = np.flatnonzero(judging)
    active, candidate = (_said(network, examples, places, test) for places in (first, second))
    truth = gate.Truth(
        [str(place) for place in test],
        examples.groups[test],
        examples.targets[test, 2],
        world.counts[test],
        examples.moods[test],
    )
    return gate.compare(truth, candidate, active, seed)


def _drawn(groups: NDArray[np.str_], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which photographs belong to a share of the groups, drawn."""
    names = np.unique(groups)
    return np.isin(groups, rng.choice(names, max(1, round(share * len(names))), replace=False))


def _said(network: NetworkFile, examples: Examples, places: NDArray[np.intp], test: NDArray[np.intp]) -> gate.Outputs:
    """What heads taught by `places` say of `test`."""
    taught = examples.take(places)
    said = Predictions(*fit_heads(taught.features, taught, from_card(network.card))(examples.features[test]))
    return gate.Outputs(said.scores[:, 2], said.moods)


def summary(findings: list[gate.Finding]) -> dict[str, Any]:
    """How many were accepted, of how many; mean and spread of the gains."""
    gains = np.array([finding.figures["gain"]["value"] for finding in findings if finding.figures["gain"]])
    return {
        "runs": len(findings),
        "accepted": sum(finding.accepted for finding in findings),
        "gain": round(float(gains.mean()), 4) if len(gains) else None,
        "spread": round(float(gains.std()), 4) if len(gains) else None,
    }
