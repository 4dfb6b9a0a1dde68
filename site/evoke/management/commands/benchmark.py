"""`manage.py benchmark NAME`: measure a part of the site. Each room registers its own in a module `benchmarks`."""

import json
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Benchmark(Protocol):
    """What a room's `benchmarks.BENCHMARKS` holds."""

    name: str
    __doc__: str | None

    def add_arguments(self, parser: CommandParser) -> None: ...

    def measure(self, **options: Any) -> dict[str, Any]:
        """Figures to print; nested by what was measured. ValueError: an option cannot be used, and why."""


def registered() -> dict[str, Benchmark]:
    """All rooms' benchmarks by name."""
    modules = [f"{app.name}.benchmarks" for app in apps.get_app_configs()]
    found = [import_module(name).BENCHMARKS for name in modules if find_spec(name)]
    return {benchmark.name: benchmark for room in found for benchmark in room}


class Command(BaseCommand):
    help = "Measure a part of the site, beside a plain yardstick in the same run. Leaves the database as it was."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parts = parser.add_subparsers(dest="name", required=True, metavar="NAME")
        for name, benchmark in sorted(registered().items()):
            part = parts.add_parser(name, help=benchmark.__doc__)
            part.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
            benchmark.add_arguments(part)

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            figures = registered()[name].measure(**options)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(figures) if options["json"] else "\n".join(_lines(figures)))


def _lines(figures: dict[str, Any], indent: str = "") -> list[str]:
    """Figures as indented lines."""
    lines = []
    for name, value in figures.items():
        label = f"{indent}{name.replace('_', ' ')}"
        lines += [f"{label}:", *_lines(value, indent + "  ")] if isinstance(value, dict) else [f"{label}: {value}"]
    return lines
