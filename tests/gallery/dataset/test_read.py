"""A published version taken in elsewhere: nothing is lost, nothing half-done stays, and nothing in it is trusted."""

import csv
import hashlib
import io
import shutil
import tarfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from gallery.collect import pool
from gallery.collect.intake import Facts, take_in
from gallery.collect.render import render
from gallery.collect.sources.base import facts_from_json
from gallery.dataset import files, publish, receive
from gallery.dataset.columns import PHOTOS, schema
from gallery.dataset.describe import About
from gallery.models import Candidate, Crawl, DatasetVersion, NotDuplicate, Photo, Takedown

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_process")]
FIELDS = [
    field.name for field in Photo._meta.concrete_fields if field.name not in ("id", "added_at", "checked_at", "cluster")
]
WHEN = datetime(2011, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def in_process(monkeypatch, media) -> None:
    """Render in this process: these tests are not of processes."""
    monkeypatch.setattr(pool, "_new_pool", lambda workers: ThreadPoolExecutor(1))
    monkeypatch.setattr(pool, "render_within_limits", render)


def encoded(seed: int, kind: str = "jpeg", quality: int = 90) -> bytes:
    small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    image = Image.fromarray(small).resize((640, 480), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    image.save(out, kind, **({"quality": quality} if kind == "jpeg" else {}))
    return out.getvalue()


def kept(seed: int, content: bytes = b"", **facts) -> Photo:
    """A photograph that came in as it would from a crawl, and what a person and time have made of it."""
    said = {"creator": f"Creator {seed}", "licence": "CC BY 4.0", "mood_tag": "happy", **facts}
    photo = take_in(content or encoded(seed), Facts(source="test", source_id=f"id {seed}", **said)).photo
    assert photo is not None
    Photo.objects.filter(pk=photo.pk).update(licence_seen=date(2024, 2, 29))
    return photo


@pytest.fixture
def version(tmp_path) -> Path:
    """A published version with all that can be in one; the tables are empty again afterwards."""
    kept(
        1, title="A &amp; “B” <i>", alt="é ☃", creator_url="https://example.org/1", owner="7@N01", tags=("a b", "c, d"),
        taken_at=WHEN, uploaded_at=WHEN, licence_url="https://creativecommons.org/licenses/by/4.0/",
        source_url="https://example.org/p/1", sensitive=True,
    )  # fmt: skip
    twin = kept(2, licence="CC BY-SA 2.0", mood_tag="sad")
    kept(3, encoded(2, quality=60), licence="Public Domain Mark 1.0", mood_tag="sad")
    kept(4, encoded(4, "png"), licence="us-gov", creator="", mood_tag="fear")
    first, second = kept(5, licence="CC BY-NC-ND 2.0"), kept(6, encoded(5, quality=50))
    NotDuplicate.objects.create(first=first, second=second)
    Photo.objects.filter(pk__in=[first.pk, second.pk]).update(cluster=None)
    reserved = kept(7, licence="All rights reserved", title="Mine", tags=("joy",), uploaded_at=WHEN)
    kept(8, licence="")
    crawl = Crawl.objects.create(source="test", moods=["happy"], since=WHEN, until=WHEN)
    for photo, word in ((reserved, "joy"), (twin, "grief")):
        Candidate.objects.create(
            crawl=crawl, source="test", source_id=photo.source_id, mood=photo.mood_tag, word=word, facts={},
            photo=photo, file_url=f"https://example.org/{photo.source_id[3:]}.jpg", state="stored",
        )  # fmt: skip
    gone = kept(9)
    Photo.objects.filter(pk=gone.pk).update(status="removed", removed_because="on_request", removed_at=WHEN)
    publish.publish(tmp_path / "out", About())
    return tmp_path / "out"


def snapshot() -> dict[str, dict]:
    return {row["sha256"]: row for row in Photo.objects.values(*FIELDS)}


def alike() -> set[frozenset[str]]:
    """Clusters as sets of sha256: their numbers differ from machine to machine."""
    found: dict[int, set[str]] = {}
    for cluster, sha256 in Photo.objects.exclude(cluster=None).values_list("cluster", "sha256"):
        found.setdefault(cluster, set()).add(sha256)
    return {frozenset(members) for members in found.values() if len(members) > 1}


def forget(tmp_path: Path) -> None:
    """Another machine, on which nothing is."""
    for table in (Candidate, Crawl, NotDuplicate, DatasetVersion, Photo):
        table.objects.all().delete()
    for folder in ("media", "originals"):
        shutil.rmtree(tmp_path / folder)


def damage(folder: Path, name: str, content: bytes) -> None:
    """Change a file and its checksum: what somebody who means harm would do."""
    (folder / name).write_bytes(content)
    files.write_sums(folder)


def test_a_round_trip_loses_nothing(version, tmp_path):
    before, clusters = snapshot(), alike()
    table = (version / files.TABLE).read_bytes()
    forget(tmp_path)
    call_command("import_dataset", str(version))

    here = snapshot()
    redistributed = {sha256 for sha256, row in before.items() if row["licence"] not in ("reserved", "unknown")}
    redistributed -= {sha256 for sha256, row in before.items() if row["status"] == "removed"}
    assert here.keys() == redistributed
    for sha256 in redistributed:
        assert here[sha256] == before[sha256]
    assert alike() == clusters
    assert len(clusters) == 1
    assert NotDuplicate.objects.count() == 1

    crawl = Crawl.objects.get(source="dataset")
    assert crawl.state == "paused"
    waiting = Candidate.objects.get(state="waiting")
    assert (waiting.source, waiting.source_id, waiting.mood, waiting.word) == ("test", "id 7", "happy", "joy")
    assert waiting.file_url == "https://example.org/7.jpg"
    said = facts_from_json(waiting.facts)
    assert (said.title, said.tags, said.licence, said.uploaded_at) == ("Mine", ("joy",), "reserved", WHEN)
    assert Candidate.objects.get(rejected_because="no_address").source_id == "id 8"
    assert Candidate.objects.get(rejected_because="removed_elsewhere").source_id == "id 9"
    assert Candidate.objects.get(state="stored").word == "grief"

    publish.publish(tmp_path / "again", About())
    again = {row["sha256"]: row for row in files.rows(tmp_path / "again" / files.TABLE)}
    assert again == {row["sha256"]: row for row in files.rows(pa.BufferReader(table)) if row["redistributed"]}
    for name in (files.REMOVED, files.DIFFERENT):
        assert (tmp_path / "again" / name).read_bytes() == (version / name).read_bytes()
    for shard in version.glob("shards/*/*.tar"):
        assert (tmp_path / "again" / shard.relative_to(version)).read_bytes() == shard.read_bytes()


def test_a_photograph_that_is_fetched_later_gets_the_split_and_the_day_that_the_version_told(version, tmp_path):
    table = {row["source_id"]: row for row in files.rows(version / files.TABLE)}
    forget(tmp_path)
    call_command("import_dataset", str(version))
    waiting = Candidate.objects.get(state="waiting")
    photo = take_in(encoded(7), facts_from_json(waiting.facts)).photo
    publish.publish(tmp_path / "again", About())
    again = {row["source_id"]: row for row in files.rows(tmp_path / "again" / files.TABLE)}
    photo.refresh_from_db()
    assert photo.split == table["id 7"]["split"]
    assert {**again["id 7"], "file_url": "", "word": ""} == {**table["id 7"], "file_url": "", "word": ""}


def test_taken_in_twice_nothing_changes_and_what_a_person_corrected_stays(version, tmp_path, capsys):
    forget(tmp_path)
    call_command("import_dataset", str(version))
    Photo.objects.filter(source_id="id 1").update(title="Corrected", licence="by-sa")
    before, candidates = snapshot(), Candidate.objects.count()
    call_command("import_dataset", str(version))
    assert snapshot() == before
    assert (Candidate.objects.count(), DatasetVersion.objects.count(), Crawl.objects.count()) == (candidates, 1, 1)
    assert "6  here already" in capsys.readouterr().out


def test_what_was_taken_down_here_does_not_come_back(version, tmp_path):
    Takedown.objects.create(source="test", creator="Creator 1", state=Takedown.State.GRANTED)
    forget(tmp_path)
    call_command("import_dataset", str(version))
    assert not Photo.objects.filter(source_id="id 1").exists()


def test_what_the_version_lists_as_removed_is_hidden_here_and_listed_again(version, tmp_path):
    forget(tmp_path)
    photo = kept(9)
    call_command("import_dataset", str(version))
    photo.refresh_from_db()
    assert (photo.status, photo.removed_because) == ("hidden", "on_request")
    publish.publish(tmp_path / "again", About())
    lines = list(csv.DictReader((tmp_path / "again" / files.REMOVED).read_text().splitlines()))
    assert [(line["source_id"], line["removed_on"]) for line in lines] == [("id 9", "2011-05-01")]


def test_the_next_version_follows_on_the_imported_one(version, tmp_path):
    forget(tmp_path)
    call_command("import_dataset", str(version))
    kept(20)
    following = publish.publish(tmp_path / "again", About())
    assert following.version.endswith(".2")
    assert following.summary["before"].endswith(".1")
    assert following.summary["changes"]["added"] == 1


def test_killed_half_way_every_photograph_is_whole_and_the_next_try_goes_on(version, tmp_path, monkeypatch):
    before = snapshot()
    forget(tmp_path)
    settle, seen = receive._settle, []

    def die_at_the_third(outcome, *args):
        seen.append(outcome)
        if len(seen) == 3:
            raise KeyboardInterrupt
        settle(outcome, *args)

    with monkeypatch.context() as patch, pytest.raises(CommandError, match="goes on from there"):
        patch.setattr(receive, "_settle", die_at_the_third)
        call_command("import_dataset", str(version))
    here = snapshot()
    assert len(here) == 2
    assert all(before[sha256] == row for sha256, row in here.items())
    assert not DatasetVersion.objects.exists()
    call_command("import_dataset", str(version))
    assert len(snapshot()) == 6


@pytest.mark.parametrize("name", ["photos.parquet", "shards/open/{split}-000000.tar", "removed.csv", "croissant.json"])
@pytest.mark.parametrize("how", ["damaged", "cut off", "missing"])
def test_a_file_that_is_damaged_cut_off_or_missing_is_named_and_nothing_is_taken_in(version, tmp_path, name, how):
    split = next(version.glob("shards/open/*.tar")).name.partition("-")[0]
    path = version / name.format(split=split)
    content = bytearray(path.read_bytes())
    forget(tmp_path)
    if how == "missing":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content if how == "damaged" else content[: len(content) // 2])
    with pytest.raises(
        CommandError, match=rf"^{name.format(split=split)} is .*{'missing' if how == 'missing' else ''}"
    ):
        call_command("import_dataset", str(version))
    assert not Photo.objects.exists()
    assert not Candidate.objects.exists()


def test_a_folder_that_holds_no_version_is_said(tmp_path):
    with pytest.raises(CommandError, match="holds no published version"):
        call_command("import_dataset", str(tmp_path))


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "shards/open/../../x.tar", "more.txt"])
def test_checksums_that_name_other_files_are_refused(version, name):
    with open(version / files.SUMS, "a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    with pytest.raises(CommandError, match="names files that a version does not have"):
        call_command("import_dataset", str(version))


def hostile_members() -> dict[str, tarfile.TarInfo]:
    link = tarfile.TarInfo("0123456789abcdef.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    huge = tarfile.TarInfo("0123456789abcdef.jpg")
    huge.size = 60 << 20
    outside = tarfile.TarInfo("../../outside.jpg")
    long = tarfile.TarInfo("x" * 300)
    return {"link": link, "huge": huge, "outside": outside, "long name": long}


@pytest.mark.parametrize("member", hostile_members().items(), ids=lambda one: one[0])
def test_a_shard_with_members_that_are_none_of_ours_is_refused_and_written_nowhere(version, tmp_path, member):
    forget(tmp_path)
    shard = next(version.glob("shards/open/*.tar"))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member[1], io.BytesIO(bytes(min(member[1].size, 100 << 20))))
    damage(version, shard.relative_to(version).as_posix(), out.getvalue())
    around = set(tmp_path.rglob("outside*"))
    with pytest.raises(CommandError, match=r"\d\.tar (holds|does not hold)"):
        call_command("import_dataset", str(version))
    assert set(tmp_path.rglob("outside*")) == around


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "../../etc/passwd"), ("sha256", "0" * 64), ("shard", "shards/open/../../x.tar"), ("mood", "bored"),
        ("split", "all"), ("licence", "mine"), ("source", "UPPER"), ("source_id", ""), ("source_id", "x" * 201),
        ("part", "nc"), ("cluster", "zz"), ("title", None), ("title", "x" * 9000), ("word", "<b>"), ("bytes", -1),
        ("tags", None), ("licence_version", "4.0\n"),
    ],
)  # fmt: skip
def test_a_row_that_no_version_has_is_refused(version, tmp_path, column, value):
    forget(tmp_path)
    rows = list(files.rows(version / files.TABLE))
    place = next(i for i, row in enumerate(rows) if row["part"] == "open")
    rows[place][column] = value
    pq.write_table(pa.Table.from_pylist(rows, schema(PHOTOS)), version / files.TABLE)
    files.write_sums(version)
    with pytest.raises(CommandError, match=r"photos\.parquet"):
        call_command("import_dataset", str(version))


