"""FlowNet's correlation against shifting and multiplying, and RAFT's lookup against grid_sample.

Every contestant gets the same maps and gives the same numbers, which is checked first. "Useful" are the products that
the result consists of, 2 * C * D * D * H * W operations; they are compared with the best rate of a large matrix product
in the same run. Memory is how far the resident size peaks above its start during the call at 256x48x64 (features of a
picture of 384x512), each in a process of its own, after a warm-up on small maps; 21x21 float32 results take 5.2 MiB.
"""

import statistics
import subprocess
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.timing import compare, machine, table
from pixelwise.ops.all_pairs import all_pairs_correlation, lookup_correlation
from pixelwise.ops.correlation import correlation
from pixelwise.ops.warp import pixel_centres

RADIUS, STRIDE = 10, 2  # FlowNetC: 21 x 21 displacements
SIZES = {"256x48x64": (1, 256, 48, 64), "256x55x128": (1, 256, 55, 128)}  # of 384x512 and 436x1024 at stride 8
LOOKUP_RADIUS, LEVELS = 4, 4  # RAFT's
PEER = "shift and multiply, NCHW"

Function = Callable[[Tensor, Tensor], Tensor]


def shifts(size: tuple[int, int]) -> list[tuple[slice, slice]]:
    """For each displacement, dy slow and dx fast, the window of the padded second map."""
    starts = range(0, 2 * RADIUS * STRIDE + 1, STRIDE)
    return [(slice(y, y + size[0]), slice(x, x + size[1])) for y in starts for x in starts]


def shifted_nchw(first: Tensor, second: Tensor) -> Tensor:
    padded = F.pad(second, (RADIUS * STRIDE,) * 4)
    windows = shifts((first.shape[2], first.shape[3]))
    return torch.stack([(first * padded[:, :, rows, columns]).mean(1) for rows, columns in windows], 1)


def shifted_nhwc(first: Tensor, second: Tensor) -> Tensor:
    padded = F.pad(second, (RADIUS * STRIDE,) * 4).permute(0, 2, 3, 1).contiguous()
    last = first.permute(0, 2, 3, 1).contiguous()
    windows = shifts((first.shape[2], first.shape[3]))
    products = [torch.linalg.vecdot(last, padded[:, rows, columns]) for rows, columns in windows]
    return torch.stack(products, 1) / first.shape[1]


def all_pairs(first: Tensor, second: Tensor) -> Tensor:
    """Every pair of places in one matrix product, then the 441 that are wanted."""
    batch, channels, height, width = first.shape
    reach = RADIUS * STRIDE
    padded = F.pad(second, (reach,) * 4)
    volume = torch.bmm(first.flatten(2).transpose(1, 2), padded.flatten(2)) / channels
    wide = width + 2 * reach
    corner = torch.arange(height)[:, None] * wide + torch.arange(width)
    steps = torch.arange(0, 2 * reach + 1, STRIDE)
    places = corner.flatten()[:, None] + (steps[:, None] * wide + steps).flatten()
    values = volume.gather(2, places.expand(batch, -1, -1))
    return values.transpose(1, 2).reshape(batch, -1, height, width)


CONTESTANTS: dict[str, Function] = {
    "pixelwise": correlation,
    PEER: shifted_nchw,
    "shift and multiply, NHWC": shifted_nhwc,
    "all pairs and gather": all_pairs,
}


def gemm_rate() -> float:
    """Operations per second of a large matrix product, best of several."""
    side = 1024
    left, right = torch.randn(2, side, side)
    seconds = compare({"gemm": lambda: left @ right}, rounds=9)["gemm"]
    return 2 * side**3 / min(seconds)


def backward(function: Function, first: Tensor, second: Tensor) -> Callable[[], object]:
    """The gradients to both maps, the graph made beforehand."""
    first, second = first.clone().requires_grad_(), second.clone().requires_grad_()
    result = function(first, second)
    weights = torch.randn_like(result)
    return lambda: torch.autograd.grad(result, (first, second), weights, retain_graph=True)


def milliseconds(seconds: dict[str, list[float]]) -> None:
    print("    ms: " + ", ".join(f"{name} {1000 * statistics.median(values):.0f}" for name, values in seconds.items()))


