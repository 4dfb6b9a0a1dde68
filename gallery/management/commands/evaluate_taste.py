"""manage.py evaluate_taste --photos DIR --ratings CSV: what a person's first ratings are worth to their own order."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from numpy.typing import NDArray
from scipy.stats import spearmanr

from gallery.rank import taste
from ml import interface

if TYPE_CHECKING:
    from ml.taste_trials import Trial

KS = (0, 3, 5, 10, 20, 40)
DRAWS = 3  # orders in which each person is asked: one order alone leaves chance of some thousandths
LEAST_REST = 10  # photographs left to judge by


class Command(BaseCommand):
    help = (
        "Mean over people of Spearman's rho between their ratings and the order of their other photographs, after k of "
        "their ratings at random: the generic score alone, and with taste learnt from the k. Reads no database."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
        parser.add_argument("--ratings", type=Path, required=True, help="CSV: person, file, rating (1-7)")
        parser.add_argument("--labels", type=Path, help="CSV: file, subject, valence, arousal, aesthetic (for --folds)")
        parser.add_argument("--network", help="name or file of a network (default: the shipped one)")
        parser.add_argument(
            "--folds", type=int, help="judge people and subjects that heads and prior were not taught by"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    def handle(self, *args, **options) -> None:
        trials = interface.taste_trials(
            photos=options["photos"],
            ratings=options["ratings"],
            labels_file=options["labels"],
            network=options["network"],
            folds=options["folds"],
        )
        figures = summary(trials, options["seed"])
        if not figures["people"]:
            raise CommandError(f"Nobody rated at least {LEAST_REST} of these photographs, not all alike.")
        self.stdout.write(json.dumps(figures) if options["json"] else _table(figures))


def summary(trials: "list[Trial]", seed: int) -> dict:
    """{"people":, "k": {"0": {"generic":, "taste":}, ...}}; a k for which nobody has enough ratings is left out."""
    found: dict[int, dict[int, list[tuple[float, float]]]] = {k: {} for k in KS}
    for trial in trials:
        for k, generic, personal in _judge(trial, seed):
            found[k].setdefault(trial.person, []).append((generic, personal))
    table = {}
    for k, people in found.items():
        if people:
            generic, personal = np.mean([np.mean(pairs, axis=0) for pairs in people.values()], axis=0)
            table[str(k)] = {"generic": round(float(generic), 4), "taste": round(float(personal), 4), "n": len(people)}
    return {"people": len(found[0]), "k": table}


def _judge(trial: "Trial", seed: int) -> Iterator[tuple[int, float, float]]:
    """(k, Spearman of the generic score, Spearman with taste) on the photographs that were not among the k."""
    prior = trial.prior
    residuals = (trial.ratings - trial.generic) / prior.scale[0]
    for draw in range(DRAWS):
        order = np.random.default_rng([seed, trial.person, draw]).permutation(len(trial.ratings))
        posterior = taste.start(prior.covariance)
        for k in range(max(KS) + 1):
            rest = order[k:]
            if len(rest) < LEAST_REST:
                break
            if k in KS and np.ptp(trial.ratings[rest]) > 0:
                generic = trial.generic[rest] / prior.scale[0]
                personal = generic + taste.predictive(posterior, trial.x[rest])[0]
                yield k, _rho(trial.ratings[rest], generic), _rho(trial.ratings[rest], personal)
            asked = order[k]
            posterior = taste.observe(posterior, trial.x[asked], residuals[asked], prior.noise + prior.shared)


def _rho(ratings: NDArray, score: NDArray) -> float:
    return float(spearmanr(ratings, score)[0])


def _table(figures: dict) -> str:
    lines = [f"{figures['people']} people", "ratings  generic  with taste  gain"]
    for k, row in figures["k"].items():
        gain = row["taste"] - row["generic"]
        lines.append(f"{k:>7}  {row['generic']:7.3f}  {row['taste']:10.3f}  {gain:+.4f}")
    return "\n".join(lines)
