"""manage.py evaluate_scores --photos DIR --labels CSV: how well a network's scores agree with people's labels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import cli
from ml.data import labels
from ml.data.labels import Labels
from ml.evaluate import Predictions, by_folds, mood_figures, precision_at_first, score_figures
from ml.examples import Extractor, describe
from ml.files import NetworkFile
from ml.fitting import NONE, Examples
from ml.moods import MOODS
from ml.prior import prior_of
from ml.recipes import from_card
from ml.scorer import Scorer


class Command(BaseCommand):
    help = "Agreement of a network's scores with labels. Reads no database. For photographs trained on, use --folds."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
        parser.add_argument("--labels", type=Path, required=True, help="CSV: file, and valence arousal aesthetic mood")
        parser.add_argument("--network", help="name or file of a network (default: the shipped one)")
        parser.add_argument("--folds", type=int, help="train anew by folds over the column `subject`, and judge those")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    def handle(self, *args, **options) -> None:
        with cli.one_sentence():
            network = cli.network_named(options["network"])
            found = labels.read(options["photos"], options["labels"])
            if found.missing:
                self.stderr.write(f"{found.missing} photographs of the labels are not in the folder.")
            examples, said = self._said(network, found, options["folds"])
            figures = _figures(network, examples, said)
        self.stdout.write(json.dumps(figures) if options["json"] else _table(figures, options["folds"]))

    def _said(self, network: NetworkFile, found: Labels, folds: int | None) -> tuple[Examples, Predictions]:
        examples = describe(found.subjects, found.targets, found.moods, "labels")
        if folds:
            return examples, _by_folds(network, found, examples, folds)
        scorer = Scorer(network, cli.cache_folder())
        kept, scores, problems = cli.score_paths(scorer, found.paths, "Scoring")
        for problem in problems:
            self.stderr.write(problem)
        seen = set(kept)
        examples = examples.take(np.flatnonzero([path in seen for path in found.paths]))
        return examples, Predictions(np.stack([scores.valence, scores.arousal, scores.aesthetic], 1), scores.moods)


def _by_folds(network: NetworkFile, found: Labels, examples: Examples, folds: int) -> Predictions:
    """Predictions of models trained by the network's recipe on the other folds of these photographs alone."""
    if not np.isfinite(examples.targets).any():
        raise CommandError("--folds trains anew, so the labels must hold valence, arousal or aesthetic.")
    groups = len(set(found.subjects))
    if not 2 <= folds <= groups:
        raise CommandError(f"--folds must be from 2 to {groups}, the number of subjects.")
    recipe = from_card(network.card)
    extract = Extractor(recipe, cli.cache_folder())
    told = cli.bar("Looking at photographs")
    steps = len(found.paths)
    examples = extract.fill(
        examples, found.paths, lambda done: told({"step": done, "steps": steps, "message": "Looking at photographs"})
    )
    return by_folds(examples, recipe, extract.sizes, folds)


def _figures(network: NetworkFile, examples: Examples, said: Predictions) -> dict[str, Any]:
    figures: dict[str, Any] = score_figures(examples.targets, said.scores)
    if np.any(examples.moods != NONE):
        precision = precision_at_first(examples.moods, said.moods, said.scores[:, 2], prior_of(network))
        figures["emotion"] = {
            **mood_figures(examples.moods, said.moods),
            "precision_at_12": precision,
            "precision_at_12_mean": round(float(np.mean(list(precision.values()))), 4),
        }
    return figures


def _table(figures: dict[str, Any], folds: int | None) -> str:
    lines = [f"Trained anew by {folds} folds over subjects." if folds else "As the network is."]
    for scale, row in figures.items():
        if scale != "emotion":
            shown = (f"{name} {row[name]:.3f}" for name in ("pearson", "spearman", "auc") if row[name] is not None)
            lines.append(f"{scale:<10} n {row['n']}  {'  '.join(shown)}")
    if "emotion" in figures:
        lines += _mood_lines(figures["emotion"])
    return "\n".join(lines)


def _mood_lines(row: dict[str, Any]) -> list[str]:
    lines = [
        f"emotion    n {row['n']}  accuracy {row['accuracy']:.3f}  balanced accuracy {row['balanced_accuracy']:.3f}"
        f"  (always the commonest: {row['majority']:.3f})",
        "confusion (labels in rows): " + " ".join(MOODS),
    ]
    lines += [f"  {mood:<10} " + " ".join(f"{n:4d}" for n in row["confusion"][k]) for k, mood in enumerate(MOODS)]
    first = "  ".join(f"{mood} {value:.2f}" for mood, value in row["precision_at_12"].items())
    return [*lines, f"precision among the first 12 of a mood: {first}  mean {row['precision_at_12_mean']:.3f}"]
