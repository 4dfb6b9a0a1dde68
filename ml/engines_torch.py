"""Engines that run the network in torch: on a CPU, or on every CUDA device, a copy of the network and a lane each."""

import queue
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml.engines import BATCH, CPU_BATCH, Floats, Pixels


class Torch:
    """torch, torch-bf16, torch-compile, cuda, cuda-tf32, cuda-bf16, cuda-bf16-compile; all in channels_last.

    With bf16 the backbones run in it, the heads in fp32: kernels on bf16 distances would order photographs anew.
    """

    outputs = 4

    def __init__(self, name: str, source: Path, threads: int) -> None:
        """source: the network's own file. Raises NetworkFileError, or RuntimeError where torch sees no device."""
        import torch

        from ml import files
        from ml.nets.starter import Starter

        kind, *how = name.split("-")
        self.name, self.fixed = name, "compile" in how or kind == "cuda"
        self.batch = BATCH.get(kind, CPU_BATCH)
        self._torch, self._bf16 = torch, "bf16" in how
        network = files.load(source)
        self._free: queue.SimpleQueue = queue.SimpleQueue()
        devices = _devices(kind)
        self.lanes = len(devices)
        if kind == "cuda":
            torch.backends.cudnn.allow_tf32 = "tf32" in how
        else:
            torch.set_num_threads(threads)
        for device in devices:
            module = Starter(network.arguments, network.arrays).eval().to(device)
            module = module.to(memory_format=torch.channels_last)
            if "compile" in how:
                module.features.compile()
            self._free.put((device, module))

    def run(self, pixels: Sequence[Pixels]) -> list[Floats]:
        torch = self._torch
        device, module = self._free.get()
        try:
            with torch.inference_mode():
                found = self._outputs(module, [self._moved(part, device) for part in pixels], device)
                return [output.float().cpu().numpy() for output in found]
        finally:
            self._free.put((device, module))

    def _outputs(self, module: Any, pixels: list[Any], device: Any) -> Any:
        """Backbones in bf16 where wanted, heads always in fp32."""
        with self._torch.autocast(device.type, self._torch.bfloat16, enabled=self._bf16):
            groups = [group.float() for group in module.features(*pixels)]
        return module.heads(groups)

    def _moved(self, part: Pixels, device: Any) -> Any:
        """On a GPU by pinned memory, so that the copy does not hold up this thread."""
        tensor = self._torch.from_numpy(np.ascontiguousarray(part))
        return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def _devices(kind: str) -> list[Any]:
    import torch

    if kind == "torch":
        return [torch.device("cpu")]
    if not torch.cuda.is_available():
        raise RuntimeError("torch sees no CUDA device")
    return [torch.device("cuda", place) for place in range(torch.cuda.device_count())]
