"""A published version: what is in it, what is not, and that nothing half-done ever looks whole."""

import csv
import hashlib
import io
import json
import subprocess
import tarfile
from datetime import UTC, datetime

import mlcroissant
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from gallery.dataset import files, publish, shards
from gallery.dataset.describe import About
from gallery.models import Candidate, Crawl, DatasetVersion, Photo, Rating, Score
from ml import interface

pytestmark = pytest.mark.django_db
MOODS = ("happy", "sad", "fear", "anger", "motivation", "solitude")


@pytest.fixture
def published_photo(media, new_photo):
    """published_photo(number, **facts): a photograph of the data set, with original bytes made up from its number."""

    def make(number: int, **facts) -> Photo:
        content = f"photograph {number} ".encode() * 50
        sha256 = hashlib.sha256(content).hexdigest()
        facts = {"mood_tag": MOODS[number % 6], "source_id": str(number), **facts}
        photo = new_photo(number, **{"sha256": sha256, "original": f"{sha256}.jpg", "bytes": len(content), **facts})
        storages["originals"].save(f"{sha256}.jpg", ContentFile(content))
        photo.save()
        return photo

    return make


def write(folder, **options) -> DatasetVersion:
    return publish.publish(folder, About(), **options)


def rows(folder) -> list[dict]:
    return list(files.rows(folder / files.TABLE))


def shard_members(folder) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.glob("shards/*/*.tar")):
        with tarfile.open(path) as tar:
            found |= {f"{path.parent.name}/{one.name}": tar.extractfile(one).read() for one in tar}
    return found


def test_it_writes_tables_shards_metadata_datasheet_and_checksums(published_photo, tmp_path):
    photos = [published_photo(number, tags=["hill", "joy"]) for number in range(20)]
    version = write(tmp_path / "out")
    found = rows(tmp_path / "out")
    assert [row["sha256"] for row in found] == sorted(photo.sha256 for photo in photos)
    assert {row["split"] for row in found} <= {"train", "val", "test"}
    assert all(row["redistributed"] and row["part"] == "open" for row in found)
    members = shard_members(tmp_path / "out")
    for row in found:
        assert hashlib.sha256(members[f"open/{row['id']}.jpg"]).hexdigest() == row["sha256"]
        assert json.loads(members[f"open/{row['id']}.json"])["tags"] == "hill, joy"
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    assert version.version == f"{datetime.now(UTC).year}.1"
    assert (version.photos, version.files) == (20, 20)
    assert version.sha256 == hashlib.sha256((tmp_path / "out" / files.SUMS).read_bytes()).hexdigest()


def test_each_licence_goes_where_it_belongs(published_photo, tmp_path):
    slugs = ("cc0", "by", "by-sa", "by-nc", "by-nc-sa", "by-nd", "by-nc-nd", "us-gov", "unknown", "reserved")
    for number, slug in enumerate(slugs):
        published_photo(number, licence=slug)
    write(tmp_path / "out")
    assert {row["licence"]: row["part"] for row in rows(tmp_path / "out")} == {
        "cc0": "open", "by": "open", "us-gov": "open", "by-sa": "sa", "by-nc": "nc", "by-nc-sa": "nc-sa", "by-nd": "nd",
        "by-nc-nd": "nc-nd", "unknown": "", "reserved": "",
    }  # fmt: skip
    packed = {name.split("/")[1].split(".")[0] for name in shard_members(tmp_path / "out")}
    assert packed == {row["id"] for row in rows(tmp_path / "out") if row["licence"] not in ("unknown", "reserved")}


def test_croissant_is_valid_and_reads_what_the_tables_hold(published_photo, tmp_path):
    photo = published_photo(1, taken_at=datetime(2011, 5, 1, tzinfo=UTC))
    published_photo(2, licence="reserved")
    network = interface.active()
    Score.objects.create(
        photo=photo, network_id=network.id, moods=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1], valence=4, arousal=3, aesthetic=5,
        embedding=[0] * 64,
    )  # fmt: skip
    write(tmp_path / "out")
    data = mlcroissant.Dataset(tmp_path / "out" / "croissant.json")
    assert not data.metadata.issues.errors
    assert not data.metadata.issues.warnings
    assert len(list(data.records("photos"))) == 2
    (score,) = data.records("scores")
    assert score["scores/happy"] == 0.5
    assert score["scores/network"].decode() == network.name


