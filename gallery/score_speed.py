"""Photographs a second scored, from the smallest sufficient rendition in storage to rows in PostgreSQL.

Beside it, with the same photographs and threads and in the same run:

    forward   the network alone, by the fastest engine, on photographs that were decoded and prepared before
    decode    reading, decoding and preparing alone, on as many threads as there are processors
    bound     1 / (1 / decode + 1 / forward): what processors can do that are always busy with one or the other, and
              have nothing else to do (rows cost them something too); a GPU does its part beside them and may pass it
    peers     loops of timm, transformers and pyiqa over the same two backbones, eager (gallery/score_peers.py)

Ours runs in a process, a data folder and a database of its own. Each of the first three is the median of ROUNDS, taken
in turns; the start of processes, compiling and a warm-up are in no figure.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from gallery.crawl_speed import _make

ROUNDS = 3
PATIENCE = 3600  # seconds for ours, and for each peer
PEER_PHOTOS = 200  # that a peer is shown at most: its rate does not change with more
PREPARED = 512  # photographs that the forward rate is measured on at most, a third of a megabyte each
WIDTHS = (240, 480, 800)
PEERS = ("timm", "transformers", "pyiqa")
CHILD = "from gallery.score_speed import child; child({!r}, {!r}, {})"


class Scoring:
    """Photographs a second scored, beside the bare network, the bound and loops of timm, transformers and pyiqa."""

    name = "score"

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        parser.add_argument("--photos", type=int, default=1000, help="photographs (default %(default)s)")
        parser.add_argument(
            "--folder",
            default="",
            help="real photographs, repeated as needed (default: gallery/photos of EVOKE_REALDATA, else made-up ones)",
        )
        parser.add_argument("--peer-python", default="", help="Python of an environment that has the peers")

    @staticmethod
    def measure(*, photos: int, folder: str = "", peer_python: str = "", **options: Any) -> dict[str, Any]:
        """Figures a second, each peer's, and how ours compares; "missing" for a peer that is not there."""
        if photos < 1:
            raise ValueError("--photos must be at least 1.")
        with tempfile.TemporaryDirectory() as name:
            where = Path(name)
            source = _photographs(folder, where / "made", photos)
            ours = _ours(where, source, photos)
            listed = where / "files.txt"
            python = peer_python or sys.executable
            peers = {peer: _peer(peer, python, listed, ours["threads"]) for peer in PEERS}
        total = ours["end_to_end_per_second"]
        ratios = {
            "of_forward": round(total / ours["forward_per_second"], 3),
            "of_bound": round(total / ours["bound_per_second"], 3),
            **{f"times_{peer}": round(total / rate, 2) for peer, rate in peers.items() if isinstance(rate, float)},
        }
        return {**ours, **{f"{peer}_per_second": rate for peer, rate in peers.items()}, "ratios": ratios}


def _photographs(folder: str, made: Path, count: int) -> Path:
    """The folder asked for, the real data's, or a few photographs made up."""
    real = Path(os.environ.get("EVOKE_REALDATA", "nowhere")) / "gallery" / "photos"
    if folder and not Path(folder).is_dir():
        raise ValueError(f"There is no folder {folder}.")
    if folder or real.is_dir():
        return Path(folder) if folder else real
    _make(made, min(count, 64))
    return made


