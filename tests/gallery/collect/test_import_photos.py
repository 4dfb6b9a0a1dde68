"""A folder and its manifest, as an operator uses them."""

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gallery.collect.sources import samples
from gallery.models import Photo

from .conftest import encoded, picture

pytestmark = pytest.mark.django_db
HEADER = "file,title,creator,licence,licence_url,source_url,tags,mood,sensitive\n"


@pytest.fixture
def folder(tmp_path) -> Path:
    photos = tmp_path / "mine" / "photos"
    photos.mkdir(parents=True)
    for i in range(3):
        (photos / f"{i}.jpg").write_bytes(encoded(picture(i)))
    return photos.parent


def run(folder: Path, **options) -> str:
    out = StringIO()
    call_command("import_photos", str(folder), stdout=out, **options)
    return out.getvalue()


def manifest(folder: Path, *rows: str, header: str = HEADER) -> None:
    (folder / "manifest.csv").write_text(header + "".join(f"{row}\n" for row in rows))


def test_it_takes_facts_from_the_manifest(folder, media):
    manifest(folder, '0.jpg,"Fog, early",Ann,CC BY-SA 4.0,,https://example.org/,fog hill,solitude,1')
    said = run(folder)
    assert "3 photographs stored" in said
    assert "2 have no licence that allows showing them" in said
    photo = Photo.objects.on_show().get()
    assert (photo.title, photo.licence, photo.tags, photo.mood_tag, photo.sensitive) == (
        "Fog, early",
        "by-sa",
        ["fog", "hill"],
        "solitude",
        True,
    )


@pytest.mark.parametrize("place", ["photos/manifest.csv", "manifest.csv", "../manifest.csv"])
def test_it_finds_the_manifest_inside_and_beside(folder, media, place):
    (folder / place).write_text("\ufeff" + HEADER + "0.jpg,A,Ann,CC0,,,,,0\n", encoding="utf-8")
    run(folder)
    assert Photo.objects.on_show().count() == 1


def test_it_tells_what_the_manifest_names_and_is_not_there(folder, media):
    manifest(folder, "9.jpg,A,Ann,CC0,,,,,0")
    assert "1 files that the manifest names are not there: 9.jpg" in run(folder)


def test_one_bad_file_does_not_stop_the_others(folder, media):
    (folder / "photos" / "bad.jpg").write_bytes(b"no")
    said = run(folder)
    assert "3 photographs stored" in said
    assert "1 rejected, not a JPEG, PNG, WebP or AVIF photograph: bad.jpg" in said


def test_a_second_run_stores_nothing_new(folder, media):
    run(folder)
    assert "0 photographs stored, 3 were here already" in run(folder)
    assert Photo.objects.count() == 3


@pytest.mark.parametrize(
    ("header", "row", "sentence"),
    [
        ("name,title\n", "0.jpg,A", "line 1: there is no column named file"),
        (HEADER, "../../etc/passwd,A,,,,,,,", "line 2: .* is not the name of a file in the folder"),
        (HEADER, ",A,,,,,,,", "line 2: .* is not the name of a file in the folder"),
    ],
)
def test_a_bad_manifest_is_one_sentence_with_its_line(folder, media, header, row, sentence):
    manifest(folder, row, header=header)
    with pytest.raises(CommandError, match=sentence):
        run(folder)
    assert not Photo.objects.exists()


def test_a_manifest_that_is_not_text_is_one_sentence(folder, media):
    (folder / "manifest.csv").write_bytes(HEADER.encode() + b"0.jpg,\xff\xfe,,,,,,,\n")
    with pytest.raises(CommandError, match="not UTF-8"):
        run(folder)


def test_a_missing_or_empty_folder_is_refused(tmp_path):
    with pytest.raises(CommandError, match="There is no folder"):
        run(tmp_path / "nowhere")
    with pytest.raises(CommandError, match="holds no photographs"):
        run(tmp_path)
    with pytest.raises(CommandError, match="There is no file"):
        run(tmp_path, manifest=tmp_path / "nothing.csv")


def test_the_samples_are_all_taken_in_and_may_be_shown(media):
    call_command("import_samples", stdout=StringIO())
    assert Photo.objects.on_show().count() == len(samples.SAMPLES)
    assert all(photo.creator and photo.attribution for photo in Photo.objects.all())


@pytest.mark.django_db(transaction=True)
def test_killed_half_way_it_goes_on_and_stores_nothing_twice(tmp_path, media, settings):
    """The command in a process of its own, killed by SIGKILL once some photographs are in."""
    photos = tmp_path / "many"
    photos.mkdir()
    for i in range(40):
        (photos / f"{i}.jpg").write_bytes(encoded(picture(i, (1000, 750))))
    name = settings.DATABASES["default"]["NAME"]
    code = (
        "import django, sys; from django.conf import settings; from django.core.management import call_command;"
        "settings.DATABASES['default']['NAME'] = sys.argv[1]; django.setup();"
        "call_command('import_photos', sys.argv[2])"
    )
    process = subprocess.Popen([sys.executable, "-c", code, name, str(photos)], env=os.environ, start_new_session=True)
    deadline = time.monotonic() + 60
    while Photo.objects.count() < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = Photo.objects.count()
    assert 3 <= before < 40
    assert all(photo.renditions.count() == 8 for photo in Photo.objects.all()), "no row without its renditions"
    assert f"{40 - before} photographs stored, {before} were here already" in run(photos)
