"""manage.py train starter --data oasis:DIR --data flickr8k:DIR: make a network file from data sets."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import cli
from ml.recipes import RECIPES, with_settings
from ml.train import train


class Command(BaseCommand):
    help = "Train a network and save its file and card. No database is needed."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("recipe", choices=sorted(RECIPES))
        parser.add_argument("--data", action="append", default=[], metavar="KIND:DIR", help="oasis:DIR or flickr8k:DIR")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the recipe")
        parser.add_argument("--out", type=Path, help="folder of the file (default: networks/ in the data folder)")

    def handle(self, *args, **options) -> None:
        with cli.one_sentence():
            recipe = with_settings(RECIPES[options["recipe"]](), options["set"])
            made = train(
                [_kind_and_folder(word) for word in options["data"]],
                options["out"] or cli.networks_folder(),
                cli.cache_folder(),
                recipe=recipe,
                seed=options["seed"],
                command=cli.command_line("train", sys.argv[2:]),
                progress=cli.bar("Training"),
            )
        for scale in ("valence", "arousal", "aesthetic"):
            self.stdout.write(f"{scale}: r = {made.card['figures'][scale]['pearson']:.3f} by folds")
        self.stdout.write(f"Made {made.path}")


def _kind_and_folder(word: str) -> tuple[str, Path]:
    kind, colon, folder = word.partition(":")
    if not colon or not folder:
        raise CommandError(f"--data takes KIND:DIR, such as oasis:photos/oasis, not {word!r}.")
    return kind, Path(folder)
