"""Photographs a second, downloaded, checked and stored, beside img2dataset from the same server in the same run.

Both are given the same addresses on 127.0.0.2 and all cores. Ours runs in a process and a database of its own; the
peer in the environment whose Python is named, with its defaults (it scales to 256 pixels and keeps no original) but for
the size of its shards: by default these photographs would be one, which only one of its processes could take.
The start of processes is left out of both clocks, the time until the last is stored is in both. Of the processor's time
the peer's start is taken off as what it needs for one address; ours holds that of the database's server.
"""

import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from django.db import connection
from django.utils import timezone
from PIL import Image

HOST = "127.0.0.2"
SIDES = (1024, 768)
PATIENCE = 600  # seconds for each of the two
# The peer opens a connection for each photograph, hundreds at once: by default all but five would be turned away.
SERVER = f"""
import http.server as server
server.ThreadingHTTPServer.request_queue_size = 1024
server.SimpleHTTPRequestHandler.disable_nagle_algorithm = True
server.test(server.SimpleHTTPRequestHandler, server.ThreadingHTTPServer, "HTTP/1.1", 0, {HOST!r})
"""
CHILD = "from gallery.crawl_speed import child; child({!r})"


class Crawl:
    """Photographs a second fetched, checked and stored from a local server, beside img2dataset."""

    name = "crawl"

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        parser.add_argument("--photos", type=int, default=1000, help="made-up photographs (default %(default)s)")
        parser.add_argument("--peer-python", default="", help="Python of an environment that has img2dataset")

    @staticmethod
    def measure(*, photos: int, peer_python: str, **options: Any) -> dict[str, Any]:
        """Seconds and photographs a second of both; "missing" for a peer that is not there."""
        if photos < 1:
            raise ValueError("--photos must be at least 1.")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            size = _make(folder / "photos", photos)
            with _serving(folder / "photos") as address:
                addresses = folder / "addresses.txt"
                addresses.write_text("".join(f"{address}/{place}.jpg\n" for place in range(photos)))
                ours = _ours(folder, addresses)
                peer: Any = _peer(peer_python, folder, addresses) if peer_python else "missing"
        return {"photos": photos, "pixels": SIDES, "mean_bytes": size, "evoke": ours, "img2dataset": peer}


def _make(folder: Path, count: int) -> int:
    """JPEGs with as much detail as photographs have, no two alike; their mean size in bytes."""
    folder.mkdir()
    total = 0
    for place in range(count):
        rng = np.random.default_rng(place)
        coarse = Image.fromarray(rng.integers(0, 255, (9, 12, 3), np.uint8)).resize(SIDES, Image.Resampling.BICUBIC)
        fine = rng.normal(0, 12, (SIDES[1], SIDES[0], 1))
        pixels = np.clip(np.asarray(coarse, np.float32) + fine, 0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "jpeg", quality=85)
        total += len(out.getvalue())
        (folder / f"{place}.jpg").write_bytes(out.getvalue())
    return total // count


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """The standard library's file server, in a process of its own."""
    command = [sys.executable, "-u", "-c", SERVER]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
    try:
        line = server.stdout.readline() if server.stdout else ""
        yield f"http://{HOST}:{line.split(' port ')[1].split()[0]}"
    finally:
        server.kill()
        server.wait()


def _ours(folder: Path, addresses: Path) -> dict[str, Any]:
    environment = {**os.environ, "EVOKE_VAR": str(folder / "var"), "EVOKE_FETCH_ALLOW": f"{HOST}/32"}
    environment.pop("DATABASE_URL", None)
    environment.pop("STORAGE_URL", None)
    for command in (["migrate", "-v0"], ["shell", "--no-imports", "-c", CHILD.format(str(addresses))]):
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "django", *command],
            env=environment | {"DJANGO_SETTINGS_MODULE": "evoke.settings"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise ValueError(f"The crawl failed: {done.stderr.strip().splitlines()[-1]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def child(addresses: str) -> None:
    """In the process of our own: candidates as rows, then a crawl that fetches them; figures on stdout."""
    from gallery.collect.crawl import Crawling
    from gallery.collect.pool import open_renderers
    from gallery.collect.sources.folder import Folder, FolderSource
    from gallery.collect.workers import working
    from gallery.models import Candidate, Photo
    from gallery.models import Crawl as Row

    urls = Path(addresses).read_text().split()
    crawl = Row.objects.create(source="benchmark", moods=["happy"], since=timezone.now(), until=timezone.now())
    facts = {"source": "benchmark", "licence": "CC0", "mood_tag": "happy"}
    Candidate.objects.bulk_create(
        Candidate(
            crawl=crawl, source="benchmark", source_id=str(place), mood="happy", word="", file_url=url,
            facts={**facts, "source_id": str(place)},
        )
        for place, url in enumerate(urls)
    )  # fmt: skip

    class Listed(FolderSource):
        """Nothing to search, and no bytes of its own."""

        def content(self, candidate_url: str) -> bytes | None:
            return None

    with tempfile.TemporaryDirectory() as empty, working(crawl.pk) as worker, open_renderers() as renderers:
        renderers.ready()
        used, started = _used(), time.monotonic()
        Crawling(crawl, Listed(Folder(Path(empty))), worker).run(renderers)
        seconds, used = time.monotonic() - started, _used() - used
    print(json.dumps(_figures(Photo.objects.count(), seconds, used)))


def _used() -> float:
    """Seconds of processors that this process, its children and the database's server have had so far."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        server = int((Path(cursor.fetchone()[0]) / "postmaster.pid").read_text().split()[0])
    trees = [psutil.Process(), psutil.Process(server)]
    return sum(sum(process.cpu_times()[:4]) for tree in trees for process in [tree, *tree.children(recursive=True)])


def _peer(python: str, folder: Path, addresses: Path) -> dict[str, Any] | str:
    """img2dataset by its documented command; its own count and clock, start-up left out."""
    program = Path(python).parent / "img2dataset"
    if not program.is_file():
        return "missing"
    urls = addresses.read_text().split()
    one = folder / "one.txt"
    one.write_text(urls[0])
    _, start = _peer_run(program, one, folder / "peer-one", 1)
    shards, used = _peer_run(program, addresses, folder / "peer", -(-len(urls) // (os.cpu_count() or 1)))
    if isinstance(shards, str):
        return shards
    seconds = max(shard["end_time"] for shard in shards) - min(shard["start_time"] for shard in shards)
    return _figures(sum(shard["successes"] for shard in shards), seconds, used - start)


def _peer_run(program: Path, addresses: Path, out: Path, shard: int) -> tuple[list[dict[str, Any]] | str, float]:
    """What it says of each shard, or a sentence where it fails; and the seconds of processors that it had."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S603
        [
            program,
            f"--url_list={addresses}",
            f"--output_folder={out}",
            f"--processes_count={os.cpu_count()}",
            f"--number_sample_per_shard={shard}",
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"},
    )
    shards = [json.loads(file.read_text()) for file in out.glob("*_stats.json")]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(out, ignore_errors=True)
    if done.returncode or not shards:
        return "failed: " + (done.stderr.strip().splitlines() or ["it says nothing"])[-1][:200], 0.0
    return shards, sum(after[:2]) - sum(before[:2])


def _figures(count: int, seconds: float, processors: float) -> dict[str, Any]:
    """processor_ms: milliseconds of processors for each photograph."""
    return {
        "stored": count,
        "seconds": round(seconds, 2),
        "a_second": round(count / seconds, 1),
        "processor_ms": round(1000 * processors / max(count, 1), 2),
    }
