import hashlib
import io
import pickle

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image

from gallery.dataset import files, shards
from gallery.dataset.columns import PHOTOS
from ml.data import cifar, evoke, folder
from ml.data.tables import DataError
from ml.moods import MOODS


def test_subfolders_are_classes(put):
    for name in ("cats/1.jpg", "dogs/deep/2.PNG", "dogs/notes.txt", ".hidden/3.jpg", "dogs/.4.jpg", "empty/.x"):
        root = put(name)
    photographs = folder.read(root)
    labels = photographs.labels["category"]
    assert labels.classes == ("cats", "dogs")
    assert [path.name for path in photographs.paths] == ["1.jpg", "2.PNG"]
    assert labels.index.tolist() == [0, 1]
    assert photographs.parts is None
    assert list(folder.read(root, task="emotion").labels) == ["emotion"]


def test_folders_of_parts_split(put):
    for part in ("train", "valid", "test"):
        root = put(f"{part}/cats/{part}.jpg")
        put(f"{part}/dogs/{part}.jpg")
    photographs = folder.read(root)
    assert sorted(set(zip([path.stem for path in photographs.paths], photographs.parts.tolist(), strict=True))) == [
        ("test", "test"), ("train", "train"), ("valid", "validation"),
    ]  # fmt: skip


def test_a_folder_needs_two_classes(put):
    with pytest.raises(DataError, match="needs at least two subfolders of photographs"):
        folder.read(put("cats/1.jpg"))


