"""Mask R-CNN R50-FPN on one image of 800 x 1333 pixels: from the image to pasted masks, beside torchvision's.

Equal work: the same weights and image, 1000 proposals, 100 objects with masks. torchvision gives soft masks in whole
images, as it does; ours are windows cut at 0.5, as ours are. Each is run as it comes, channels last, and in bfloat16
(torchvision by autocast); ours with its batch norms folded, and with Winograd's convolutions. Before the race the
objects are compared with those of torchvision in float32. The peak of memory is that of a fresh process, over what it
holds before the image comes.

    python -m benchmarks.detection.inference [--threads N] [--rounds N] [--size H W] [--processor-time]
"""

import argparse
import copy
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.dense.peak import peak_megabytes
from benchmarks.detection.networks import PEER, SIZE, ours, scenes, torchvisions
from benchmarks.timing import THREADS, compare, machine, table
from pixelwise.dense import use_winograd
from pixelwise.models.detection.detect import detect
from pixelwise.models.detection.folding import fold_detector
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.shapes import Size

ROUNDS = 5

OURS = (
    "pixelwise",
    "pixelwise, folded, channels last",
    "pixelwise, folded, Winograd",
    "pixelwise, folded, bfloat16",
)
THEIRS = ("torchvision", "torchvision, channels last", "torchvision, channels last, bfloat16")

Boxes = tuple[Tensor, Tensor, Tensor]
"""Boxes, scores, labels."""


def prepared(name: str, network: MaskRCNN, size: Size) -> nn.Module:
    """The network of one contestant."""
    model = torchvisions(network, size) if name in THEIRS else copy.deepcopy(network)
    if name in OURS and "folded" in name:
        model = fold_detector(network)
    if name == OURS[2]:
        model = use_winograd(model)
    if name == OURS[3]:
        model.bfloat16()
    if name not in (OURS[0], THEIRS[0]):
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def run(name: str, model: nn.Module, images: list[Tensor]) -> Callable[[], list[Boxes]]:
    """One prediction as a function without arguments."""
    device = images[0].device.type

    def once() -> list[Boxes]:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=name == THEIRS[2]):
            if name in THEIRS:
                return [(one["boxes"], one["scores"], one["labels"]) for one in model(images)]
            return [(one.boxes, one.scores, one.labels) for one in detect(model, images)]  # type: ignore[type-var]

    return once


def print_deviations(found: dict[str, list[Boxes]]) -> None:
    """How the objects of the first image differ from those of the last contestant's.

    Each object is compared with the one of the same label whose box is nearest; those without a box within a pixel
    are counted.
    """
    against = THEIRS[0] if THEIRS[0] in found else OURS[0]
    boxes, scores, labels = found[against][0]
    print(f"{'objects':42} found  partners within a pixel  their boxes   and scores differ by at most")
    for name, ((own, sure, kinds), *_) in found.items():
        distance = torch.cdist(own.double(), boxes.double(), p=torch.inf)
        distance[kinds[:, None] != labels] = torch.inf
        near, partner = distance.min(1)
        same = near < 1
        far = f"{float(near[same].max()):9.1e} px" if same.any() else "none"
        surer = f"{float((sure - scores[partner])[same].abs().max()):12.1e}" if same.any() else ""
        print(f"{name:42} {len(own):5} {int(same.sum()):24} {far} {surer}")


def memory(name: str, size: Size) -> None:
    """Prints by how much one prediction raises the peak of this process, in MB."""
    torch.set_num_threads(THREADS)
    model = prepared(name, ours(size), size)
    images = scenes(1, size).images
    run(name, model, [images[0][:, :64, :64].contiguous()])()  # loads what the first call loads
    # The peak so far is that of building the model, much of it free by now: start again from what is held (proc(5)).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = peak_megabytes()
    run(name, model, images)()
    print(f"{peak_megabytes() - before:.0f}")


def memory_table(names: list[str], size: Size) -> None:
    print("peak memory of one prediction over the model and what the first small call loads, MB")
    for name in names:
        command = [sys.executable, "-m", "benchmarks.detection.inference", "--memory", name, "--size", *map(str, size)]
        print(f"  {name:42} {subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()}")


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--size", type=int, nargs=2, default=SIZE)
    parser.add_argument("--processor-time", action="store_true", help="where others use the machine; one thread")
    parser.add_argument("--memory", help="what the table of memory runs: one contestant")
    asked = parser.parse_args(words)
    size = asked.size[0], asked.size[1]
    if asked.memory:
        memory(asked.memory, size)
        return
    torch.set_num_threads(asked.threads)
    print(f"Mask R-CNN R50-FPN, one image of {size[0]}x{size[1]}; {machine()}")
    network, images = ours(size), scenes(1, size).images
    names = [*OURS, *(THEIRS if PEER else ())]
    races = {name: run(name, prepared(name, network, size), images) for name in names}
    print_deviations({name: once() for name, once in races.items()})
    clock = time.process_time if asked.processor_time else time.perf_counter
    table(compare(races, asked.rounds, clock), 1, "images", THEIRS[0] if PEER else OURS[0])
    memory_table(names, size)


if __name__ == "__main__":
    main(sys.argv[1:])
