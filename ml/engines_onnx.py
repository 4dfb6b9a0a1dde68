"""Engines that run the exported network on a CPU: ONNX Runtime, and OpenVINO where it is installed.

As many lanes as threads, each on one thread: no lane waits for another's layers, and none spins while photographs are
decoded beside it. On two cores two lanes did 1.4 to 2.7 times as many photographs as one lane on two threads.
"""

import queue
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from ml.engines import CPU_BATCH, Floats, Pixels


class OnnxRuntime:
    """fp32 on a CPU."""

    name, batch, fixed = "onnxruntime", CPU_BATCH, False

    def __init__(self, model: Path, lanes: int) -> None:
        self.lanes = lanes
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a call runs on the thread that makes it
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.outputs = len(self._session.get_outputs())

    def run(self, pixels: Sequence[Pixels]) -> list[Floats]:
        found: list[Floats] = self._session.run(None, {f"pixels{place}": part for place, part in enumerate(pixels)})
        return found


class OpenVino:
    """fp32 on a CPU; bf16 and fp16, where the processor has them, strayed from fp32 by .26 and .03 in a score."""

    name, batch, fixed = "openvino", CPU_BATCH, False

    def __init__(self, model: Path, lanes: int) -> None:
        import openvino

        self.lanes = lanes
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": str(lanes),
            "INFERENCE_NUM_THREADS": str(lanes),
        }
        compiled = openvino.Core().compile_model(str(model), "CPU", settings)
        self.outputs = len(compiled.outputs)
        self._free: queue.SimpleQueue = queue.SimpleQueue()
        for _ in range(lanes):
            self._free.put(compiled.create_infer_request())

    def run(self, pixels: Sequence[Pixels]) -> list[Floats]:
        request = self._free.get()
        try:
            found = request.infer({f"pixels{place}": part for place, part in enumerate(pixels)})
            return [np.array(found[place]) for place in range(self.outputs)]
        finally:
            self._free.put(request)
