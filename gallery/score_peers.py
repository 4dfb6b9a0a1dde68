"""How fast others score the same photographs: run by a peer's own Python, so that it imports nothing of ours.

python score_peers.py timm|transformers|pyiqa FILE-OF-PATHS THREADS prints {"photos": n, "seconds": s} as its last line.
Each shows every photograph to two networks, EfficientNet-Lite0 and -Lite2 as timm has them, by its documented interface
and defaults, eager fp32. Their weights are made up: the time is the same, and nothing is downloaded.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

NETWORKS = ("tf_efficientnet_lite0", "tf_efficientnet_lite2")
BATCH = 32
WARM_UP = 8


def timm_loop() -> Callable[[list[str]], None]:
    """Open, timm's own transform, batches of 32 through timm's model: the loop of its documentation."""
    import timm
    import torch
    from PIL import Image

    nets = [timm.create_model(name, pretrained=False, num_classes=0).eval() for name in NETWORKS]
    made = [timm.data.create_transform(**timm.data.resolve_model_data_config(net), is_training=False) for net in nets]

    def run(paths: list[str]) -> None:
        with torch.inference_mode():
            for start in range(0, len(paths), BATCH):
                images = [Image.open(path).convert("RGB") for path in paths[start : start + BATCH]]
                for net, transform in zip(nets, made, strict=True):
                    net(torch.stack([transform(image) for image in images]))

    return run


def transformers_loop() -> Callable[[list[str]], None]:
    """pipeline("image-classification") over a list of files, with timm's networks as it wraps them."""
    import timm
    import transformers

    pipes = []
    for name in NETWORKS:
        config = transformers.TimmWrapperConfig(architecture=name, do_pooling=True)
        config.pretrained_cfg = timm.create_model(name, pretrained=False).pretrained_cfg
        net = transformers.TimmWrapperForImageClassification(config).eval()
        processor = transformers.TimmWrapperImageProcessor(pretrained_cfg=config.pretrained_cfg, architecture=name)
        pipes.append(transformers.pipeline("image-classification", model=net, image_processor=processor, device=-1))

    def run(paths: list[str]) -> None:
        for pipe in pipes:
            pipe(paths)

    return run


def pyiqa_loop() -> Callable[[list[str]], None]:
    """create_metric("nima") with the same backbones, a file a call. It would download them: here it may not."""
    import pyiqa
    import timm

    make = timm.create_model

    def without_weights(name: str, **options: Any) -> Any:
        return make(name, **{**options, "pretrained": False})

    with mock.patch.object(timm, "create_model", without_weights):
        metrics = [
            pyiqa.create_metric("nima", base_model_name=name, pretrained=False, device="cpu") for name in NETWORKS
        ]

    def run(paths: list[str]) -> None:
        for path in paths:
            for metric in metrics:
                metric(path)

    return run


LOOPS = {"timm": timm_loop, "transformers": transformers_loop, "pyiqa": pyiqa_loop}


def main(kind: str, listed: str, threads: str) -> None:
    import torch

    torch.set_num_threads(int(threads))
    torch.set_flush_denormal(True)  # networks without trained weights must not be slower for it
    paths = Path(listed).read_text().splitlines()
    run = LOOPS[kind]()
    run(paths[:WARM_UP])
    started = time.perf_counter()
    run(paths)
    print(json.dumps({"photos": len(paths), "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
