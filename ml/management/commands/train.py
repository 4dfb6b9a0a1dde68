"""manage.py train NAME --data KIND:DIR [--set name=value]: make a network file from data sets."""

import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import cli
from ml.recipes import RECIPES, with_settings


class Command(BaseCommand):
    help = (
        "Train a network (manage.py networks lists them) and save its file and card. No database is needed. "
        "Several GPUs: accelerate launch manage.py train NAME ..."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("network", help="starter, or one of manage.py networks")
        parser.add_argument(
            "--data", action="append", default=[], metavar="KIND:DIR", help="such as oasis:DIR, ava:DIR"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of network or recipe")
        parser.add_argument("--out", type=Path, help="folder of the file (default: networks/ in the data folder)")
        parser.add_argument("--resume", action="store_true", help="go on from the checkpoint of the same command")
        parser.add_argument("--workers", type=int, help="processes that read photographs (default: by cores)")

    def handle(self, *args, **options) -> None:
        data = [cli.kind_and_folder(word) for word in options["data"]]
        out = options["out"] or cli.networks_folder()
        if options["network"] in RECIPES:
            self._starter(data, out, options)
        else:
            self._network(data, out, options)

    def _starter(self, data: list[tuple[str, Path]], out: Path, options: dict[str, Any]) -> None:
        from ml.train import train

        if options["resume"]:
            raise CommandError("The starter trains in minutes and keeps no checkpoint: run it without --resume.")
        with cli.one_sentence():
            made = train(
                data,
                out,
                cli.cache_folder(),
                recipe=with_settings(RECIPES["starter"](), options["set"]),
                seed=options["seed"],
                command=cli.command_line("train", sys.argv[2:]),
                progress=cli.bar("Training"),
            )
        for scale in ("valence", "arousal", "aesthetic"):
            self.stdout.write(f"{scale}: r = {made.card['figures'][scale]['pearson']:.3f} by folds")
        self.stdout.write(f"Made {made.path}")

    def _network(self, data: list[tuple[str, Path]], out: Path, options: dict[str, Any]) -> None:
        with cli.one_sentence(), cli.stoppable() as asked_to_stop:
            from ml import experiment

            plan = experiment.planned(options["network"], data, options["set"], options["seed"])
            made = experiment.train(
                plan,
                cli.runs_folder() / plan.slug,
                out,
                resume=options["resume"],
                command=cli.command_line("train", sys.argv[2:]),
                workers=options["workers"],
                told=cli.epochs_bar(plan.name),
                asked_to_stop=asked_to_stop,
            )
        if os.environ.get("RANK", "0") == "0":  # of several processes that train together, one speaks
            self.stdout.write(cli.figures_table(made.card["figures"]))
            self.stdout.write(f"Made {made.path}")