@pytest.fixture
def ten(put, monkeypatch):
    """CIFAR-10 with four pictures, its sums changed to fit."""
    kind = torchvision.datasets.CIFAR10
    root = put("x")
    place = root / kind.base_folder
    place.mkdir()
    classes = ["airplane", "automobile", *(f"class{n}" for n in range(2, 10))]

    def write(name: str, content: dict) -> str:
        (place / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((place / name).read_bytes()).hexdigest()

    pixels = np.arange(2 * 3072, dtype=np.int64).reshape(2, 3072).astype(np.uint8)
    train = write("data_batch_1", {"data": pixels, "labels": [1, 0]})
    test = write("test_batch", {"data": pixels[::-1], "labels": [9, 1]})
    meta = write("batches.meta", {"label_names": classes})
    monkeypatch.setattr(kind, "train_list", [["data_batch_1", train]])
    monkeypatch.setattr(kind, "test_list", [["test_batch", test]])
    monkeypatch.setattr(kind, "meta", {"filename": "batches.meta", "key": "label_names", "md5": meta})
    return root


def test_cifar_is_written_out_once(ten):
    photographs = cifar.read_10(ten)
    labels = photographs.labels["category"]
    found = zip(photographs.parts, photographs.paths, labels.index, strict=True)
    assert sorted((part, path.stem, labels.classes[place]) for part, path, place in found) == [
        ("test", "00000", "class9"), ("test", "00001", "automobile"),
        ("train", "00000", "automobile"), ("train", "00001", "airplane"),
    ]  # fmt: skip
    first = next(path for path in photographs.paths if path.parts[-3:] == ("train", "automobile", "00000.png"))
    assert np.array(Image.open(first))[0, :3].tolist() == [[0, 0, 0], [1, 1, 1], [2, 2, 2]]  # planes are R, G, B
    for path in (ten / "cifar-10-batches-py").iterdir():
        path.unlink()
    assert cifar.read_10(ten).name == "cifar10"


def test_cifar_that_is_not_there_or_damaged_is_refused(ten):
    (ten / "cifar-10-batches-py" / "test_batch").write_bytes(b"")
    with pytest.raises(DataError, match="holds no whole CIFAR10; the option download=yes fetches it"):
        cifar.read_10(ten)
    assert not (ten / "cifar10-photographs").exists()
    with pytest.raises(DataError, match="holds no whole CIFAR100"):
        cifar.read_100(ten)


def jpeg(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(file, "JPEG")
    return file.getvalue()


def row_of(content: bytes, **facts) -> dict:
    """A row as the gallery publishes it."""
    plain = {"string": "", "int32": 1, "int64": 1, "bool": False, "list<element: string>": [], "date32[day]": None}
    sha256 = hashlib.sha256(content).hexdigest()
    row = {name: plain.get(str(kind)) for name, (kind, _) in PHOTOS.items()}
    row |= {"id": sha256[:16], "sha256": sha256, "source": "flickr", "source_id": "1", "mood": "sad", "split": "train"}
    return {**row, "bytes": len(content), "tags": [], **facts}


@pytest.fixture
def version(tmp_path):
    """A version of four photographs, one of which may not be given on, written by the gallery's own writer."""
    place = tmp_path / "2026.1"
    place.mkdir()
    with files.table(place, files.TABLE) as table, shards.Shards(place) as packed:
        for shade, facts in ((10, {"owner": "ann"}), (90, {"split": "val"}), (200, {"split": "test", "mood": "fear"})):
            content = jpeg(shade)
            table.add(packed.add(row_of(content, **facts), "nc-sa" if shade == 90 else "open", content))
        table.add(row_of(jpeg(255), mood="happy"))
    return place


def test_a_published_version_is_unpacked_beside_itself(version):
    before = sorted(path for path in version.rglob("*"))
    photographs = evoke.read(version)
    assert photographs.labels["emotion"].classes == MOODS
    assert [MOODS[place] for place in photographs.labels["emotion"].index] == ["sad", "sad", "fear"]
    assert photographs.parts.tolist() == ["train", "validation", "test"]
    assert photographs.groups[0] == "flickr:ann"
    assert photographs.paths[1].read_bytes() == jpeg(90)
    assert photographs.missing == 1
    assert sorted(path for path in version.rglob("*")) == before
    assert photographs.paths[0].is_relative_to(version.with_name("2026.1-photographs"))


def test_what_is_unpacked_is_not_unpacked_again_and_lost_shards_are_missing(version, tmp_path):
    evoke.read(version, unpacked=str(tmp_path / "here"))
    (version / "shards" / "open" / "train-000000.tar").unlink()
    assert len(evoke.read(version, unpacked=str(tmp_path / "here"))) == 3
    assert evoke.read(version, unpacked=str(tmp_path / "there")).missing == 2


def test_photographs_that_judge_elsewhere_are_left_out_and_not_missing(version, tmp_path):
    listed = tmp_path / "judging.txt"
    listed.write_text("\n".join((hashlib.sha256(jpeg(10)).hexdigest()[:16], "0" * 16)))
    photographs = evoke.read(version, without=str(listed))
    assert [path.read_bytes() for path in photographs.paths] == [jpeg(90), jpeg(200)]
    assert photographs.missing == 1


def test_bytes_of_another_sha256_are_refused(version):
    shard = version / "shards" / "open" / "train-000000.tar"
    content = bytearray(shard.read_bytes())
    content[512 + 100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"is not what photos\.parquet says it is"):
        evoke.read(version)


@pytest.mark.parametrize("facts", [{"shard": "../x.tar"}, {"mood": "bored"}, {"id": "../../../etc"}, {"split": "x"}])
def test_a_row_that_no_version_holds_is_refused(tmp_path, facts):
    with files.table(tmp_path, files.TABLE) as table:
        table.add(row_of(jpeg(1)))
        table.add(row_of(jpeg(1), **facts))
    with pytest.raises(DataError, match="row 2: no version holds such a row"):
        evoke.read(tmp_path)


def test_a_damaged_table_or_none_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"photos\.parquet cannot be read"):
        evoke.read(tmp_path)
    (tmp_path / "photos.parquet").write_bytes(b"no table")
    with pytest.raises(DataError, match=r"photos\.parquet cannot be read as the table"):
        evoke.read(tmp_path)


def test_a_plain_folder_with_a_manifest_is_read(put):
    put("manifest.csv", "file,title,creator,mood", "a.jpg,A,Ann,happy", "b.jpg,B,,", "c.jpg,C,Ann,sad")
    put("photos/a.jpg")
    photographs = evoke.read(put("photos/b.jpg"))
    assert photographs.labels["emotion"].index.tolist() == [0, -1]
    assert photographs.groups.tolist() == ["Ann", "b.jpg"]
    assert photographs.parts is None and photographs.missing == 1
