"""`manage.py verify_dataset`: name what the photographs show, judge the data set, keep the report for /dataset/."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from gallery.dataset import told, verify
from ml import interface


class Command(BaseCommand):
    help = "Verify the data set: variety, reliability of the labels, licences, creators. Safe to kill and to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
        parser.add_argument(
            "--objects",
            choices=interface.OBJECT_CLASSIFIERS,
            default="",
            help="which network names objects (default: resnet34 where install_weights brought it, else lite2)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with tqdm(desc="Looking", unit=" photographs", disable=None) as bar:
                found, new = verify.verify(lambda done, total: _show(bar, done, total), options["objects"])
        except verify.NothingToVerify:
            raise CommandError(
                "There is nothing to verify: no photograph has a mood from its source's words (crawl, or import a "
                "folder whose manifest names moods)."
            ) from None
        except interface.NetworkFileError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(verify.document(found), ensure_ascii=False))
            return
        for line in told.lines(found):
            self.stdout.write(line)
        if not new:
            self.stdout.write("\nNothing changed since then: no new verification was made.")


def _show(bar: Any, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
