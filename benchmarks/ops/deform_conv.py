"""Deformable convolution, forward and forward plus backward, against torchvision where it is installed.

The floors are printed beside: a plain convolution of the same shapes, and the matrix products alone (one forward,
three with the backward pass). Peak memory is what a child process adds to its resident size in one call, warmed up by
a small one.
"""

import importlib.util
import multiprocessing
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from benchmarks.timing import compare, machine, table
from pixelwise.ops.deform_conv import deform_conv2d

CASES = ((1, 256, 50, 84), (4, 64, 56, 56))
KERNEL = 9
Contestants = dict[str, Callable[[], object]]
Tensors = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def tensors(case: tuple[int, int, int, int]) -> Tensors:
    """Input, offset, weight and mask of a modulated 3x3 convolution that keeps size and channels."""
    batch, channels, height, width = case
    torch.manual_seed(0)
    offset = torch.randn(batch, 2 * KERNEL, height, width) * 2
    weight = torch.randn(channels, channels, 3, 3) / (KERNEL * channels) ** 0.5
    return torch.randn(case), offset, weight, torch.rand(batch, KERNEL, height, width)


def implementations() -> dict[str, Callable[..., torch.Tensor]]:
    """The functions compared; all take torchvision's arguments."""
    found: dict[str, Callable[..., torch.Tensor]] = {"pixelwise": deform_conv2d}
    if importlib.util.find_spec("torchvision"):
        from torchvision.ops import deform_conv2d as peer

        found["torchvision"] = peer
    return found


def call(function: Callable[..., torch.Tensor], given: Tensors, backward: bool) -> Callable[[], object]:
    """One run as a function without arguments."""
    input, offset, weight, mask = (tensor.detach().requires_grad_(backward) for tensor in given)

    def run() -> object:
        output = function(input, offset, weight, None, padding=1, mask=mask)
        if backward:
            torch.autograd.grad(output, (input, offset, weight, mask), torch.ones_like(output))
        return output

    return run


def products(case: tuple[int, int, int, int], backward: bool) -> Callable[[], object]:
    """The matrix products of the convolution, with the columns there already."""
    batch, channels, height, width = case
    columns, matrix = torch.randn(batch * height * width, KERNEL * channels), torch.randn(KERNEL * channels, channels)
    grad = torch.randn(batch * height * width, channels)

    def run() -> object:
        output = columns @ matrix
        return (output, columns.t() @ grad, grad @ matrix.t()) if backward else output

    return run


def contestants(case: tuple[int, int, int, int], backward: bool) -> Contestants:
    given = tensors(case)
    found: Contestants = {name: call(function, given, backward) for name, function in implementations().items()}
    if not backward:
        last = tuple(tensor.contiguous(memory_format=torch.channels_last) for tensor in given)
        found["pixelwise, channels-last"] = call(deform_conv2d, last, backward)  # type: ignore[arg-type]

    def plain(input: torch.Tensor, _: torch.Tensor, weight: torch.Tensor, *__: object, **___: object) -> torch.Tensor:
        return F.conv2d(input, weight, padding=1)

    if not backward:
        found["floor: plain convolution"] = call(plain, given, backward)
    found["floor: matrix products alone"] = products(case, backward)
    return found


def added_memory(name: str, case: tuple[int, int, int, int], backward: bool) -> float:
    """Megabytes that one call adds to the resident size of this process, result and gradients included."""
    torch.set_num_threads(2)
    function = implementations()[name]
    call(function, tensors((1, 8, 8, 8)), backward)()
    run = call(function, tensors(case), backward)
    # The high-water mark may stem from the imports; the current size is what counts from here.
    resident = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    run()
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
    return (peak - resident) / 1e6


def main() -> None:
    for case in CASES:
        for backward in (False, True):
            title = f"{case}, 3x3, {'forward and backward' if backward else 'forward'}"
            for threads in (1, 2):
                torch.set_num_threads(threads)
                print(f"\n{title}; {machine()}")
                runs = contestants(case, backward)
                against = "torchvision" if "torchvision" in runs else "pixelwise"
                table(compare(runs, rounds=5), 1, "calls", against)
            if sys.platform == "linux":
                for name in implementations():
                    with multiprocessing.get_context("spawn").Pool(1) as pool:
                        added = pool.apply(added_memory, (name, case, backward))
                    print(f"peak memory added, {name}: {added:.0f} MB")


if __name__ == "__main__":
    main()
