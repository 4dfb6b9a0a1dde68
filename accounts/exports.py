"""Somebody's own data as a file: JSON and CSV of every table, and a README that says what they hold."""

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import KEPT, Export, Visitor
from accounts.registry import Exporter, Row, exporters

LEASE = timedelta(minutes=15)
ATTEMPTS = 3
A_DAY = 5  # files that one visitor may ask for in a day
State = Export.State


class TooMany(Exception):
    """Asked for too often today; the message is one sentence."""


def store() -> Storage:
    """Where the files lie: never under an address of their own."""
    return storages["private"]


@transaction.atomic
def ask(*, visitor: Visitor) -> Export:
    """A new export for a visitor, or the one that is under way already. Raises TooMany."""
    Visitor.objects.select_for_update().get(pk=visitor.pk)
    under_way = visitor.exports.filter(state__in=[State.WAITING, State.RUNNING]).first()
    if under_way is not None:
        return under_way
    if visitor.exports.filter(asked_at__gte=timezone.now() - timedelta(days=1)).count() >= A_DAY:
        raise TooMany(f"{A_DAY} files a day are enough for one person: ask again tomorrow.")
    return visitor.exports.create()


def of(visitor: Visitor | None) -> list[Export]:
    """A visitor's exports that can be fetched or will be, newest first (one query)."""
    if visitor is None:
        return []
    waits = Q(state__in=[State.WAITING, State.RUNNING, State.FAILED])
    ready = Q(state=State.READY, expires_at__gt=timezone.now())
    return list(visitor.exports.filter(waits | ready).order_by("-asked_at")[:A_DAY])


def waiting() -> list[Any]:
    """Keys of exports that nobody works at: not begun, or whose worker died."""
    return list(_unclaimed().values_list("pk", flat=True))


def _unclaimed() -> Any:
    dead = Q(state=State.RUNNING, leased_until__lt=timezone.now())
    return Export.objects.filter(Q(state=State.WAITING) | dead)


def make(key: Any) -> None:
    """Write one export's file, if nobody else does; after a few failures it says so to whoever asked."""
    now = timezone.now()
    claimed = _unclaimed().filter(pk=key).update(state=State.RUNNING, leased_until=now + LEASE)
    if not claimed:
        return
    export = Export.objects.select_related("visitor__user").get(pk=key)
    export.attempts += 1
    export.save(update_fields=["attempts"])
    try:
        _write(export)
    except Exception:
        state = State.FAILED if export.attempts >= ATTEMPTS else State.WAITING
        Export.objects.filter(pk=key).update(state=state)
        raise


def _write(export: Export) -> None:
    with tempfile.TemporaryFile() as file:
        _zip(export.visitor, file)
        size = file.tell()
        file.seek(0)
        name = store().save(f"{export.pk}.zip", File(file))
    kept = Export.objects.filter(pk=export.pk).update(
        state=State.READY, file=name, bytes=size, expires_at=timezone.now() + KEPT, leased_until=None
    )
    if not kept:  # whoever asked is gone meanwhile
        store().delete(name)


def _zip(visitor: Visitor, file: IO[bytes]) -> None:
    """Every table as it is read, row by row, so that a long history needs no memory."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        counts = {table.name: _table(archive, table, visitor) for table in exporters}
        archive.writestr("README.txt", _readme(counts))


def _table(archive: zipfile.ZipFile, table: Exporter, visitor: Visitor) -> int:
    """One table as CSV and as JSON; how many rows."""
    names, count = list(table.columns), 0
    raw = archive.open(f"{table.name}.csv", "w", force_zip64=True)
    with io.TextIOWrapper(raw, "utf-8", newline="") as text:
        writer = csv.DictWriter(text, names, extrasaction="raise")
        writer.writeheader()
        for row in table.rows(visitor):
            writer.writerow({key: _cell(value) for key, value in row.items()})
            count += 1
    with archive.open(f"{table.name}.json", "w", force_zip64=True) as raw:
        raw.writelines(_json(table.rows(visitor)))
    return count


def _json(rows: Iterator[Row] | Any) -> Iterator[bytes]:
    """A JSON array, a row a line."""
    before = "[\n"
    for row in rows:
        yield (before + json.dumps(row, ensure_ascii=False, default=_plain)).encode()
        before = ",\n"
    yield (("" if before == ",\n" else "[") + "\n]\n").encode()


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _cell(value: Any) -> Any:
    """A CSV cell. Text that a spreadsheet would run as a formula is marked as text."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _readme(counts: dict[str, int]) -> str:
    lines = [
        "Your data at Evoke",
        "",
        f"Written on {timezone.now():%d %B %Y, %H:%M} UTC. Everything that is known of you is here; each table is",
        "there twice, as CSV for a spreadsheet and as JSON for a program. Times are UTC (ISO 8601).",
        "Photographs belong to their creators: source_url leads to each, credit names its licence.",
    ]
    for table in exporters:
        lines += ["", f"{table.name}.csv, {table.name}.json ({counts[table.name]} rows)", table.about]
        lines += [f"  {name}: {meaning}" for name, meaning in table.columns.items()]
    return "\n".join(lines) + "\n"


def purge() -> int:
    """Delete files whose days are over, rows of failures with them; how many."""
    old = timezone.now() - KEPT
    due = Export.objects.filter(Q(expires_at__lte=timezone.now()) | Q(state=State.FAILED, asked_at__lte=old))
    return len([export.delete() for export in due])
