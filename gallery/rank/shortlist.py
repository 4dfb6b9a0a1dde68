"""All photographs on show with one network's scores as arrays: written by a worker, memory-mapped by the web.

A version is a folder of .npy files under SHORTLIST_DIR, renamed into place when it is whole; its row is written last.
Pages read the newest version of the active network, so that they change with it, in the transaction that changes it;
versions of the network that stands by, and of one about to rank, lie ready beside it.
"""

import colorsys
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, DecimalField, Func, QuerySet, Sum, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone
from numpy.typing import NDArray

from gallery import licences
from gallery.models import Photo, Score, Shortlist
from ml import interface

Made = TypeVar("Made")
log = logging.getLogger(__name__)
KEPT = 2  # versions of a network kept on disk: a web process may still be reading the last but one
MAPPED = 3 * KEPT  # versions that a process keeps mapped: of the active, the standby and the incoming network
TRIES = 3
LOCK = 0x45564F4B  # advisory lock: one writer at a time
BATCH = 5000
UNFINISHED = ".new-"
LICENCES = tuple(licences.LICENCES)
COLUMNS = (
    "photo_id", "embedding", "moods", "aesthetic", "valence", "arousal", "photo__creator", "photo__cluster",
    "photo__licence", "photo__width", "photo__height", "photo__colour", "photo__taken_at", "photo__added_at",
    "photo__sensitive",
)  # fmt: skip
BY_COLUMN = ("probability", "logit", "percentile")  # read a mood at a time: each lies together


@dataclass(frozen=True)
class Arrays:
    """Row i of every array is photograph ids[i]; ids ascend. Read-only."""

    version: int
    network_id: int
    ids: NDArray[np.int64]
    embedding: NDArray[np.float32]  # (n, 64)
    probability: NDArray[np.float32]  # (n, 6)
    logit: NDArray[np.float32]  # (n, 6) log p / (1 - p)
    aesthetic: NDArray[np.float32]  # z-scores by the prior's center and scale
    valence: NDArray[np.float32]
    arousal: NDArray[np.float32]
    percentile: NDArray[np.float32]  # (n, 6) of aesthetic among the photographs above each mood's floor, 0-100
    creator: NDArray[np.int32]  # a code; -1 where no creator is known
    cluster: NDArray[np.int64]  # near-duplicates share one; a photograph alone has its own id
    licence: NDArray[np.int8]  # place in LICENCES
    aspect: NDArray[np.float32]  # width / height
    hue: NDArray[np.int16]  # degrees of the dominant colour, -1 for a grey
    year: NDArray[np.int16]  # taken, 0 if unknown
    added: NDArray[np.float64]  # seconds since 1970
    sensitive: NDArray[np.bool_]
    derived: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)  # what a process made of it

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gave for a key the first time, kept with these arrays and gone with them."""
        if key not in self.derived:
            self.derived[key] = make()
        return self.derived[key]


NAMES = tuple(each.name for each in fields(Arrays) if each.name not in ("version", "network_id", "derived"))


def current() -> Arrays | None:
    """What pages are ordered from: the active network's newest version whose files are here (one query).

    The standby network's where the active one has none here; None before the first. Whoever asks goes on with what
    this returns and with its network_id: asked again, it may be another network's.
    """
    # By state, as active comes before standby; it is the only thing that says which is in use.
    return _newest(Shortlist.objects.filter(network__state__in=interface.RANKING).order_by("network__state", "-pk"))


def of(network_id: int) -> Arrays | None:
    """A network's newest version whose files are here (one query), whether or not it ranks now."""
    return _newest(Shortlist.objects.filter(network_id=network_id).order_by("-pk"))


def _newest(rows: QuerySet[Shortlist]) -> Arrays | None:
    """The first of the rows whose files are here. Asked again where a writer removed them after they were read."""
    for _ in range(TRIES):
        found = list(rows.values_list("pk", "network_id")[:MAPPED])
        for version, network_id in found:
            arrays = _open(str(settings.SHORTLIST_DIR), version, network_id)
            if arrays is not None:
                return arrays
        if not found:
            return None
    return None


