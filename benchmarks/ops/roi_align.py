"""Pooling of regions beside torchvision's compiled ops: detectron2's cases, boxes all over the image, and a pyramid.

Equal work: the same features, boxes and gradients, results compared before the clock runs. torchvision's kernels run on
one thread whatever is allowed. Its gradient and its features are in plain layout; ours in both.
Peak memory is that of a fresh process that runs the op once, less that of one that only makes the tensors.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.timing import compare, machine, table
from pixelwise.ops.pyramid import pyramid_roi_align
from pixelwise.ops.roi_align import roi_align
from pixelwise.ops.roi_pool import roi_pool

REGIONS, CHANNELS, SIDE, BINS = 512, 256, 128, 7
ROUNDS = 3
SCALES = (1 / 4, 1 / 8, 1 / 16, 1 / 32)
PEER = importlib.util.find_spec("torchvision") is not None

Op = Callable[[Tensor, Tensor], Tensor]


def boxes_around(mean: tuple[int, int, int, int], spread: float) -> Tensor:
    """detectron2's random boxes: every corner uniform in its own range, clipped to the features."""
    corners = torch.rand(REGIONS, 4) * spread + torch.tensor(mean)
    return torch.cat([torch.zeros(REGIONS, 1), corners.clamp(0, SIDE)], 1)


def boxes_everywhere(number: int, height: float, width: float, smallest: float, largest: float) -> Tensor:
    sides = smallest + torch.rand(number, 2) * (largest - smallest)
    start = torch.rand(number, 2) * (torch.tensor([width, height]) - sides)
    return torch.cat([torch.zeros(number, 1), start, start + sides], 1)


def cases() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        "large": boxes_around((80, 80, 130, 130), 24),
        "small": boxes_around((100, 100, 110, 110), 4),
        "everywhere": boxes_everywhere(REGIONS, SIDE, SIDE, 5, 35),
    }


def ours(ratio: int) -> Op:
    return lambda features, boxes: roi_align(features, boxes, BINS, 1.0, ratio, True)


def theirs(ratio: int) -> Op:
    from torchvision.ops import roi_align as peer

    return lambda features, boxes: peer(features, boxes, BINS, 1.0, ratio, True)  # type: ignore[no-any-return]


def backward(op: Op, features: Tensor, boxes: Tensor, grad: Tensor) -> Callable[[], object]:
    leaf = features.clone().requires_grad_()
    out = op(leaf, boxes)
    return lambda: torch.autograd.grad(out, leaf, grad, retain_graph=True)


def one_case(name: str, boxes: Tensor, ratio: int) -> None:
    plain = torch.rand(1, CHANNELS, SIDE, SIDE)
    last = plain.contiguous(memory_format=torch.channels_last)
    grad = torch.rand(REGIONS, CHANNELS, BINS, BINS)
    grad_last = grad.contiguous(memory_format=torch.channels_last)
    ways = {"pixelwise, channels last": (ours(ratio), last, grad_last), "pixelwise, plain": (ours(ratio), plain, grad)}
    if PEER:
        ways = {"torchvision": (theirs(ratio), plain, grad), **ways}
        difference = (theirs(ratio)(plain, boxes) - ours(ratio)(last, boxes)).abs().max().item()
        print(f"largest difference from torchvision {difference:.1e}")
    against = next(iter(ways))
    print(f"{name} boxes, {ratio or 'adaptive'} samples, forward")
    forward = {way: (lambda op=op, x=x: op(x, boxes)) for way, (op, x, _) in ways.items()}
    table(compare(forward, ROUNDS), REGIONS, "regions", against)
    print(f"{name} boxes, {ratio or 'adaptive'} samples, backward")
    table(
        compare({way: backward(op, x, boxes, g) for way, (op, x, g) in ways.items()}, ROUNDS),
        REGIONS,
        "regions",
        against,
    )


def pyramid_case(number: int, bins: int) -> None:
    torch.manual_seed(0)
    levels = [torch.rand(1, CHANNELS, 800 >> k, 1344 >> k) for k in range(2, 6)]
    levels_last = [level.contiguous(memory_format=torch.channels_last) for level in levels]
    boxes = boxes_everywhere(number, 800, 1333, 16, 700)
    run = {
        "pixelwise, channels last": lambda: pyramid_roi_align(levels_last, boxes, bins, SCALES),
        "pixelwise, plain": lambda: pyramid_roi_align(levels, boxes, bins, SCALES),
    }
    if PEER:
        from torchvision.ops import MultiScaleRoIAlign

        pooler = MultiScaleRoIAlign(["0", "1", "2", "3"], bins, 2)
        named = {str(k): level for k, level in enumerate(levels)}
        run = {"torchvision": lambda: pooler(named, [boxes[:, 1:]], [(800, 1344)]), **run}
    print(f"pyramid of 800 x 1344 pixels, {number} boxes of {bins} x {bins} bins, forward")
    table(compare(run, ROUNDS), number, "regions", next(iter(run)))


def pool_case(boxes: Tensor) -> None:
    plain = torch.rand(1, CHANNELS, SIDE, SIDE)
    last = plain.contiguous(memory_format=torch.channels_last)
    run = {
        "pixelwise, channels last": lambda: roi_pool(last, boxes, BINS),
        "pixelwise, plain": lambda: roi_pool(plain, boxes, BINS),
    }
    if PEER:
        from torchvision.ops import roi_pool as peer

        run = {"torchvision": lambda: peer(plain, boxes, BINS), **run}
    print("roi_pool, boxes everywhere, forward")
    table(compare(run, ROUNDS), REGIONS, "regions", next(iter(run)))


def memory(way: str) -> None:
    """Runs one op once and prints the peak of this process in MB; the way "none" only makes the tensors."""
    boxes, layout = cases()["large"], torch.contiguous_format if "plain" in way else torch.channels_last
    features = torch.rand(1, CHANNELS, SIDE, SIDE).contiguous(memory_format=layout)
    op = theirs(2) if way.startswith("torchvision") else ours(2)
    op(features, boxes[:1])
    if not way.startswith("none"):
        features.requires_grad_("backward" in way)
        out = op(features, boxes)
        if "backward" in way:
            out.backward(torch.ones_like(out))
    status = Path("/proc/self/status").read_text()  # getrusage would count the parent's peak as well
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def memory_table() -> None:
    print("peak memory of one call, MB over the features (the result alone is 25 MB), large boxes, 2 samples")

    def peak(way: str) -> float:
        command = [sys.executable, "-m", "benchmarks.ops.roi_align", way]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    base = {layout: peak(f"none {layout}") for layout in ("plain", "last")}
    for way in (["torchvision plain"] if PEER else []) + ["pixelwise last", "pixelwise plain"]:
        layout = way.split()[1]
        both = peak(way) - base[layout], peak(f"{way} backward") - base[layout]
        print(f"{way:34} forward {both[0]:6.0f}   forward and backward {both[1]:6.0f}")


def main() -> None:
    for threads in (1, 2):
        torch.set_num_threads(threads)
        print(f"roi_align, {REGIONS} regions, {CHANNELS} channels, {SIDE}x{SIDE}, {BINS}x{BINS} bins; {machine()}")
        for name, boxes in cases().items():
            for ratio in (2, 0):
                one_case(name, boxes, ratio)
        pyramid_case(1000, 7)
        pyramid_case(100, 14)
        pool_case(cases()["everywhere"])
    memory_table()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        memory(sys.argv[1])
    else:
        main()