def test_a_table_of_other_columns_is_refused(version):
    pq.write_table(pa.table({"id": ["x"]}), version / files.TABLE)
    files.write_sums(version)
    with pytest.raises(CommandError, match="does not have the columns"):
        call_command("import_dataset", str(version))
    damage(version, files.TABLE, b"PAR1 nonsense PAR1")
    with pytest.raises(CommandError, match="cannot be read as a Parquet table"):
        call_command("import_dataset", str(version))


def test_bytes_that_are_not_those_of_their_row_are_refused(version, tmp_path):
    forget(tmp_path)
    rows = list(files.rows(version / files.TABLE))
    row = next(row for row in rows if row["part"] == "open")
    other = hashlib.sha256(b"other").hexdigest()
    row["sha256"] = row["id"] + other[16:]
    pq.write_table(pa.Table.from_pylist(rows, schema(PHOTOS)), version / files.TABLE)
    files.write_sums(version)
    with pytest.raises(CommandError, match=f"does not hold {row['id']}"):
        call_command("import_dataset", str(version))
    assert not Photo.objects.filter(sha256=row["sha256"]).exists()


def test_markup_and_addresses_of_a_stranger_do_no_harm(version, tmp_path):
    forget(tmp_path)
    rows = list(files.rows(version / files.TABLE))
    for row in rows:
        row |= {"creator_url": "javascript:alert(1)", "title": "x\x00\u202ey", "file_url": "file:///etc/passwd"}
    pq.write_table(pa.Table.from_pylist(rows, schema(PHOTOS)), version / files.TABLE)
    files.write_sums(version)
    call_command("import_dataset", str(version))
    assert set(Photo.objects.values_list("creator_url", "title")) == {("", "x y")}
    assert not Candidate.objects.exclude(file_url="").exists()
    assert not Candidate.objects.filter(state="waiting").exists()
