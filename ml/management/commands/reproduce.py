"""manage.py reproduce --data KIND:DIR [--rows ...] [--small]: the report's table, a trained row a network."""

import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ml import cli


class Command(BaseCommand):
    help = (
        "Train the report's networks, each in a process of its own, and write one table: figure and interval, the "
        "report's, chance, the starter's, seconds, memory. Rows that are done are kept: the same command goes on."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", action="append", default=[], metavar="KIND:DIR", required=True)
        parser.add_argument("--rows", default="", help="keys or networks, by commas (default: all)")
        parser.add_argument("--small", action="store_true", help="small inputs and few epochs, for two CPU cores")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--done", action="store_true", help="train nothing: the table of the rows done so far")
        parser.add_argument("--out", type=Path, help="results, files and runs (default: in the data folder)")
        parser.add_argument("--table", type=Path, help="the Markdown table to write")
        parser.add_argument("--page", type=Path, help="a folder for what /science/ shows: JSON, curves, drawings")

    def handle(self, *args, **options) -> None:
        data = [cli.kind_and_folder(word) for word in options["data"]]
        out = options["out"] or cli.runs_folder() / "reproduce"
        command = cli.command_line("reproduce", _told(sys.argv[2:]))
        results: list[dict[str, Any]] = []
        with cli.one_sentence():
            from ml import reproduce, reproduction

            rows = reproduce.chosen([word for word in options["rows"].split(",") if word])
            told = self._told(len(rows))
            kept = {"small": options["small"], "seed": options["seed"], "only_done": options["done"]}
            for result in reproduce.run(rows, data, out, **kept, told=told):
                results.append(result)
            summary = reproduction.summary(results)
        date = datetime.now(UTC).date().isoformat()
        table = reproduction.markdown(summary, command, date)
        if options["table"]:
            options["table"].write_text(table + "\n")
        if options["page"]:
            _write_page(options["page"], {"command": command, "date": date, "rows": summary}, results, out)
        self.stdout.write(table)

    def _told(self, count: int) -> Any:
        done = 0

        def told(key: str, result: Any) -> None:
            nonlocal done
            done += 1
            self.stderr.write(f"{done} of {count}: {key}, {result.get('seconds_in_all', 0):.0f} s")

        return told


def _told(words: list[str]) -> list[str]:
    """The command's words without where things are written: they change nothing in the table."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("--out", "--table", "--page"):
            skip = True
        elif not word.startswith(("--out=", "--table=", "--page=")):
            kept.append(word)
    return kept


def _write_page(folder: Path, report: dict[str, Any], results: list[dict[str, Any]], out: Path) -> None:
    """reproduction.json (the table, the networks, what others published), curves/KEY.svg and networks/NAME.svg."""
    from ml import described, drawing, published

    (folder / "curves").mkdir(parents=True, exist_ok=True)
    (folder / "networks").mkdir(exist_ok=True)
    for result in results:
        if "name" in result:
            shutil.copyfile(
                out / "networks" / f"{result['name']}.svg", folder / "curves" / f"{result['key'].replace('/', '-')}.svg"
            )
    networks = described.all_networks()
    for row in networks:
        picture = drawing.draw(described.built(row["name"]), row["name"])
        (folder / "networks" / f"{row['name']}.svg").write_text(picture)
        row["published"] = published.rows(row["name"])
    report = {**report, "marks": published.MARKS, "networks": networks}
    (folder / "reproduction.json").write_text(json.dumps(report, indent=1) + "\n")
