"""An image row by row against the same image in tiles: time, memory and recompute of one U-Net within one budget.

Tiles get the budget that one of 512 pixels takes; rows use what they need. Times are those of the running job: what
each does before its first pixel (measuring the receptive field, tracing) is printed apart, because it does not grow
with the image. Peaks are measured in processes of their own.

    python -m benchmarks.dense.row_stream [--size 1024] [--width 1024]
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from benchmarks.dense.peak import peak_megabytes
from benchmarks.timing import THREADS, compare, machine, table
from pixelwise.dense import TiledModel
from pixelwise.dense.graph.trace import lookup, trace
from pixelwise.dense.rows.schedule import peak_values
from pixelwise.dense.rows.stream import RowStream, stream_rows
from pixelwise.dense.tiles.memory import ActivationMemory
from pixelwise.dense.tiles.plan import WORKING_COPIES
from pixelwise.models import UNet

TILE = 512
CLASSES, WIDTH, DEPTH = 5, 16, 3
BANDS = (16, 64, 256)
ROUNDS = 3
Run = Callable[[], object]


def network() -> UNet:
    torch.manual_seed(0)
    return UNet(CLASSES, width=WIDTH, depth=DEPTH).eval()


def budget(model: UNet, tile: int) -> int:
    """Bytes of one tile without its halo."""
    return int(ActivationMemory(model).peak((tile, tile)) * WORKING_COPIES)


def row_runs(model: UNet, image: torch.Tensor) -> dict[str, Run]:
    """The image row by row, in bands of several heights, traced beforehand."""
    size = image.shape[1], image.shape[2]
    graph, tensors = trace(model, size), lookup(model)

    def run(band: int) -> torch.Tensor:
        scores = torch.empty(CLASSES, *size)

        def read(rows: tuple[int, int]) -> torch.Tensor:
            return image[None, :, rows[0] : rows[1]].contiguous(memory_format=torch.channels_last)

        stream = RowStream(graph, tensors, read)
        for start in range(0, size[0], band):
            scores[:, start : start + band] = stream.band(min(start + band, size[0]))[0]
        return scores

    for band in BANDS:
        needed = peak_values(graph, band) * 4 * WORKING_COPIES / 1e6
        print(f"  {f'rows, bands of {band}':22} recompute 1.00x, peak about {needed:.0f} MB")
    return {f"rows, bands of {band}": lambda band=band: run(band) for band in BANDS}


@torch.inference_mode()
def peak(name: str, size: tuple[int, int], tile: int) -> None:
    """Prints by how many megabytes this process grows while one contestant runs; called in a process of its own."""
    torch.set_num_threads(THREADS)
    model, image = network(), torch.rand(3, *size)
    memory = budget(model, tile)
    run: Run
    if name == "tiles":
        tiles = TiledModel(model, memory)
        run = lambda: tiles.run(image, reduce="argmax")  # noqa: E731
    else:
        trace(model, size)
        run = lambda: stream_rows(model, image, band=int(name), reduce="argmax")  # noqa: E731
    before = peak_megabytes()
    run()
    print(peak_megabytes() - before)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="rows of the image")
    parser.add_argument("--width", type=int, default=1024, help="columns of the image")
    parser.add_argument("--tile", type=int, default=TILE, help="the budget, as the side of one tile")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    torch.set_num_threads(THREADS)
    size = chosen.size, chosen.width
    model, image = network(), torch.rand(3, *size)
    memory = budget(model, chosen.tile)
    print(f"U-Net of width {WIDTH} and depth {DEPTH} on {size[0]}x{size[1]}, {memory / 1e6:.0f} MB; {machine()}")
    start = time.perf_counter()
    tiles = TiledModel(model, memory)
    plan, middle = tiles.plan(size), time.perf_counter()
    print(f"  {'tiles':22} {plan}; {middle - start:.1f} s to measure the network")
    runs: dict[str, Run] = {"tiles": lambda: tiles.run(image), **row_runs(model, image)}
    print(f"  {'rows':22} {time.perf_counter() - middle:.1f} s to trace it")
    difference = max(float((run() - runs["tiles"]()).abs().max()) for run in runs.values())  # type: ignore[operator]
    print(f"  largest difference {difference:.1e}")
    for name in ("tiles", *map(str, BANDS)):
        program = f"from benchmarks.dense.row_stream import peak; peak({name!r}, {size}, {chosen.tile})"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        print(f"  {name:22} grows by {float(done.stdout):.0f} MB")
    table(compare(runs, chosen.rounds), size[0] * size[1] / 1e6, "Mpx", "tiles")


if __name__ == "__main__":
    main()