def test_only_accepted_photographs_with_a_mood_are_in_it(published_photo, tmp_path):
    kept = published_photo(1)
    for number, status in enumerate(("new", "held", "hidden", "removed"), 2):
        published_photo(number, status=status)
    published_photo(7, mood_tag="")
    write(tmp_path / "out")
    assert [row["sha256"] for row in rows(tmp_path / "out")] == [kept.sha256]


def test_what_was_removed_is_listed(published_photo, tmp_path):
    published_photo(1)
    moment = datetime(2026, 3, 4, tzinfo=UTC)
    published_photo(2, status="removed", removed_because="on_request", removed_at=moment)
    write(tmp_path / "out")
    (line,) = csv.DictReader(io.StringIO((tmp_path / "out" / files.REMOVED).read_text()))
    assert line == {"source": "test", "source_id": "2", "removed_on": "2026-03-04", "because": "on_request"}


def test_equal_rows_give_equal_shards_and_visitors_leave_no_trace(published_photo, visitor, tmp_path):
    photos = [published_photo(number) for number in range(12)]
    write(tmp_path / "one")
    Rating.objects.create(visitor=visitor, photo=photos[0], value=5, felt="sad", mood="happy", place=3)
    write(tmp_path / "two")
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file() and path.suffix in (".tar", ".parquet", ".csv"):
            assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
    told = json.dumps([rows(tmp_path / "two"), str(shard_members(tmp_path / "two"))], default=str)
    texts = "".join(path.read_text() for path in (tmp_path / "two").glob("*.[jm][sd]*"))
    assert str(visitor.pk) not in told + texts
    assert not {"rating", "visitor", "felt", "pk", "photo_id"} & set(rows(tmp_path / "two")[0])


def test_a_shard_is_closed_at_its_size_and_the_next_one_begins(published_photo, tmp_path):
    for number in range(9):
        published_photo(number, split="train")
    write(tmp_path / "out", most=12_000)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "out/shards/open").iterdir()}
    assert len(sizes) > 1
    assert sorted(sizes) == [f"train-{number:06}.tar" for number in range(len(sizes))]
    assert sum(1 for path in (tmp_path / "out/shards/open").iterdir() for _ in shards.photographs(path)) == 9


def test_near_duplicates_share_a_published_cluster_and_a_single_one_has_none(published_photo, tmp_path):
    alike = [published_photo(number, cluster=1) for number in (1, 2)]
    published_photo(3, cluster=99)
    write(tmp_path / "out")
    found = {row["sha256"]: row for row in rows(tmp_path / "out")}
    label = min(found[photo.sha256]["id"] for photo in alike)
    assert sorted(row["cluster"] for row in found.values()) == ["", label, label]
    assert len({found[photo.sha256]["split"] for photo in alike}) == 1


def test_where_a_photograph_was_fetched_and_by_which_word_is_told(published_photo, tmp_path):
    photo = published_photo(1)
    crawl = Crawl.objects.create(source="test", moods=["happy"], since="2005-01-01T00:00Z", until="2006-01-01T00:00Z")
    Candidate.objects.create(
        crawl=crawl, source="test", source_id="1", mood="happy", word="joy", file_url="https://example.org/1.jpg",
        facts={}, state="stored", photo=photo,
    )  # fmt: skip
    write(tmp_path / "out")
    (row,) = rows(tmp_path / "out")
    assert (row["word"], row["file_url"]) == ("joy", "https://example.org/1.jpg")


