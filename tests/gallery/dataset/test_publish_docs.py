"""What the documents tell a user to type, word for word, on files that were published."""

import hashlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from PIL import Image

from gallery.collect.sources.folder import Folder
from gallery.dataset import files, publish, shards
from gallery.dataset.describe import About
from gallery.licences import parse

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).parents[3] / "site/docs/dataset.md"
LOADERS = re.findall(r"```python\n(.*?)```", DOCS.read_text().partition("### Load it")[2], re.DOTALL)
CHECKS = {
    "webdataset.WebDataset(shards": "found = list(photographs)\n"
    "assert sorted(row['id'] for _, row in found) == {ids}\n"
    "assert all(picture.size == (64, 48) for picture, _ in found)",
    "load_dataset": "assert sorted(row['id'] for row in photographs['train']['json']) == {ids}\n"
    "assert photographs['test'][0]['jpg'].size == (64, 48)\nassert rows.num_rows == 12",
    "ResNet34_Weights": "found = list(photographs)\nassert len(found) == len({ids})\n"
    "assert all(tuple(picture.shape) == (3, 224, 224) and mood == 'happy' for picture, mood in found)",
}


def store(new_photo, number: int, content: bytes, **facts) -> None:
    """A row and its original; no renditions, which a version does not hold."""
    sha256 = hashlib.sha256(content).hexdigest()
    storages["originals"].save(f"{sha256}.jpg", ContentFile(content))
    here = {"sha256": sha256, "original": f"{sha256}.jpg", "bytes": len(content), "source_id": str(number)}
    new_photo(number, **here, **facts).save()


@pytest.fixture
def version(media, new_photo, tmp_path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(12):
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(out, "png" if number == 5 else "jpeg")
        tags = ["joy"] if number > 8 else []
        store(new_photo, number, out.getvalue(), mood_tag="happy", split=("train", "test")[number % 2], tags=tags)
    publish.publish(tmp_path / "out", About())
    return tmp_path / "out"


def test_every_loader_of_the_documents_is_tried():
    assert [next(name for name in CHECKS if name in block) for block in LOADERS] == list(CHECKS)


@pytest.mark.parametrize(("block", "check"), list(zip(LOADERS, CHECKS.values(), strict=True)), ids=list(CHECKS))
def test_a_version_is_loaded_by_the_lines_of_the_documents(version, tmp_path, block, check):
    ids = sorted(row["id"] for row in files.rows(version / files.TABLE) if row["split"] == "train")
    code = block + check.format(ids=ids)
    environment = {**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=version, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_command_of_the_documents_validates_the_metadata(version):
    command = re.search(r"`mlcroissant (validate .*?)`", DOCS.read_text())[1].split()
    tool = Path(sys.executable).with_name("mlcroissant")
    done = subprocess.run([tool, *command], cwd=version, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_the_documents_name_every_file(version):
    section = DOCS.read_text().partition("## Publication")[2]
    named = set(re.findall(r"`([\w.]+)`", section))
    there = {path.name for path in version.iterdir() if path.is_file()}
    assert there <= named


@pytest.mark.realdata
def test_real_photographs_are_published_to_the_last_byte(realdata, media, new_photo, tmp_path):
    folder, bytes_of = Folder(realdata / "gallery"), {}
    for number, (_, content, facts) in enumerate(folder.photographs(lambda name, reason: pytest.fail(name))):
        licence, version = parse(facts.licence, facts.licence_url)
        said = {"title": facts.title, "creator": facts.creator, "mood_tag": facts.mood_tag, "tags": list(facts.tags)}
        store(new_photo, number, content, licence=licence, licence_version=version, **said)
        bytes_of[hashlib.sha256(content).hexdigest()[:16]] = content
    row = publish.publish(tmp_path / "out", About(), most=4_000_000)
    found = {
        name: content
        for path in (tmp_path / "out").glob("shards/*/*.tar")
        for name, content, _ in shards.photographs(path)
    }
    assert (len(found), row.files) == (172, 172)
    assert all(bytes_of[name] == content for name, content in found.items())
