"""`manage.py import_samples`: the few photographs that come with scikit-image and scikit-learn."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gallery.collect.batch import STOPPED, take_in_batch
from gallery.collect.sources import samples


class Command(BaseCommand):
    help = "Take in the photographs that scikit-image and scikit-learn ship (nothing is fetched)."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = take_in_batch(samples.photographs(), len(samples.SAMPLES), "Importing")
        except KeyboardInterrupt:
            raise CommandError(STOPPED, returncode=130) from None
        for line in report.lines():
            self.stdout.write(line)
