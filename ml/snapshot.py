"""A frozen copy of training rows: photographs as files and what was known of them in a table. No Django in here.

A training of hours must see the same data after a worker died, whatever visitors said meanwhile. The copy is written
into a hidden folder, one photograph at a time, and moved into place whole. ml.data.snapshot reads it.
"""

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ml.rows import TrainingRow

PHOTOS, TABLE, FACTS = "photos", "photos.csv", "facts.json"
COLUMNS = ("file", "group", "aesthetic", "count", "mood")
SIDE = 480  # the longer side; no network of ours looks at more
QUALITY = 95
MOST_TROUBLES = 100  # photographs named that could not be read; more are only counted


def write(rows: Iterable[TrainingRow], folder: Path, told: Callable[[int], None] = lambda done: None) -> dict[str, Any]:
    """Write `folder` anew, or leave it where it is whole; its facts: "photographs", "unreadable", "troubles".

    Raises OSError where it cannot be written.
    """
    if (folder / FACTS).is_file():
        return facts(folder)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / PHOTOS).mkdir(parents=True)
    known: dict[str, Any] = {"photographs": 0, "unreadable": 0, "troubles": []}
    with (part / TABLE).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for done, row in enumerate(rows, 1):
            trouble = _keep(row, part, table)
            known["unreadable" if trouble else "photographs"] += 1
            if trouble and len(known["troubles"]) < MOST_TROUBLES:
                known["troubles"].append({"what": row.key, "why": trouble})
            told(done)
    (part / FACTS).write_text(json.dumps(known))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(part, folder)
    return known


def facts(folder: Path) -> dict[str, Any]:
    """What `write` said of the copy."""
    found: dict[str, Any] = json.loads((folder / FACTS).read_text())
    return found


def _keep(row: TrainingRow, part: Path, table: Any) -> str:
    """One photograph and its line; why it cannot be read, or ""."""
    try:
        image = row.image()
        image.thumbnail((SIDE, SIDE))
    except (OSError, ValueError, SyntaxError) as error:  # what PIL and a storage raise
        return str(error)[:200] or type(error).__name__
    name = f"{row.key[:64]}.jpg".replace("/", "_")
    image.save(part / PHOTOS / name, quality=QUALITY, subsampling=0)
    table.writerow([name, row.group, "" if row.aesthetic is None else repr(row.aesthetic), row.count, row.mood or ""])
    return ""
