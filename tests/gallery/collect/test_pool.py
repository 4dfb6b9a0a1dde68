"""Rendering in processes: what kills one, and what becomes of them when their parent dies."""

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import psutil
import pytest
from django.core.management import call_command
from django.db import connection
from PIL import Image

from gallery.collect import pool
from gallery.collect.render import Rejected
from gallery.models import Photo

from .conftest import encoded, picture

IMPORT = """
import sys
import django
from django.conf import settings
from django.core.management import call_command

if __name__ == "__main__":
    settings.DATABASES["default"]["NAME"] = sys.argv[1]
    django.setup()
    call_command("import_photos", sys.argv[2])
"""
RENDERERS = """
import json, os, signal, sys, time
from gallery.collect import pool, render

FATAL, ENDLESS = b"kills its process", b"never ends"


def stand_in(content):
    if content == FATAL:
        os.kill(os.getpid(), signal.SIGKILL)
    while content == ENDLESS:
        pass
    return content.decode()


pool.render, pool.MOST_SECONDS = stand_in, 1  # in the workers too: each runs this file's top

if __name__ == "__main__":
    said = []
    with pool.open_renderers() as renderers:
        due = [(content, renderers.submit(content)) for content in (b"one", FATAL, b"two")]
        time.sleep(1)  # so that what follows meets a pool that has broken
        due += [(content, renderers.submit(content)) for content in (b"three", ENDLESS, b"four")]
        for content, future in due:
            try:
                said.append(renderers.result(content, future))
            except render.Rejected as error:
                said.append(error.because)
    print(json.dumps(said))
"""


def test_what_kills_or_never_ends_is_rejected_and_costs_no_other(tmp_path):
    script = tmp_path / "renderers.py"
    script.write_text(RENDERERS)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == '["one", "too_costly", "two", "three", "too_costly", "four"]'


def test_a_photograph_of_a_hundred_megapixels_fits_the_memory_that_a_worker_may_take():
    content = encoded(Image.new("RGBA", (11_000, 9_000), (90, 120, 200, 128)), "png", compress_level=1)
    with pool.open_renderers() as renderers:
        rendered = renderers.result(content, renderers.submit(content))
    assert (rendered.width, rendered.height) == (11_000, 9_000)


def test_a_rejection_comes_back_from_another_process():
    with pool.open_renderers() as renderers, pytest.raises(Rejected, match="not a JPEG") as error:
        renderers.result(b"no", renderers.submit(b"no"))
    assert error.value.because == "wrong_type"


def start_import(database: str, folder: Path, script: Path) -> subprocess.Popen:
    script.write_text(IMPORT)
    return subprocess.Popen([sys.executable, str(script), database, str(folder)], env=os.environ)


@pytest.mark.django_db(transaction=True)
def test_killed_half_way_it_goes_on_stores_nothing_twice_and_leaves_no_process(tmp_path, media, settings, in_process):
    """The command in a process of its own, killed by SIGKILL once some photographs are in."""
    photos = tmp_path / "many"
    photos.mkdir()
    for i in range(30):
        (photos / f"{i}.jpg").write_bytes(encoded(picture(i, (1000, 750))))
    process = start_import(connection.settings_dict["NAME"], photos, tmp_path / "run.py")
    deadline = time.monotonic() + 120
    while Photo.objects.count() < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, left = psutil.wait_procs(workers, timeout=20)
    assert not left, "no worker outlives the command"
    before = Photo.objects.count()
    assert 3 <= before < 30
    assert all(photo.renditions.count() == 8 for photo in Photo.objects.all()), "no row without its renditions"
    out = StringIO()
    call_command("import_photos", str(photos), stdout=out)
    assert f"{30 - before}  stored" in out.getvalue() and f"{before}  here already" in out.getvalue()