def correlations(shape: tuple[int, ...], rounds: int) -> None:
    first, second = torch.randn(2, *shape)
    expected = shifted_nchw(first, second)
    for name, function in CONTESTANTS.items():
        print(f"    {name}: differs by {(function(first, second) - expected).abs().max():.1e}")
    print("  forward")
    seconds = compare({name: lambda f=function: f(first, second) for name, function in CONTESTANTS.items()}, rounds)
    table(seconds, shape[0], "pairs", PEER)
    milliseconds(seconds)
    useful = 2 * expected.numel() * shape[1]
    peak = gemm_rate()
    rate = useful / statistics.median(seconds["pixelwise"])
    print(f"    useful {useful / 1e9:.2f} GFLOP at {rate / 1e9:.0f} GFLOP/s; GEMM {peak / 1e9:.0f}: {rate / peak:.0%}")
    print("  backward to both maps")
    seconds = compare({name: backward(function, first, second) for name, function in CONTESTANTS.items()}, rounds)
    table(seconds, shape[0], "pairs", PEER)
    milliseconds(seconds)


def sampled(pyramid: tuple[Tensor, ...], coordinates: Tensor) -> Tensor:
    """The lookup by grid_sample, as RAFT's own code does it, in our coordinates."""
    batch, height, width = pyramid[0].shape[:3]
    steps = torch.arange(-LOOKUP_RADIUS, LOOKUP_RADIUS + 1.0)
    around = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    results = []
    for k, level in enumerate(pyramid):
        maps = level.flatten(0, 2)[:, None]
        positions = coordinates.movedim(1, -1).reshape(-1, 1, 1, 2) / 2**k + around
        grid = positions * 2 / torch.tensor(maps.shape[:1:-1]) - 1
        results.append(F.grid_sample(maps, grid, align_corners=False).flatten(1))
    return torch.cat(results, 1).view(batch, height, width, -1).movedim(-1, 1)


def lookups(rounds: int) -> None:
    first, second = torch.randn(2, 1, 128, 48, 64)
    pyramid = all_pairs_correlation(first, second, LEVELS)
    coordinates = pixel_centres(48, 64, like=first)[None] + torch.randn(1, 2, 48, 64) * 5
    expected = sampled(pyramid, coordinates)
    difference = (lookup_correlation(pyramid, coordinates, LOOKUP_RADIUS) - expected).abs().max()
    print(f"RAFT's lookup, 48x64, {LEVELS} levels, radius {LOOKUP_RADIUS}: differs by {difference:.1e}")
    seconds = compare(
        {
            "pixelwise lookup": lambda: lookup_correlation(pyramid, coordinates, LOOKUP_RADIUS),
            "grid_sample": lambda: sampled(pyramid, coordinates),
        },
        rounds,
    )
    table(seconds, 1, "lookups", "grid_sample")
    volume = compare({"volume": lambda: all_pairs_correlation(first, second, LEVELS)}, rounds=3)
    milliseconds(volume)


MEMORY = """
import sys, torch
from pathlib import Path
from benchmarks.ops.correlation import CONTESTANTS, SIZES
torch.set_num_threads(1)
def resident(line):
    return int(Path("/proc/self/status").read_text().split(line)[1].split()[0]) / 1024
def rise(call):
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is resident now
    start = resident("VmRSS:")
    result = call()
    return resident("VmHWM:") - start, result
function = CONTESTANTS[sys.argv[1]]
function(*torch.randn(2, 1, 8, 8, 8, requires_grad=True).unbind()).sum().backward()
first, second = (torch.randn(SIZES["256x48x64"], requires_grad=True) for _ in range(2))
if sys.argv[2] == "forward":
    torch.set_grad_enabled(False)
    print(f"{rise(lambda: function(first, second))[0]:.0f} MiB")
else:
    print(f"{rise(lambda: function(first, second).sum().backward())[0]:.0f} MiB")
"""
"""Linux only: the peak of a process can be set back there."""


def memory() -> None:
    for name in CONTESTANTS:
        for work in ("forward", "forward and backward"):
            command = [sys.executable, "-c", MEMORY, name, work]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"    {name}, {work}: {answer.stdout.strip()}")


def main() -> None:
    torch.manual_seed(0)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        print(machine())
        for name, shape in SIZES.items():
            if threads == 1 or name == "256x48x64":
                print(f"{name}, {(2 * RADIUS + 1) ** 2} displacements")
                correlations(shape, rounds=3)
        lookups(rounds=5)
    print("peak memory, 256x48x64")
    memory()


if __name__ == "__main__":
    main()
