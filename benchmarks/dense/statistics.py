"""Image-wide statistics streamed over tiles: seconds, passes and memory against the network on the whole image.

The budget is a quarter of what the whole image's activations take. Measuring the halo takes the same time for
images of all sizes. The peak of each is measured in a process of its own.
"""

import itertools
import subprocess
import sys
import time

import torch
from torch import Tensor, nn

from benchmarks.dense.peak import peak_megabytes
from benchmarks.timing import THREADS, machine
from pixelwise.dense import TiledModel, tiled
from pixelwise.dense.statistics.freeze_statistics import freeze_statistics
from pixelwise.dense.tiles.memory import ActivationMemory
from pixelwise.dense.tiles.plan import WORKING_COPIES

SIDE, WIDTH = 1024, 16


class Level(nn.Module):
    """A level of a U-Net of strided convolutions with InstanceNorm, the deeper levels inside."""

    def __init__(self, outside: int, inside: int, deeper: nn.Module | None) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(outside, inside, 3, 2, 1), nn.InstanceNorm2d(inside), nn.PReLU())
        self.deeper = deeper
        width = inside if deeper is None else 2 * inside
        self.up = nn.Sequential(nn.ConvTranspose2d(width, outside, 3, 2, 1, 1), nn.InstanceNorm2d(outside), nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(x)
        return self.up(y if self.deeper is None else torch.cat([y, self.deeper(y)], 1))


class Excited(nn.Module):
    """A residual block with squeeze-and-excite gates."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolve = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolve(x)
        return x + y * self.gate(y)


class PoolingBranch(nn.Module):
    """The image-wide branch of DeepLab v3 beside a dilated one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(channels, channels, 3, padding=6, dilation=6)
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        pooled = nn.functional.interpolate(self.pooled(x), size=x.shape[2:], mode="bilinear")
        return torch.cat([self.near(x), pooled], 1)


def networks() -> dict[str, nn.Module]:
    """By name, with the same weights each time."""
    torch.manual_seed(0)
    w = WIDTH
    stem = nn.Conv2d(3, w, 3, padding=1), nn.ReLU()
    built = {
        "U-Net, InstanceNorm": nn.Sequential(*stem, Level(w, 2 * w, Level(2 * w, 4 * w, Level(4 * w, 8 * w, None)))),
        "residual, squeeze and excite": nn.Sequential(*stem, Excited(w), Excited(w), Excited(w)),
        "pooling branch": nn.Sequential(
            *(nn.Conv2d(3, 4 * w, 4, 4), nn.ReLU(), PoolingBranch(4 * w), nn.Conv2d(8 * w, w, 1)),
            nn.Upsample(scale_factor=4, mode="bilinear"),
        ),
    }
    return {name: nn.Sequential(network, nn.Conv2d(w, 5, 1)).eval() for name, network in built.items()}


def budget(network: nn.Module) -> int:
    return int(ActivationMemory(network).peak((SIDE, SIDE)) * WORKING_COPIES / 4)


@torch.no_grad()
def peak(name: str, streamed: bool) -> None:
    """Prints by how many megabytes this process grows during one run; called in a process of its own."""
    torch.set_num_threads(THREADS)
    network, image = networks()[name], torch.rand(3, SIDE, SIDE)
    small, limit = torch.rand(3, 64, 64), budget(network)
    # What torch loads at its first export is memory of the process, not of the image.
    tiled(freeze_statistics(network, small), small)
    before = peak_megabytes()
    if streamed:
        tiled(freeze_statistics(network, image, limit), image, limit)
    else:
        network(image[None])
    print(peak_megabytes() - before)


def measured_peak(name: str, streamed: bool) -> float:
    program = f"from benchmarks.dense.statistics import peak; peak({name!r}, {streamed})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(THREADS)
    print(f"{SIDE}x{SIDE} pixels, a quarter of the whole image's memory; {machine()}")
    image = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    freeze_statistics(nn.InstanceNorm2d(3), image)  # torch loads what export needs at its first call
    for name, network in networks().items():
        network(image[None])
        times = [time.perf_counter()]
        wanted = network(image[None])[0]
        times.append(time.perf_counter())
        tiles: list[int] = []
        frozen = freeze_statistics(network, image, budget(network), progress=lambda done, total: tiles.append(total))  # noqa: B023
        times.append(time.perf_counter())
        tiles_of_scores = TiledModel(frozen, budget(network))
        times.append(time.perf_counter())
        scores = tiles_of_scores.run(image)
        times.append(time.perf_counter())
        whole, freezing, measuring, tiling = (end - start for start, end in itertools.pairwise(times))
        print(
            f"{name:30} largest difference {(scores - wanted).abs().max():.1e} of {wanted.abs().max():.1e}\n"
            f"  whole image         {whole:6.2f} s  peak {measured_peak(name, False):5.0f} MB\n"
            f"  statistics          {freezing:6.2f} s  passes: {frozen.passes}, tiles: {tiles[-1]}\n"
            f"  measuring the halo  {measuring:6.2f} s\n"
            f"  scores in tiles     {tiling:6.2f} s  peak of all {measured_peak(name, True):5.0f} MB, "
            f"{(freezing + measuring + tiling) / whole:.1f} times the whole image's time"
        )


if __name__ == "__main__":
    main()
