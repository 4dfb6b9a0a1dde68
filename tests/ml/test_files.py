"""Network files: what is written comes back; what is damaged or foreign is refused in one sentence."""

import hashlib
import json
import pickle
import re

import numpy as np
import pytest
from safetensors.numpy import save_file

from ml import files
from ml.files import NetworkFileError

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.float16)}
CARD = {"arguments": {"groups": ["pool"]}, "figures": {"valence": 0.5}, "date": "2026-01-01"}


def test_it_gives_back_what_was_saved(tmp_path):
    saved = files.save(tmp_path, "starter", ARRAYS, CARD)
    loaded = files.load(saved.path)
    assert loaded.name == saved.name == saved.path.stem
    assert loaded.arguments == CARD["arguments"]
    assert loaded.card["figures"] == CARD["figures"]
    for name, array in ARRAYS.items():
        assert np.array_equal(loaded.arrays[name], array)
        assert loaded.arrays[name].dtype == array.dtype


def test_the_name_follows_the_content_and_not_the_date(tmp_path):
    first = files.save(tmp_path, "starter", ARRAYS, CARD)
    assert files.save(tmp_path, "starter", ARRAYS, {**CARD, "date": "2027-01-01"}).name == first.name
    assert files.save(tmp_path, "starter", {**ARRAYS, "b": np.zeros(2, np.float16)}, CARD).name != first.name
    assert files.save(tmp_path, "starter", ARRAYS, {**CARD, "arguments": {}}).name != first.name


def test_it_refuses_altered_bytes(tmp_path):
    path = files.save(tmp_path, "starter", ARRAYS, CARD).path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(NetworkFileError, match="does not match the hash in its name"):
        files.load(path)


def test_it_refuses_a_truncated_file(tmp_path):
    path = files.save(tmp_path, "starter", ARRAYS, CARD).path
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(NetworkFileError, match="damaged or altered"):
        files.load(path)


def test_it_refuses_a_safetensors_file_of_somebody_else(tmp_path):
    import hashlib

    path = tmp_path / "other.safetensors"
    save_file(ARRAYS, path)
    named = tmp_path / f"other-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.safetensors"
    path.rename(named)
    with pytest.raises(NetworkFileError, match="not a network file of this program"):
        files.load(named)


def test_it_refuses_a_name_without_a_hash(tmp_path):
    path = tmp_path / "starter.safetensors"
    path.write_bytes(b"x")
    with pytest.raises(NetworkFileError, match="not named as a network file"):
        files.load(path)


def test_it_refuses_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NetworkFileError, match="cannot be read"):
        files.load(tmp_path / "starter-00000000.safetensors")
    with pytest.raises(NetworkFileError, match="There is no network 'starter-00000000'"):
        files.find("starter-00000000", tmp_path)


def test_a_broken_card_is_said_to_be_broken(tmp_path):
    saved = files.save(tmp_path, "starter", ARRAYS, CARD)
    saved.path.with_suffix(".json").write_text("{")
    with pytest.raises(NetworkFileError, match="not valid JSON"):
        files.load(saved.path)


def test_the_shipped_network_is_small_and_says_where_it_comes_from():
    shipped = files.shipped()
    content = sum(path.stat().st_size for path in files.SHIPPED.iterdir())
    assert content <= 16 * 2**20
    assert "OASIS" in shipped.card["licence"]
    assert "Flickr8k" in shipped.card["licence"]
    assert len(shipped.card["data_hash"]) == 64
    text = json.dumps(shipped.card)
    assert not re.search(r'[\s":=]/\w+/', text), "a card names no folder of the machine that made it"
    assert "/tmp" not in text


def test_a_pickle_is_never_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return ((tmp_path / "ran").touch, ())

    content = pickle.dumps(Bomb())
    path = tmp_path / f"starter-{hashlib.sha256(content).hexdigest()[:8]}.safetensors"
    path.write_bytes(content)
    with pytest.raises(NetworkFileError, match="is not a network file of this program"):
        files.load(path)
    assert not (tmp_path / "ran").exists()
