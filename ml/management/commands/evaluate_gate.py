"""manage.py evaluate_gate: how often the acceptance gate errs, by trials on real photographs and ratings."""

import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import files, gate, gate_trials
from ml.data import oasis
from ml.data.tables import DataError

KINDS = {"aa": "the same data, another seed", "power": "more real labels"}


class Command(BaseCommand):
    help = (
        "Trials of the gate: a candidate of the same data and another seed (to be rejected), and one taught by more "
        "real labels (to be accepted). On the photographs whose rows the shipped network carries; reads no database."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--runs", type=int, default=10, help="trials of each kind")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--data", help="oasis:DIR, for its people's single ratings in place of the norms")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    def handle(self, *args, **options) -> None:
        if options["runs"] < 1:
            raise CommandError("--runs must be at least 1.")
        people = _people(options["data"])
        found = {"seed": options["seed"], "margin": gate.MARGIN, "people": bool(people)}
        for kind, name in KINDS.items():
            findings = []
            for finding in gate_trials.trials(files.shipped(), kind, options["runs"], options["seed"], people):
                findings.append(finding)
                if not options["json"]:
                    self.stdout.write(f"{name}, run {len(findings)}: {finding.sentence}")
            found[kind] = gate_trials.summary(findings)
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        for kind, name in KINDS.items():
            one = found[kind]
            text = f"{one['accepted']} of {one['runs']} accepted; gain {one['gain']} (SD {one['spread']})"
            self.stdout.write(f"{name}: {text}; seed {options['seed']}")


def _people(data: str | None):
    if data is None:
        return None
    kind, _, folder = data.partition(":")
    if kind != "oasis" or not folder:
        raise CommandError("--data takes oasis:DIR.")
    try:
        ratings = oasis.read(Path(folder)).ratings
    except DataError as error:
        raise CommandError(str(error)) from error
    from ml.prior import people_of

    return people_of(ratings.person, ratings.photo, ratings.rating)
