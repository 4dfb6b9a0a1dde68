"""Network files: a safetensors file (arrays, and the arguments that rebuild the network) and its card beside it.

The name carries the first eight hexadecimal digits of the file's SHA-256, so that a name says exactly which numbers.
"""

import dataclasses
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

SHIPPED = Path(__file__).parent / "shipped"
SUFFIX = ".safetensors"
_KEY = "evoke"  # one metadata key: safetensors does not keep the order of several, and the bytes must be reproducible


class NetworkFileError(ValueError):
    """A network file that cannot be used; the message is one sentence fit for a terminal."""


@dataclass(frozen=True)
class NetworkFile:
    """A network at rest: `name` (recipe-hash), arrays by name, the card, and where it lies (None if in memory)."""

    name: str
    arrays: dict[str, NDArray[Any]]
    card: dict[str, Any]
    path: Path | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What rebuilds the network beside its arrays; part of the hashed file."""
        return self.card["arguments"]


def load(path: str | Path) -> NetworkFile:
    """Read a network file; NetworkFileError if it is absent, truncated, altered, or not a network of ours."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NetworkFileError(f"The network file {path} cannot be read: {error.strerror}.") from error
    found = re.search(r"-([0-9a-f]{8})$", path.stem)
    if found is None:
        raise NetworkFileError(f"{path.name} is not named as a network file is (recipe-hash{SUFFIX}).")
    if hashlib.sha256(content).hexdigest()[:8] != found.group(1):
        raise NetworkFileError(f"{path.name} is damaged or altered: its content does not match the hash in its name.")
    arrays, arguments = _decode(path.name, content)
    return NetworkFile(path.stem, arrays, {**_read_card(path), "name": path.stem, "arguments": arguments}, path)


def save(
    folder: str | Path, recipe_name: str, arrays: Mapping[str, NDArray[Any]], card: Mapping[str, Any]
) -> NetworkFile:
    """Write arrays and card into `folder` under recipe_name-hash, each atomically, the card first. Raises OSError.

    `card["arguments"]` goes into the hashed file; the rest of the card (date, figures) does not change the name.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    arguments = json.dumps(card.get("arguments", {}), sort_keys=True)
    content = safetensors.numpy.save(kept, metadata={_KEY: arguments})
    name = f"{recipe_name}-{hashlib.sha256(content).hexdigest()[:8]}"
    full = {**card, "name": name, "bytes": len(content)}
    weights, beside = folder / f"{name}{SUFFIX}", folder / f"{name}.json"
    write(beside, (json.dumps(full, indent=1, sort_keys=True) + "\n").encode())
    try:
        write(weights, content)
    except OSError:
        if not weights.exists():
            beside.unlink()
        raise
    return NetworkFile(name, kept, full, weights)


def copied(network: NetworkFile, folder: str | Path) -> NetworkFile:
    """The same network with its card in another folder, byte for byte; `network` must lie in a file."""
    if network.path is None:
        raise NetworkFileError(f"{network.name} lies in no file.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in (network.path.with_suffix(".json"), network.path):
        if not (folder / path.name).is_file():
            write(folder / path.name, path.read_bytes())
    return dataclasses.replace(network, path=folder / network.path.name)


def shipped() -> NetworkFile:
    """The starter network that comes with the program."""
    found = sorted(SHIPPED.glob(f"starter-*{SUFFIX}"))
    if len(found) != 1:
        raise NetworkFileError(f"{SHIPPED} holds {len(found)} starter networks; exactly one belongs there.")
    return load(found[0])


def find(name: str, folder: Path | None = None) -> NetworkFile:
    """A network by file path, or by name among `folder` and the shipped ones; NetworkFileError if there is none."""
    if name.endswith(SUFFIX):
        return load(name)
    for place in (folder, SHIPPED):
        if place is not None and (path := place / f"{name}{SUFFIX}").is_file():
            return load(path)
    raise NetworkFileError(f"There is no network {name!r}: give the name of a network made here, or a {SUFFIX} file.")


def _decode(name: str, content: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    try:
        arrays = safetensors.numpy.load(content)
        length = int.from_bytes(content[:8], "little")
        arguments = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][_KEY])
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise NetworkFileError(f"{name} is not a network file of this program.") from error
    return arrays, arguments


def _read_card(path: Path) -> dict[str, Any]:
    card = path.with_suffix(".json")
    if not card.is_file():
        return {}
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NetworkFileError(f"{card.name}, the card of {path.name}, is not valid JSON.") from error
    if not isinstance(content, dict):
        raise NetworkFileError(f"{card.name}, the card of {path.name}, is not a JSON object.")
    return content


def write(path: Path, content: bytes) -> None:
    """Write atomically: a reader sees the whole file or none, and a full disk leaves nothing half-done behind."""
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(fresh, 0o644)
        os.replace(fresh, path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
