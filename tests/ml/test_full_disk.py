"""A disk of one megabyte, mounted for real, that is full when weights are written."""

import os
import subprocess

import numpy as np
import pytest
import torch

from ml import checkpoints, files

MEGABYTE = 2**20


@pytest.fixture
def disk(tmp_path):
    """A folder that holds a megabyte and no more."""
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("only root may mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def arrays(number: int, share: float) -> dict:
    """Numbers that take this share of the disk."""
    return {"head": np.full(int(share * MEGABYTE) // 4, number, np.float32)}


def test_a_network_that_finds_no_room_leaves_the_old_one_whole_and_nothing_else(disk):
    old = files.save(disk, "starter", arrays(1, 0.6), {"arguments": {"of": 1}})
    before = sorted(path.name for path in disk.iterdir())
    with pytest.raises(OSError, match="No space left"):
        files.save(disk, "starter", arrays(2, 0.6), {"arguments": {"of": 2}})
    assert files.load(old.path).arrays["head"][0] == 1
    assert sorted(path.name for path in disk.iterdir()) == before


def test_a_checkpoint_that_finds_no_room_leaves_the_old_one_whole_and_nothing_else(disk):
    fits = {"net.head": torch.full((MEGABYTE // 8,), 1.0)}
    checkpoints.save(disk, fits, {"step": 1})
    with pytest.raises(checkpoints.CheckpointError, match="could not be written"):
        checkpoints.save(disk, {"net.head": torch.full((MEGABYTE // 5,), 2.0)}, {"step": 2})
    tensors, facts = checkpoints.load(disk)
    assert facts == {"step": 1}
    assert torch.equal(tensors["net.head"], fits["net.head"])
    assert [path.name for path in disk.iterdir()] == [checkpoints.NAME]


def test_a_disk_that_is_full_is_told_in_one_sentence(disk):
    from django.core.management.base import CommandError

    from ml import cli

    with pytest.raises(CommandError, match="No space left on device"), cli.one_sentence():
        files.save(disk, "starter", arrays(2, 1.5), {"arguments": {}})