def test_a_later_version_keeps_splits_and_tells_what_changed(published_photo, tmp_path):
    photos = [published_photo(number) for number in range(10)]
    write(tmp_path / "one")
    before = {row["sha256"]: row["split"] for row in rows(tmp_path / "one")}
    Photo.objects.filter(pk=photos[0].pk).update(status="removed", removed_because="on_request")
    Photo.objects.filter(pk=photos[1].pk).update(licence="by-sa", creator="Somebody else")
    new = published_photo(30)
    version = write(tmp_path / "two")
    after = {row["sha256"]: row["split"] for row in rows(tmp_path / "two")}
    assert {sha256: after[sha256] for sha256 in before if sha256 in after} == {
        sha256: split for sha256, split in before.items() if sha256 != photos[0].sha256
    }
    told = json.loads((tmp_path / "two/changes.json").read_text())
    assert told["before"].endswith(".1")
    assert told["added"] == [new.sha256[:16]]
    assert told["left"] == [photos[0].sha256[:16]]
    assert told["changed"] == {"creator": 1, "licence": 1, "part": 1}
    assert told["licences"] == [{"id": photos[1].sha256[:16], "before": "by", "now": "by-sa"}]
    assert version.summary["changes"] == {"added": 1, "left": 1, "licences_changed": 1}


def test_a_photograph_that_links_two_published_creators_is_left_out_and_counted(published_photo, tmp_path):
    published_photo(1, creator="Ann", split="train")
    published_photo(2, creator="Bob", split="test", cluster=2)
    published_photo(3, creator="Ann", cluster=2)
    version = write(tmp_path / "out")
    assert version.photos == 2
    assert version.summary["left_out"] == 1
    assert Photo.objects.get(source_id="3").split == ""


def test_a_photograph_whose_original_is_lost_or_damaged_is_told_by_its_address_and_counted(published_photo, tmp_path):
    lost, damaged, whole = (published_photo(number) for number in range(3))
    storages["originals"].delete(lost.original.name)
    with open(storages["originals"].path(damaged.original.name), "ab") as file:
        file.write(b"!")
    version = write(tmp_path / "out")
    assert {row["sha256"] for row in rows(tmp_path / "out") if row["redistributed"]} == {whole.sha256}
    assert version.summary["lost_originals"] == 2


def test_what_is_taken_down_while_files_are_written_is_not_in_them(published_photo, tmp_path, monkeypatch):
    photos = [published_photo(number, split="train") for number in range(6)]
    plain = publish._write_scores
    gone = photos[:2]

    def take_down_meanwhile(*args):
        Photo.objects.filter(pk=gone[0].pk).update(status="hidden")
        Photo.objects.filter(pk=gone[1].pk).delete()
        return plain(*args)

    monkeypatch.setattr(publish, "_write_scores", take_down_meanwhile)
    version = write(tmp_path / "out")
    left = {photo.sha256 for photo in photos[2:]}
    assert {row["sha256"] for row in rows(tmp_path / "out")} == left
    assert {name[5:21] for name in shard_members(tmp_path / "out")} == {sha256[:16] for sha256 in left}
    assert (version.photos, version.files) == (4, 4)
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out", check=True)


def test_a_version_never_changes(published_photo, tmp_path):
    published_photo(1)
    write(tmp_path / "out")
    with pytest.raises(CommandError, match="a published version never changes"):
        call_command("publish_dataset", str(tmp_path / "out"))
    assert DatasetVersion.objects.count() == 1


def test_nothing_looks_done_when_it_fails_half_way_and_the_next_try_works(published_photo, tmp_path, monkeypatch):
    photo = published_photo(1)

    def fail(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(publish, "_freeze", fail)
        write(tmp_path / "out")
    photo.refresh_from_db()
    assert not (tmp_path / "out").exists()
    assert not DatasetVersion.objects.exists()
    assert photo.split == ""
    write(tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out"]


def test_nothing_to_publish_is_said(media, tmp_path):
    with pytest.raises(CommandError, match="There is nothing to publish"):
        call_command("publish_dataset", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_the_number_of_queries_does_not_grow_with_the_photographs(
    published_photo, tmp_path, django_assert_max_num_queries
):
    for number in range(40):
        published_photo(number)
    with django_assert_max_num_queries(40):
        write(tmp_path / "out")
