"""Pasting masks, run lengths and overlaps of masks, beside torchvision and COCO's own tools where installed.

Equal work: the same 28 x 28 masks and boxes, thresholded at 0.5. torchvision gives soft values in whole images, which
its users threshold; ours are windows, whole images, or run lengths. Pixels that differ are counted before the race.
The first case is detectron2's benchmark of pasting: 64 masks of about 200 x 200 pixels in 800 x 800.
"""

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import compare, machine, table
from pixelwise.ops.masks import mask_iou
from pixelwise.ops.paste import paste_masks, paste_masks_full
from pixelwise.ops.run_lengths import encode_mask, rle_iou

CASES = {"64 masks, 800x800": (64, (800, 800), 200.0), "100 masks, 4K": (100, (2160, 3840), 500.0)}
"""Number of masks, size of the image, mean side of a box."""


def tensors(case: str) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int]]:
    """Masks and boxes inside the image; the spread of sides is a fifth of their mean, as in detectron2's benchmark."""
    torch.manual_seed(42)
    number, (height, width), side = CASES[case]
    centres = torch.rand(number, 2) * torch.tensor([width - side, height - side]) + side / 2
    sides = (torch.randn(number, 2) * side / 5 + side).clamp(min=50)
    limits = torch.tensor([width, height])
    boxes = torch.cat([(centres - sides / 2).clamp(min=0), (centres + sides / 2).minimum(limits)], dim=1)
    return torch.rand(number, 28, 28), boxes, (height, width)


def torchvision_paste(masks: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    return paste_masks_in_image(masks[:, None], boxes, size)[:, 0] >= 0.5


def torchvision_run_lengths(masks: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int]) -> object:
    from pycocotools import mask as coco

    return [coco.encode(np.asfortranarray(mask.numpy())) for mask in torchvision_paste(masks, boxes, size)]


Paste = Callable[[torch.Tensor, torch.Tensor, tuple[int, int]], object]


def pastes() -> dict[str, Paste]:
    found: dict[str, Paste] = {
        "windows": paste_masks,
        "whole images": paste_masks_full,
        "run lengths": lambda masks, boxes, size: paste_masks(masks, boxes, size).run_lengths(),
    }
    if importlib.util.find_spec("torchvision"):
        found["torchvision, whole images"] = torchvision_paste
        if importlib.util.find_spec("pycocotools"):
            found["torchvision and COCO, run lengths"] = torchvision_run_lengths
    return found


def memory(case: str, name: str) -> None:
    """Prints by how much one call raises the peak of this process, for a child to run."""
    given, paste = tensors(case), pastes()[name]
    paste(given[0][:1], given[1][:1] / 50, (50, 80))  # loads what the first call loads
    before = resident()
    paste(*given)
    print(resident() - before)


def resident() -> int:
    """The most memory this process has held so far, in MB: /proc, as a child's rusage begins with its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def peak(case: str, name: str) -> str:
    code = f"from benchmarks.ops.masks import memory; memory({case!r}, {name!r})"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def race(case: str, rounds: int) -> None:
    masks, boxes, size = tensors(case)
    against = "torchvision, whole images" if "torchvision, whole images" in pastes() else "whole images"
    if against.startswith("torchvision"):
        different = paste_masks_full(masks, boxes, size) != torchvision_paste(masks, boxes, size)
        print(f"  pixels that differ from torchvision's: {int(different.sum())} of {different.numel()}")
        del different
    runs = {name: functools.partial(paste, masks, boxes, size) for name, paste in pastes().items()}
    table(compare(runs, rounds), len(masks), "masks", against)


def overlaps() -> None:
    """30 masks of a 480 x 640 image with each other, as stacks and as run lengths."""
    rows, columns = torch.arange(480)[:, None], torch.arange(640)
    torch.manual_seed(0)
    centres, radii = torch.rand(30, 2) * 400, torch.rand(30) * 70 + 20
    masks = torch.stack([(rows - y) ** 2 + (columns - x) ** 2 < r**2 for (y, x), r in zip(centres, radii, strict=True)])
    lengths = [encode_mask(mask.numpy()) for mask in masks]
    runs: dict[str, Callable[[], object]] = {
        "mask_iou": lambda: mask_iou(masks, masks),
        "rle_iou": lambda: rle_iou(lengths, lengths),
    }
    against = "rle_iou"
    if importlib.util.find_spec("pycocotools"):
        from pycocotools import mask as coco

        theirs = [coco.encode(np.asfortranarray(mask.numpy())) for mask in masks]
        against = "COCO's iou of run lengths"
        runs[against] = lambda: coco.iou(theirs, theirs, [0] * len(theirs))
    table(compare(runs), 900, "pairs", against)


def main() -> None:
    for threads in (1, 2):
        torch.set_num_threads(threads)
        print(f"Masks; {machine()}")
        for case, rounds in zip(CASES, (7, 2), strict=True):
            print(case)
            race(case, rounds)
        print("Overlap of 30 masks with each other, 480x640")
        overlaps()
    print("Peak memory beside the inputs of one call in a process of its own, MB")
    for case in CASES:
        for name in pastes():
            print(f"  {case}, {name}: {peak(case, name)}")


if __name__ == "__main__":
    main()
