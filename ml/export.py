"""Export to ONNX, in a process of its own so that those who score never load torch.

python -m ml.export network FILE OUT      |    python -m ml.export features ARGUMENTS-AS-JSON OUT
python -m ml.export objects lite2|FILE OUT |    python -m ml.export scenes FOLDER OUT
"""

import json
import sys
import warnings
from pathlib import Path

import onnx
import torch

from ml import concepts, files, recipes
from ml.data import places365
from ml.nets import classes
from ml.nets.starter import Features, Starter

OUTPUTS = ("moods", "scores", "embedding", "rows")
CLASSES = ("classes", "probabilities")


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


def export_objects(source: str, out: Path) -> None:
    """The five likeliest ImageNet classes of a photograph; the names of all go into the file."""
    module = classes.Top(classes.objects(source), k=5)
    export(module, [concepts.OBJECTS[Path(source).stem.partition("-")[0]]["size"]], CLASSES, out)
    _note(out, classes=classes.IMAGENET_CLASSES)


def export_scenes(folder: Path, out: Path) -> None:
    """The ten likeliest scenes, as many as vote on indoor or outdoor (Places365's own rule)."""
    names, indoor = places365.read(folder)
    weights = places365.weights_in(folder)
    if weights is None:
        raise files.NetworkFileError(f"There are no weights of Places365 in {folder}.")
    net = classes.scenes(places365.WEIGHTS[weights.name], weights)
    if net.count != len(names):
        raise files.NetworkFileError(f"{weights.name} knows {net.count} scenes, {places365.CATEGORIES} {len(names)}.")
    export(classes.Top(net, k=min(10, len(names))), [concepts.SCENES["size"]], CLASSES, out)
    _note(out, classes=names, indoor=indoor)


def _note(out: Path, **notes: list) -> None:
    """Write lists into an exported file, as JSON by name."""
    model = onnx.load(out)
    onnx.helper.set_model_props(model, {name: json.dumps(note) for name, note in notes.items()})
    onnx.save(model, out)


def main(kind: str, source: str, out: str) -> None:
    """Export one network file, the features alone (for training), or a classifier of objects or scenes."""
    if kind == "objects":
        return export_objects(source, Path(out))
    if kind == "scenes":
        return export_scenes(Path(source), Path(out))
    if kind == "network":
        network = files.load(source)
        arguments = network.arguments
        module: torch.nn.Module = Starter(arguments, network.arrays)
        outputs: tuple[str, ...] = OUTPUTS
    else:
        arguments = json.loads(source)
        module = Features([b["name"] for b in arguments["backbones"]], arguments["groups"])
        names = [b["name"] for b in arguments["backbones"]]
        outputs = tuple(f"{name}.{group}" for name in names for group in recipes.groups_of(name, arguments["groups"]))
    export(module, [b["size"] for b in arguments["backbones"]], outputs, Path(out))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (files.NetworkFileError, OSError) as error:
        sys.exit(str(error))
