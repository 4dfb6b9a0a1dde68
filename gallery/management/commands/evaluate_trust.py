"""manage.py evaluate_trust --ratings CSV: what weights by visitor cost where all are honest, and save where not."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from numpy.typing import NDArray

from gallery.rank import trust

PEOPLE, WORLDS = 60, 20
Table = NDArray[np.float64]  # (people, photographs), NaN where not rated
CROWD = 5  # who do not look at photographs


def _same(rng: np.random.Generator, photos: int) -> Table:
    return np.ones((1, photos))


def _random(rng: np.random.Generator, photos: int) -> Table:
    return rng.integers(1, 6, (CROWD, photos)).astype(float)


def _targeted(rng: np.random.Generator, photos: int) -> Table:
    """A crowd that rates a tenth of the photographs 1 and the rest 5."""
    return np.where(rng.permutation(photos) < photos // 10, 1.0, 5.0)[None].repeat(CROWD, 0)


ATTACKS: dict[str, Callable[[np.random.Generator, int], Table] | None] = {
    "all honest": None,
    "one says 1 to all": _same,
    "five answer at random": _random,
    "five drag a tenth down": _targeted,
}


class Command(BaseCommand):
    help = (
        "Root mean square error of photographs' ratings, by plain means and by rank/trust.py, against the mean of the "
        "people who take no part; with honest visitors alone, and with others among them. Reads no database."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--ratings", type=Path, required=True, help="CSV: person, file, rating (1-7)")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    def handle(self, *args, **options) -> None:
        found = trials(_read(options["ratings"]), options["seed"])
        if options["json"]:
            self.stdout.write(json.dumps({"seed": options["seed"], "error": found}))
            return
        self.stdout.write(f"{'':24}  plain  weighted  (seed {options['seed']}, {WORLDS} worlds of {PEOPLE} people)")
        for name, row in found.items():
            self.stdout.write(f"{name:24}  {row['plain']:.3f}  {row['weighted']:.3f}")


def trials(table: Table, seed: int, worlds: int = WORLDS) -> dict[str, dict[str, float]]:
    """Mean error by attack and way. table: all people's ratings on 1-5."""
    errors: dict[str, dict[str, list[float]]] = {name: {"plain": [], "weighted": []} for name in ATTACKS}
    for world in range(worlds):
        rng = np.random.default_rng([seed, world])
        order = rng.permutation(len(table))
        honest, others = table[order[:PEOPLE]], table[order[PEOPLE:]]
        truth = np.nanmean(others, axis=0)
        for name, attack in ATTACKS.items():
            said = honest if attack is None else np.vstack([honest, attack(rng, table.shape[1])])
            for way, means in (("plain", np.nanmean(said, axis=0)), ("weighted", weighted(said))):
                errors[name][way].append(float(np.sqrt(np.nanmean((means - truth) ** 2))))
    return {name: {way: round(float(np.mean(e)), 4) for way, e in ways.items()} for name, ways in errors.items()}


def weighted(said: Table) -> NDArray[np.float64]:
    """Ratings (photographs,) by rank/trust.py."""
    given = np.isfinite(said)
    habits = [
        trust.Habits(int(own.sum()), float(np.var(row[own])), answers=int(own.sum()))
        for row, own in zip(said, given, strict=True)
    ]
    found = []
    for photo in range(said.shape[1]):
        people = np.flatnonzero(given[:, photo])
        found.append(trust.robust_mean(said[people, photo].tolist(), [habits[one] for one in people])[0])
    return np.array(found)


def _read(path: Path) -> Table:
    """People's ratings, brought from 1-7 to the nearest of 1-5."""
    try:
        with path.open(newline="") as file:
            rows = [(row["person"], row["file"], float(row["rating"])) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise CommandError(f"{path} is no CSV of person, file, rating: {error}") from error
    people: dict[str, int] = defaultdict(lambda: len(people))
    photos: dict[str, int] = defaultdict(lambda: len(photos))
    places = [(people[person], photos[file], rating) for person, file, rating in rows]
    if len(people) <= PEOPLE:
        raise CommandError(f"{path} needs more than {PEOPLE} people.")
    table = np.full((len(people), len(photos)), np.nan)
    for person, photo, rating in places:
        table[person, photo] = round(1 + (rating - 1) * 4 / 6)
    return table
