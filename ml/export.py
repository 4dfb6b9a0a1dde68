"""Export to ONNX, in a process of its own so that those who score never load torch.

python -m ml.export network FILE OUT    |    python -m ml.export features ARGUMENTS-AS-JSON OUT
"""

import json
import sys
import warnings
from pathlib import Path

import torch

from ml import files
from ml.nets.starter import Features, Starter

OUTPUTS = ("moods", "scores", "embedding", "rows", "cues")


def export(module: torch.nn.Module, sizes: list[int], outputs: tuple[str, ...], out: Path) -> None:
    """Write the module as ONNX; one uint8 input (n, s, s, 3) a size, named pixels0, pixels1 ..."""
    inputs = [f"pixels{place}" for place in range(len(sizes))]
    pixels = tuple(torch.zeros((2, size, size, 3), dtype=torch.uint8) for size in sizes)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            module.eval(),
            pixels,
            str(out),
            dynamo=False,
            input_names=inputs,
            output_names=list(outputs),
            dynamic_axes={name: {0: "n"} for name in (*inputs, *outputs)},
        )


def main(kind: str, source: str, out: str) -> None:
    """Export one network file, or the features alone (for training)."""
    if kind == "network":
        network = files.load(source)
        arguments = network.arguments
        module: torch.nn.Module = Starter(arguments, network.arrays)
        outputs: tuple[str, ...] = OUTPUTS
    else:
        arguments = json.loads(source)
        module = Features([b["name"] for b in arguments["backbones"]], arguments["groups"])
        outputs = tuple(f"{b['name']}.{group}" for b in arguments["backbones"] for group in arguments["groups"])
    export(module, [b["size"] for b in arguments["backbones"]], outputs, Path(out))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (files.NetworkFileError, OSError) as error:
        sys.exit(str(error))
