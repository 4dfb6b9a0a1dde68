"""A folder and its manifest, as an operator uses them."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gallery.collect import intake
from gallery.collect.sources import samples
from gallery.models import Photo

from .conftest import encoded, picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_process")]
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
    assert "3  stored" in said
    assert "2  without a licence that allows showing them" in said
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


def test_the_american_spelling_is_understood(folder, media):
    manifest(folder, "0.jpg,CC BY 4.0", header="File,License\n")
    run(folder)
    assert Photo.objects.on_show().get().licence == "by"


def test_it_tells_what_the_manifest_names_and_is_not_there(folder, media):
    manifest(folder, "9.jpg,A,Ann,CC0,,,,,0")
    assert "1  named in the manifest and not there: 9.jpg" in run(folder)


def test_folders_within_are_looked_through_and_hidden_files_left_alone(folder, media):
    (folder / "photos" / "trip").mkdir()
    (folder / "photos" / "trip" / "day 1.JPG").write_bytes(encoded(picture(9)))
    (folder / "photos" / "._0.jpg").write_bytes(b"what another system left")
    manifest(folder, "trip/day 1.JPG,A,Ann,CC0,,,,,0")
    said = run(folder)
    assert "4  stored" in said and "rejected" not in said
    assert Photo.objects.on_show().get().title == "A"


def test_a_file_that_the_manifest_names_is_tried_whatever_its_ending(folder, media):
    (folder / "photos" / "scan.tif").write_bytes(encoded(picture(), "tiff"))
    manifest(folder, "scan.tif,A,Ann,CC0,,,,,0")
    assert "1  rejected, not a JPEG, PNG, WebP or AVIF photograph: scan.tif" in run(folder)


def test_one_bad_file_does_not_stop_the_others(folder, media):
    (folder / "photos" / "bad.jpg").write_bytes(b"no")
    said = run(folder)
    assert "3  stored" in said
    assert "1  rejected, not a JPEG, PNG, WebP or AVIF photograph: bad.jpg" in said


def test_a_file_that_cannot_be_read_does_not_stop_the_others(folder, media):
    (folder / "photos" / "loop.jpg").symlink_to("loop.jpg")
    said = run(folder)
    assert "3  stored" in said
    assert "1  rejected, it cannot be read (is it allowed?): loop.jpg" in said


def test_names_of_files_cannot_write_to_the_terminal(folder, media):
    (folder / "photos" / "\x1b[31mred.jpg").write_bytes(b"no")
    said = run(folder)
    assert "red.jpg" in said and "\x1b" not in said


def test_a_second_run_stores_nothing_new(folder, media):
    run(folder)
    said = run(folder)
    assert "0  stored" in said and "3  here already" in said
    assert Photo.objects.count() == 3


def test_two_files_with_the_same_bytes_are_one_photograph(folder, media):
    (folder / "photos" / "copy.jpg").write_bytes((folder / "photos" / "0.jpg").read_bytes())
    said = run(folder)
    assert "3  stored" in said and "1  here already" in said


def test_a_manifest_that_comes_later_is_learnt_from(folder, media):
    run(folder)
    assert not Photo.objects.on_show().exists()
    manifest(folder, "0.jpg,Fog,Ann,CC BY 4.0,,,,sad,1")
    assert "1  of these: facts added that were not known" in run(folder)
    photo = Photo.objects.on_show().get()
    assert (photo.title, photo.creator, photo.licence_version, photo.sensitive) == ("Fog", "Ann", "4.0", True)
    assert "facts added" not in run(folder), "nothing is new the third time"


def test_what_a_person_corrected_stays_and_a_contradiction_is_told(folder, media):
    manifest(folder, "0.jpg,Fog,Ann,CC BY 4.0,,,,,0")
    run(folder)
    Photo.objects.filter(title="Fog").update(title="Mist", licence="reserved")
    assert "1  of these: another licence is stated now" in run(folder)
    assert Photo.objects.get(title="Mist").licence == "reserved"


def test_ctrl_c_is_one_sentence_and_keeps_what_is_in(folder, media, monkeypatch):
    real, kept = intake.keep, []

    def keep(*args):
        if len(kept) == 2:
            raise KeyboardInterrupt
        kept.append(real(*args))
        return kept[-1]

    monkeypatch.setattr(intake, "keep", keep)
    with pytest.raises(CommandError, match="goes on from there") as stopped:
        run(folder)
    assert stopped.value.returncode == 130
    assert Photo.objects.count() == 2


@pytest.mark.parametrize(
    ("header", "row", "sentence"),
    [
        ("name,title\n", "0.jpg,A", "line 1: there is no column named file"),
        ("", "", "line 1: there is no column named file"),
        (HEADER, "../../etc/passwd,A,,,,,,,", "line 2: .* is not the name of a file in the folder"),
        (HEADER, "/etc/passwd,A,,,,,,,", "line 2: .* is not the name of a file in the folder"),
        (HEADER, "trip/../../1.jpg,A,,,,,,,", "line 2: .* is not the name of a file in the folder"),
        (HEADER, r"..\1.jpg,A,,,,,,,", "line 2: .* is not the name of a file in the folder"),
        (HEADER, ",A,,,,,,,", "line 2: .* is not the name of a file in the folder"),
        (HEADER, "0.jpg,Fog, early,Ann,CC0,,,,,0", "line 2: it has more cells than line 1"),
        (HEADER, "0.jpg,A,Ann,CC0,,,,,maybe", "line 2: sensitive must be 0 or 1, not 'maybe'"),
        (HEADER, "0.jpg,A\n1.jpg,B\n0.jpg,C", "line 4: '0.jpg' is named a second time"),
    ],
)
def test_a_bad_manifest_is_one_sentence_with_its_line(folder, media, header, row, sentence):
    manifest(folder, row, header=header)
    with pytest.raises(CommandError, match=f"manifest.csv, {sentence}"):
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


def test_a_folder_of_which_nothing_can_be_taken_in_is_an_error(folder, media):
    for file in (folder / "photos").iterdir():
        file.write_bytes(b"no")
    with pytest.raises(CommandError, match="could be taken in"):
        run(folder)


def test_the_samples_are_all_taken_in_and_may_be_shown(media):
    call_command("import_samples", stdout=StringIO())
    assert Photo.objects.on_show().count() == len(samples.SAMPLES)
    assert all(photo.creator and photo.attribution for photo in Photo.objects.all())


def test_a_sample_that_the_installed_version_no_longer_ships_is_passed_over(media, monkeypatch):
    gone = samples.Sample("skimage.data", "gone.png", "Gone", "Ann", samples.CC0, "https://example.org/")
    monkeypatch.setattr(samples, "SAMPLES", (gone, samples.SAMPLES[0]))
    call_command("import_samples", stdout=StringIO())
    assert Photo.objects.count() == 1


@pytest.mark.realdata
def test_photographs_of_a_real_manifest_are_taken_in_and_credited(realdata, tmp_path, media):
    lines = (realdata / "gallery" / "manifest.csv").read_text(encoding="utf-8").splitlines()[:13]
    (tmp_path / "photos").mkdir()
    for row in csv.DictReader(lines):
        (tmp_path / "photos" / row["file"]).symlink_to(realdata / "gallery" / "photos" / row["file"])
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert "12  stored" in run(tmp_path)
    assert Photo.objects.on_show().count() == 12
    assert not Photo.objects.filter(cluster__isnull=False).exists(), "no two of these look alike"
    for photo in Photo.objects.all():
        assert photo.title and photo.source_url.startswith("https://") and photo.licence_url in photo.attribution
        assert {r.format for r in photo.renditions.all()} == {"avif", "webp"}
        assert max(r.width for r in photo.renditions.all()) <= photo.width
