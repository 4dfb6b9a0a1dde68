"""ImageNet weights of torchvision's networks, from its cache or, where there is internet, from its site."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn
from torchvision import models

from ml.nets.base import NoWeights

PATIENCE = 10.0  # seconds without a byte before a site counts as out of reach


def address(name: str) -> str:
    """Where torchvision keeps a network's first ImageNet weights; the file's name ends in its hash's first digits."""
    return str(models.get_model_weights(name)["IMAGENET1K_V1"].url)


def imagenet(name: str) -> dict[str, Tensor]:
    """The weights of a torchvision network by its names of layers. Raises NoWeights where they cannot be had."""
    url = address(name)
    try:
        with _impatient():
            found = torch.hub.load_state_dict_from_url(
                url, map_location="cpu", progress=False, check_hash=True, weights_only=True
            )
    except (OSError, RuntimeError) as error:  # out of reach (URLError, timeout); a wrong hash or a torn file
        raise NoWeights(
            f"no ImageNet weights: {name}'s cannot be had from {urlsplit(url).netloc} now; "
            f"manage.py install_weights {name} brings them from elsewhere."
        ) from error
    return cast(dict[str, Tensor], found)


def load(net: nn.Module, name: str, new: Sequence[str] = ()) -> None:
    """Fill a network that names its layers as torchvision does; layers whose names begin with one of `new` stay."""
    found = {key: value for key, value in imagenet(name).items() if not key.startswith(tuple(new))}
    own = {key: value for key, value in net.state_dict().items() if not key.startswith(tuple(new))}
    # files older than BatchNorm's counter lack it
    lacking = [key for key in own if key not in found and not key.endswith("num_batches_tracked")]
    if lacking or any(key not in own or own[key].shape != value.shape for key, value in found.items()):
        raise NoWeights(f"no ImageNet weights: those of {name} fit it at its full width only.")
    net.load_state_dict(found, strict=False)


@contextmanager
def _impatient() -> Iterator[None]:
    """torch.hub sets no time limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