def _open(folder: str, version: int, network_id: int) -> Arrays | None:
    try:
        return _mapped(folder, version, network_id)
    except FileNotFoundError:
        log.warning("Shortlist %s is not in %s.", version, folder)
        return None


@lru_cache(maxsize=MAPPED)
def _mapped(folder: str, version: int, network_id: int) -> Arrays:
    return read_files(Path(folder) / str(version), version, network_id)


def read_files(folder: Path, version: int, network_id: int) -> Arrays:
    """The arrays that save_files put into a folder, memory-mapped. Raises FileNotFoundError if one is missing."""
    # As plain arrays on the mapped memory: numpy's own memmap class makes each small step of ranking slower.
    files = {name: np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in NAMES}
    return Arrays(version, network_id, **files)


def save_files(folder: Path, columns: dict[str, NDArray]) -> None:
    """One .npy file an array; `folder` exists."""
    for name in NAMES:
        np.save(folder / f"{name}.npy", np.asfortranarray(columns[name]) if name in BY_COLUMN else columns[name])


def write(network_id: int | None = None) -> Shortlist | None:
    """Write a new version of a network's (by default the active one's) if what is on show or its scores changed.

    None if they did not. One writer at a time.
    """
    network = interface.active() if network_id is None else interface.network(network_id)
    with transaction.atomic():
        _lock()
        fingerprint = _fingerprint(network)
        newest = Shortlist.objects.filter(network_id=network.id).order_by("-pk").first()
        if newest is not None and newest.fingerprint == fingerprint and _folder(newest.pk).is_dir():
            return None
        arrays = _arrays(network.id, _collect(network.id))
        row = Shortlist.objects.create(network_id=network.id, photos=len(arrays["ids"]), fingerprint=fingerprint)
        _save(row.pk, arrays)
    _tidy()
    return row


def keep_ready(network_id: int, at_most: timedelta) -> None:
    """Write a network's version anew where its newest is older than that, or its files are not here."""
    newest = Shortlist.objects.filter(network_id=network_id).order_by("-pk").first()
    if newest is None or newest.written_at < timezone.now() - at_most or not _folder(newest.pk).is_dir():
        write(network_id)


def _folder(version: int) -> Path:
    return Path(settings.SHORTLIST_DIR) / str(version)


def _scores(network_id: int) -> QuerySet[Score]:
    """Scores of the photographs on show."""
    return Score.objects.filter(network_id=network_id, photo__in=Photo.objects.on_show())


def _fingerprint(network: interface.NetworkInfo) -> str:
    """Hash of what goes in, computed by the server: a tenth of the time that reading all rows takes.

    A sum of the rows' hashes, so their order does not matter. Embeddings are left out: they never change alone.
    """
    columns = [column for column in COLUMNS if column != "embedding"]
    text = Cast(Func(*columns, function="jsonb_build_array"), TextField())
    hashed = Func(
        text, Value(0), function="hashtextextended", output_field=DecimalField(max_digits=40, decimal_places=0)
    )
    found = _scores(network.id).aggregate(rows=Count("pk"), sum=Sum(hashed))
    return hashlib.sha256(repr((network.name, NAMES, found["rows"], found["sum"])).encode()).hexdigest()


def _rows(network_id: int) -> Iterator[tuple]:
    """Photographs on show with their scores, in order of id, streamed from the server."""
    return _scores(network_id).order_by("photo_id").values_list(*COLUMNS).iterator(chunk_size=BATCH)


def _collect(network_id: int) -> dict[str, NDArray]:
    """The columns, collected batch by batch, so that memory holds numbers and not rows."""
    parts: dict[str, list[NDArray]] = {}
    codes: dict[str, int] = {}
    batch: list[tuple] = []
    for row in _rows(network_id):
        batch.append(row)
        if len(batch) == BATCH:
            _add(parts, batch, codes)
            batch = []
    _add(parts, batch, codes)
    return {name: np.concatenate(columns) for name, columns in parts.items()}


