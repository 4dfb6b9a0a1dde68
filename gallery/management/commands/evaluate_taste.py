"""manage.py evaluate_taste: what a person's first ratings are worth to the order of their other photographs.

`--data flickr-aes:DIR --counts 10,100 --draws 10` is the protocol of FLICKR-AES (Ren et al. 2017, ICCV): for each of 37
people, 10 or 100 of their ratings by lot, Spearman on the rest, the mean over ten draws, then over people.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from numpy.typing import NDArray
from scipy.stats import spearmanr

from gallery.rank import taste
from ml import interface

if TYPE_CHECKING:
    from ml.taste_trials import Trial

COUNTS = "0,3,5,10,20,40"
DRAWS = 3  # orders in which each person is asked: one order alone leaves chance of some thousandths
LEAST_REST = 10  # photographs left to judge by
MOST_COUNT = 1000


class Command(BaseCommand):
    help = (
        "Mean over people of Spearman's rho between their ratings and the order of their other photographs, after k of "
        "their ratings at random: the generic score alone, and with taste learnt from the k. Reads no database."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--photos", type=Path, help="folder of photographs")
        parser.add_argument("--ratings", type=Path, help="CSV: person, file, rating (1-7)")
        parser.add_argument("--data", metavar="KIND:DIR", help="in place of both: flickr-aes:DIR, real-cur:DIR")
        parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of --data's reader")
        parser.add_argument("--labels", type=Path, help="CSV: file, subject, valence, arousal, aesthetic (for --folds)")
        parser.add_argument("--network", help="name or file of a network (default: the shipped one)")
        parser.add_argument(
            "--folds", type=int, help="judge people and subjects that heads and prior were not taught by"
        )
        parser.add_argument("--counts", default=COUNTS, help="ratings to learn from (default: %(default)s)")
        parser.add_argument("--draws", type=int, default=DRAWS, help="orders for each person (default: %(default)s)")
        parser.add_argument("--least-rest", type=int, default=LEAST_REST, help="photographs left to judge by, at least")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    def handle(self, *args, **options) -> None:
        protocol = _protocol(options)
        figures = summary(_trials(options), protocol)
        if not figures["people"]:
            raise CommandError(f"Nobody rated at least {protocol.least_rest} of these photographs, not all alike.")
        self.stdout.write(json.dumps(figures) if options["json"] else _table(figures))


@dataclass(frozen=True)
class Protocol:
    """How people are asked. counts: of ratings to learn from; draws: orders of each; least_rest: left to judge by."""

    counts: tuple[int, ...] = tuple(int(count) for count in COUNTS.split(","))
    draws: int = DRAWS
    least_rest: int = LEAST_REST
    seed: int = 0


def _protocol(options: dict[str, Any]) -> Protocol:
    """Raises CommandError."""
    words = options["counts"].split(",")
    if not all(word.isdecimal() and int(word) <= MOST_COUNT for word in words):
        raise CommandError(f"--counts must be whole numbers of 0 to {MOST_COUNT} with commas between, such as 10,100.")
    if options["draws"] < 1 or options["least_rest"] < 2:
        raise CommandError("--draws must be at least 1, --least-rest at least 2.")
    counts = tuple(sorted({int(word) for word in words}))
    return Protocol(counts, options["draws"], options["least_rest"], options["seed"])


def _trials(options: dict[str, Any]) -> "list[Trial]":
    """Raises CommandError."""
    if options["data"]:
        if options["photos"] or options["ratings"] or options["folds"]:
            raise CommandError("--data stands in place of --photos, --ratings and --folds.")
        kind, _, folder = options["data"].partition(":")
        named = dict(word.partition("=")[::2] for word in options["option"])
        return interface.taste_trials_of(kind, Path(folder), named, network=options["network"], seed=options["seed"])
    if not (options["photos"] and options["ratings"]):
        raise CommandError("Give --photos with --ratings, or --data.")
    return interface.taste_trials(
        photos=options["photos"],
        ratings=options["ratings"],
        labels_file=options["labels"],
        network=options["network"],
        folds=options["folds"],
    )


def summary(trials: "list[Trial]", protocol: Protocol) -> dict:
    """{"people":, "k": {"0": {"generic":, "taste":}, ...}}; a k for which nobody has enough ratings is left out."""
    found: dict[int, dict[int, list[tuple[float, float]]]] = {k: {} for k in protocol.counts}
    for trial in trials:
        for k, generic, personal in _judge(trial, protocol):
            found[k].setdefault(trial.person, []).append((generic, personal))
    table = {}
    for k, people in found.items():
        if people:
            generic, personal = np.mean([np.mean(pairs, axis=0) for pairs in people.values()], axis=0)
            table[str(k)] = {"generic": round(float(generic), 4), "taste": round(float(personal), 4), "n": len(people)}
    return {"people": max(map(len, found.values())), "k": table}


def _judge(trial: "Trial", protocol: Protocol) -> Iterator[tuple[int, float, float]]:
    """(k, Spearman of the generic score, Spearman with taste) on the photographs that were not among the k."""
    prior = trial.prior
    residuals = (trial.ratings - trial.generic) / prior.scale[0]
    for draw in range(protocol.draws):
        order = np.random.default_rng([protocol.seed, trial.person, draw]).permutation(len(trial.ratings))
        posterior = taste.start(prior.covariance)
        for k in range(max(protocol.counts) + 1):
            rest = order[k:]
            if len(rest) < protocol.least_rest:
                break
            if k in protocol.counts and np.ptp(trial.ratings[rest]) > 0:
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
