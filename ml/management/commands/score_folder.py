"""manage.py score_folder DIR --csv OUT: moods, scores and rank of a folder of one's own photographs."""

import csv
from pathlib import Path

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import cli
from ml.evaluate import page_order
from ml.moods import MOODS
from ml.prior import Prior, prior_of
from ml.scorer import Scorer, Scores

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"}
COLUMNS = ("file", "mood", "rank", *MOODS, "valence", "arousal", "aesthetic")


class Command(BaseCommand):
    help = (
        "Score the photographs of a folder (and below) into a CSV: the likeliest mood, the rank among the photographs "
        "of that mood (1 comes first), six probabilities, valence, arousal and aesthetic on 1-7. Reads no database."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--csv", type=Path, required=True, help="the file to write")
        parser.add_argument("--network", help="name or file of a network (default: the shipped one)")

    def handle(self, *args, **options) -> None:
        folder: Path = options["folder"]
        with cli.one_sentence():
            paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
            if not paths:
                raise CommandError(f"{folder} is not a folder that holds photographs.")
            network = cli.network_named(options["network"])
            kept, scores, problems = cli.score_paths(Scorer(network, cli.cache_folder()), paths, "Scoring")
            for problem in problems:
                self.stderr.write(f"Skipped: {problem}")
            if not kept:
                raise CommandError(f"None of the {len(paths)} photographs in {folder} can be read.")
            names = [str(path.relative_to(folder)) for path in kept]
            _write(options["csv"], names, scores, prior_of(network))
        skipped = f", {len(problems)} skipped" if problems else ""
        self.stdout.write(f"{len(kept)} photographs scored{skipped}: {options['csv']}")


def _write(out: Path, names: list[str], scores: Scores, prior: Prior) -> None:
    moods = scores.moods.argmax(1)
    ranks = _ranks(scores, moods, prior)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for place, name in enumerate(names):
            numbers = (*scores.moods[place], scores.valence[place], scores.arousal[place], scores.aesthetic[place])
            writer.writerow([name, MOODS[moods[place]], ranks[place], *(f"{number:.4f}" for number in numbers)])


def _ranks(scores: Scores, moods: np.ndarray, prior: Prior) -> np.ndarray:
    """Each photograph's place (from 1) among those of its own mood, in the order of the mood's page."""
    ranks = np.zeros(len(moods), int)
    for mood in range(len(MOODS)):
        own = np.flatnonzero(moods == mood)
        probability, aesthetic = scores.moods[own, mood], scores.aesthetic[own]
        order = page_order(probability, aesthetic, prior.floor[mood], prior.center[0], prior.scale[0])
        ranks[own[order]] = np.arange(1, len(own) + 1)
    return ranks
