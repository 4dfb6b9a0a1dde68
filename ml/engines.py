"""Engines that run a starter network: ONNX Runtime, OpenVINO and torch (CPU or CUDA), behind one small interface.

Which is fastest depends on the machine, so `measure` (a process of its own) tries them all on a few photographs; what
strays from fp32 eager torch by more than TOLERANCE, or orders photographs otherwise, is dropped. The finding is kept as
engines.json beside the exported networks, for this machine, these versions and this network. Nothing here loads torch
but the torch engines themselves: a process that scores by another never does.
"""

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
TOLERANCE = 1e-2  # of moods and scores; of embedding and rows by their largest value
RANKS = 0.999  # Spearman's rho of each score against fp32 eager
RECORD = "engines.json"
DEFAULT = "onnxruntime"
EVEN = 1.1  # ONNX Runtime is kept where others are less than a tenth faster
PATIENCE = 180  # seconds for one engine's test, compiling included
BATCH = {"cuda": 64}  # photographs a forward pass by device; larger ones were no faster on a CPU
CPU_BATCH = 16


class Engine(Protocol):
    """A network ready to run. Several threads may call `run` at once, up to `lanes` of them with profit."""

    name: str
    lanes: int
    outputs: int  # how many arrays `run` gives
    batch: int  # photographs a call at most; every call has as many where `fixed`
    fixed: bool

    def run(self, pixels: Sequence[Pixels]) -> list[Floats]:
        """Outputs (n, columns) for one array (n, s, s, 3) uint8 a backbone, n at most `batch`."""


@dataclass(frozen=True)
class Finding:
    """What the self-test says of one engine; `dropped`: why it is not used, or ""."""

    engine: str
    per_second: float = 0.0
    error: float = 0.0
    rank: float = 1.0
    dropped: str = ""


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def names() -> list[str]:
    """The engines that may run here, by what is installed; torch is not loaded to find out."""
    found = [DEFAULT]
    if find_spec("openvino") is not None:
        found.append("openvino")
    if find_spec("torch") is not None:
        found += ["torch", "torch-bf16", "torch-compile"]
        if has_cuda():
            found += ["cuda", "cuda-tf32", "cuda-bf16", "cuda-bf16-compile"]
    return found


def has_cuda() -> bool:
    """Whether the driver shows a device; torch has the last word (its engine is dropped where it cannot)."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "all") not in ("", "-1") and Path("/dev/nvidia0").exists()


def open_engine(name: str, model: Path, source: Path | None, threads: int | None) -> Engine:
    """The engine of that name. model: the ONNX file; source: the network's own file, for torch; threads: in all."""
    from ml import engines_onnx, engines_torch

    lanes = threads or processors()
    if name == "onnxruntime":
        return engines_onnx.OnnxRuntime(model, lanes)
    if name == "openvino":
        return engines_onnx.OpenVino(model, lanes)
    if source is None:
        raise ValueError(f"{name} needs the network's own file.")
    return engines_torch.Torch(name, source, lanes)


def run_all(engine: Engine, pixels: Sequence[Pixels]) -> list[Floats]:
    """Outputs for any number of photographs, on all lanes of the engine."""
    count = len(pixels[0])
    step = engine.batch if engine.fixed else min(engine.batch, -(-count // engine.lanes))
    parts = [[part[start : start + step] for part in pixels] for start in range(0, count, step)]
    if len(parts) == 1:
        return run_padded(engine, parts[0])
    with ThreadPoolExecutor(engine.lanes) as pool:
        found = list(pool.map(lambda part: run_padded(engine, part), parts))
    return [np.concatenate(outputs) for outputs in zip(*found, strict=True)]


def run_padded(engine: Engine, pixels: Sequence[Pixels]) -> list[Floats]:
    """Outputs of one batch, filled up with its last photograph where the engine wants one size."""
    count = len(pixels[0])
    if not engine.fixed or count == engine.batch:
        return engine.run(pixels)
    full = [np.concatenate([part, np.repeat(part[-1:], engine.batch - count, 0)]) for part in pixels]
    return [output[:count] for output in engine.run(full)]


# Choosing


@lru_cache(maxsize=1)
def machine() -> str:
    """This machine as far as speed depends on it: processor, how many, devices, versions."""
    facts = [_processor(), str(processors()), str(has_cuda()), platform.python_version()]
    for package in ("onnxruntime", "openvino", "torch"):
        try:
            facts.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(facts)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def key(network: str) -> str:
    """The key of a network's finding on this machine, in the record."""
    return f"{network} {hashlib.sha256(machine().encode()).hexdigest()[:12]}"


def recorded(network: str, cache_dir: Path) -> dict[str, Any] | None:
    """The finding kept for this network on this machine: chosen, findings, machine; None where it was never tested."""
    try:
        found = json.loads((cache_dir / RECORD).read_text()).get(key(network))
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) and found.get("chosen") in names() else None


def choose(network: str, model: Path, source: Path, cache_dir: Path, only: Sequence[str] = ()) -> str:
    """The fastest engine that says what fp32 eager says; measured once a machine (a minute or so), then remembered.

    only: engines to try; none: all that are installed. Where no engine can be tested, ONNX Runtime.
    """
    known = recorded(network, cache_dir)
    if known is not None:
        return str(known["chosen"])
    findings = [_tested(name, model, source) for name in (only or names())]
    good = [finding for finding in findings if not finding.dropped]
    chosen = max(good, key=_worth).engine if good else DEFAULT
    _record(network, cache_dir, {"chosen": chosen, "machine": machine(), "findings": [asdict(f) for f in findings]})
    for finding in findings:
        log.info("Engine %s: %s", finding.engine, finding.dropped or f"{finding.per_second:.1f} photographs a second")
    log.info("%s is scored by %s on this machine.", network, chosen)
    return chosen


def _worth(finding: Finding) -> float:
    """Its rate; another engine must beat ONNX Runtime by more than a test strays on a busy machine."""
    return finding.per_second * (EVEN if finding.engine == DEFAULT else 1.0)


def _tested(name: str, model: Path, source: Path) -> Finding:
    """One engine's self-test in a process of its own, which may load torch, hang or crash without harm."""
    root = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "ml.engines_test", name, str(model), str(source)]
    try:
        done = subprocess.run(  # noqa: S603  (our own module, no shell)
            command, capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, "PYTHONPATH": path}
        )
    except subprocess.TimeoutExpired:
        return Finding(name, dropped=f"its test took more than {PATIENCE} seconds")
    if done.returncode:
        return Finding(name, dropped=(done.stderr.strip().splitlines() or ["it crashed"])[-1][:200])
    return Finding(**json.loads(done.stdout.splitlines()[-1]))


def _record(network: str, cache_dir: Path, finding: dict[str, Any]) -> None:
    """Keep a finding beside those of other networks and machines; the file is replaced whole."""
    file = cache_dir / RECORD
    try:
        known = dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        known = {}
    with tempfile.NamedTemporaryFile("w", dir=cache_dir, prefix=".engines-", delete=False) as out:
        json.dump({**known, key(network): finding}, out, indent=1)
    os.replace(out.name, file)