def _ours(where: Path, source: Path, photos: int) -> dict[str, Any]:
    environment = {**os.environ, "EVOKE_VAR": str(where / "var"), "DJANGO_SETTINGS_MODULE": "evoke.settings"}
    for setting in ("DATABASE_URL", "STORAGE_URL"):
        environment.pop(setting, None)
    code = CHILD.format(str(source), str(where / "files.txt"), photos)
    for command in (["migrate", "-v0"], ["shell", "--no-imports", "-c", code]):
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "django", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise ValueError(f"Scoring failed: {(done.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def child(source: str, listed: str, photos: int) -> None:
    """In the process of our own: photographs as rows, then the three figures in turns, on stdout as JSON."""
    from gallery.models import Score
    from gallery.rank import pipeline
    from ml import interface

    network = interface.active().id
    chosen = interface.choose_engine(network)
    scorer = interface.scorer(network)
    ids = _stored(Path(source), photos)
    files = pipeline._files(ids, scorer.side)
    _list(files[:PEER_PHOTOS], Path(listed))
    with ThreadPoolExecutor(interface.processors()) as pool, ThreadPoolExecutor(scorer.lanes) as lanes:
        views = [one.views for one in pool.map(lambda file: pipeline.prepare(file, scorer), files[:PREPARED])]
        batches = [views[start : start + scorer.batch] for start in range(0, len(views), scorer.batch)]
        takes: dict[str, list[float]] = {"end_to_end": [], "forward": [], "decode": []}
        for turn in range(-1, ROUNDS):
            rates = {
                "forward": _rate(len(views), lambda: list(lanes.map(scorer.score_prepared, batches))),
                "decode": _rate(photos, lambda: [*pool.map(lambda file: pipeline.prepare(file, scorer).reason, files)]),
                "end_to_end": _rate(photos, lambda: list(pipeline.score(network, ids))),
            }
            if Score.objects.filter(network_id=network).count() != photos:
                raise ValueError("Not every photograph has its row.")
            Score.objects.all().delete()
            for name, rate in rates.items() if turn >= 0 else ():
                takes[name].append(rate)
    rates = {name: statistics.median(some) for name, some in takes.items()}
    print(json.dumps(_figures(rates, photos=photos, engine=chosen, threads=interface.processors())))


def _figures(rates: dict[str, float], **facts: Any) -> dict[str, Any]:
    bound = 1 / (1 / rates["decode"] + 1 / rates["forward"])
    told = {f"{name}_per_second": round(rate, 2) for name, rate in {**rates, "bound": bound}.items()}
    return {**facts, "processor": _processor(), **told}


def _processor() -> str:
    """As the kernel names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _rate(count: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def _stored(source: Path, photos: int) -> list[int]:
    """Rows of so many photographs, with renditions in storage of those that the folder has; their ids."""
    from django.utils import timezone

    from gallery.models import Photo, Rendition

    kept = [pictures for path in sorted(source.iterdir())[:photos] if (pictures := _renditions(path))]
    if not kept:
        raise ValueError(f"There is no photograph in {source}.")
    facts = {"source": "benchmark", "format": "jpeg", "bytes": 1, "width": 1500, "height": 1000, "colour": 0}
    rows = [
        Photo(sha256=f"{i:064x}", source_id=str(i), original=str(i), phash=i, licence_seen=timezone.now(), **facts)
        for i in range(photos)
    ]
    stored = Photo.objects.bulk_create(rows)
    Rendition.objects.bulk_create(
        Rendition(photo=photo, width=width, height=height, format="webp", file=name, bytes=size)
        for place, photo in enumerate(stored)
        for width, height, name, size in kept[place % len(kept)]
    )
    return [photo.pk for photo in stored]


def _renditions(path: Path) -> list[tuple[int, int, str, int]]:
    """The WebP renditions of a photograph as intake makes them: width, height, name in storage, bytes."""
    from io import BytesIO

    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    from gallery.collect.render import WEBP

    try:
        image: Image.Image = Image.open(path)
        image.draft("RGB", (2 * WIDTHS[-1], 2 * WIDTHS[-1]))
        image = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError):
        return []
    made = []
    for width in WIDTHS:
        height = round(image.height * width / image.width)
        out = BytesIO()
        image.resize((width, height), Image.Resampling.LANCZOS).save(out, "webp", **WEBP)
        name = default_storage.save(f"renditions/{path.stem}-{width}.webp", ContentFile(out.getvalue()))
        made.append((width, height, name, len(out.getvalue())))
    return made


def _list(files: list[tuple[int, str]], out: Path) -> None:
    from django.core.files.storage import default_storage

    out.write_text("\n".join(default_storage.path(name) for _, name in files))


def _peer(peer: str, python: str, listed: Path, threads: int) -> float | str:
    """Photographs a second, or why there is no figure."""
    script = Path(__file__).with_name("score_peers.py")
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(  # noqa: S603
            [python, str(script), peer, str(listed), str(threads)],
            capture_output=True, text=True, timeout=PATIENCE, env=environment, cwd=listed.parent,
        )  # fmt: skip
    except OSError as error:
        raise ValueError(f"{python} cannot be run: {error.strerror}.") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1][:200]
        return "missing" if "No module named" in reason else f"failed: {reason}"
    found = json.loads(done.stdout.splitlines()[-1])
    return round(found["photos"] / found["seconds"], 2)