def _add(parts: dict[str, list[NDArray]], batch: list[tuple], codes: dict[str, int]) -> None:
    columns = dict(zip(COLUMNS, list(zip(*batch, strict=True)) or [()] * len(COLUMNS), strict=True))
    ids = columns["photo_id"]
    new: dict[str, NDArray] = {
        "ids": np.array(ids, np.int64),
        "embedding": np.array(columns["embedding"], np.float32).reshape(-1, 64),
        "probability": np.array(columns["moods"], np.float32).reshape(-1, 6),
        **{name: np.array(columns[name], np.float32) for name in ("aesthetic", "valence", "arousal")},
        "creator": np.array(
            [codes.setdefault(c, len(codes)) if c else -1 for c in columns["photo__creator"]], np.int32
        ),
        "cluster": np.array([c or i for c, i in zip(columns["photo__cluster"], ids, strict=True)], np.int64),
        "licence": np.array([LICENCES.index(slug) for slug in columns["photo__licence"]], np.int8),
        "aspect": np.array(columns["photo__width"], np.float32) / np.array(columns["photo__height"], np.float32),
        "hue": np.array([_hue(c) for c in columns["photo__colour"]], np.int16),
        "year": np.array([t.year if t else 0 for t in columns["photo__taken_at"]], np.int16),
        "added": np.array([a.timestamp() for a in columns["photo__added_at"]], np.float64),
        "sensitive": np.array(columns["photo__sensitive"], bool),
    }
    for name, column in new.items():
        parts.setdefault(name, []).append(column)


def _hue(colour: int) -> int:
    """Hue of 0xRRGGBB in degrees, -1 for a grey (saturation under .12)."""
    hue, _, saturation = colorsys.rgb_to_hls(*((colour >> shift & 255) / 255 for shift in (16, 8, 0)))
    return round(hue * 360) % 360 if saturation >= 0.12 else -1


def _arrays(network_id: int, columns: dict[str, NDArray]) -> dict[str, NDArray]:
    """The columns with what is derived from them: logits, z-scores, percentiles."""
    prior = interface.prior(network_id)
    p = np.clip(columns["probability"], 1e-6, 1 - 1e-6)
    columns["logit"] = np.log(p / (1 - p)).astype(np.float32)
    for place, name in enumerate(("aesthetic", "valence", "arousal")):
        columns[name] = ((columns[name] - prior.center[place]) / prior.scale[place]).astype(np.float32)
    above = columns["probability"] >= prior.floor.astype(np.float32)
    columns["percentile"] = np.stack([_percentile(columns["aesthetic"], above[:, m]) for m in range(above.shape[1])], 1)
    return columns


def _percentile(values: NDArray, among: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Share of the chosen values below each value, 0-100 (0 where none is chosen)."""
    chosen = np.sort(values[among])
    return (100 * np.searchsorted(chosen, values) / max(len(chosen), 1)).astype(np.float32)


def _save(version: int, arrays: dict[str, NDArray]) -> None:
    root = Path(settings.SHORTLIST_DIR)
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f"{UNFINISHED}*"):  # by a process that was killed: there is one writer at a time
        shutil.rmtree(left, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(dir=root, prefix=UNFINISHED))
    try:
        save_files(temporary, arrays)
        temporary.chmod(0o755)
        shutil.rmtree(_folder(version), ignore_errors=True)  # left by a database that is gone
        os.replace(temporary, _folder(version))
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _tidy() -> None:
    """Remove all but the newest versions of networks in use, rows and folders. Who mapped one keeps its pages."""
    with transaction.atomic():
        _lock()  # so that no folder of a version that is just being written is taken for one left over
        kept = [pk for network_id in interface.in_use() for pk in _versions(network_id)[:KEPT]]
        Shortlist.objects.exclude(pk__in=kept).delete()
        for folder in Path(settings.SHORTLIST_DIR).iterdir():
            if folder.name.isdigit() and int(folder.name) not in kept:
                shutil.rmtree(folder, ignore_errors=True)


def _versions(network_id: int) -> list[int]:
    return list(Shortlist.objects.filter(network_id=network_id).order_by("-pk").values_list("pk", flat=True))


def _lock() -> None:
    """One writer at a time, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
