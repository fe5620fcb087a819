"""A mosaic of 18,000 x 18,000 pixels through a U-Net within one gigabyte: time, and the peak of two areas.

The picture is a deep-zoom pyramid in a ZIP (../shared/data/large_image beside the checkout), read tile by tile as it
is. Each area is labelled in a process of its own, whose peak resident memory is printed. It follows the tiles that the
budget allows, not the area; a small area may be cut into smaller tiles, so that all are of one size.

    python -m benchmarks.dense.large_image              a part of 4,096 x 4,096, beside one of a quarter of its area
    python -m benchmarks.dense.large_image --part 18000 all of it
"""

import argparse
import io
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.dense.peak import peak_megabytes
from benchmarks.timing import THREADS, machine
from pixelwise.dense import tiled
from pixelwise.models import UNet

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "large_image" / "orion_18000x18000_dzi.zip"
SIDE, TILE, OVERLAP = 18_000, 254, 1  # Orion.dzi
MEMORY, LIMIT = "1GB", 1.5
CLASSES, WIDTH, DEPTH = 5, 16, 4
PART = 4096


class DeepZoom:
    """The full-resolution level of a deep-zoom pyramid in a ZIP, read region by region; the upper left part of it."""

    def __init__(self, path: Path, part: int) -> None:
        self.size = (part, part)
        self._zip = zipfile.ZipFile(path)

    def read(self, top: int, left: int, height: int, width: int) -> torch.Tensor:
        """A region, float RGB 0..1, from the tiles that it touches."""
        pixels = np.empty((height, width, 3), np.uint8)
        for y in range(top // TILE, (top + height - 1) // TILE + 1):
            for x in range(left // TILE, (left + width - 1) // TILE + 1):
                # Inner tiles repeat one row and column of the ones before them, which are left out.
                tile = self._tile(y, x)[OVERLAP * (y > 0) :, OVERLAP * (x > 0) :][:TILE, :TILE]
                rows, columns = clip(y * TILE, tile.shape[0], top, height), clip(x * TILE, tile.shape[1], left, width)
                part = tile[rows[0] - y * TILE : rows[1] - y * TILE, columns[0] - x * TILE : columns[1] - x * TILE]
                pixels[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left] = part
        return torch.from_numpy(pixels).movedim(-1, 0).float() / 255

    def _tile(self, y: int, x: int) -> np.ndarray:
        with Image.open(io.BytesIO(self._zip.read(f"orion_files/15/{x}_{y}.jpeg"))) as picture:
            return np.asarray(picture.convert("RGB"))


def clip(start: int, length: int, first: int, wanted: int) -> tuple[int, int]:
    """Where start..start + length meets first..first + wanted."""
    return max(start, first), min(start + length, first + wanted)


def label(part: int) -> None:
    """Labels one part and prints the seconds and the peak in megabytes; called in a process of its own."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    model = UNet(CLASSES, width=WIDTH, depth=DEPTH)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        out = Path(folder) / "labels.tif"
        tiled(model, DeepZoom(FILE, part), MEMORY, reduce="argmax", out=out, announce=announce, progress=tell)
    print(time.perf_counter() - start, peak_megabytes())


def announce(plan: object) -> None:
    print(f"  {plan}", file=sys.stderr)


def tell(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r  {done} of {total} tiles", end="\n" if done == total else "", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=int, default=PART, help="side of the area labelled; at most 18000")
    part = min(parser.parse_args().part, SIDE)
    torch.set_num_threads(THREADS)
    print(f"U-Net of width {WIDTH} and depth {DEPTH}, budget {MEMORY}, peak at most {LIMIT} GB; {machine()}")
    if not FILE.is_file():
        print(f"left out: no {FILE}")
        return
    for side in (part // 2, part):
        program = f"from benchmarks.dense.large_image import label; label({side})"
        done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
        seconds, peak = map(float, done.stdout.split())
        print(f"  {side}x{side}: {seconds:.0f} s, {side * side / 1e6 / seconds:.2f} Mpx/s, peak {peak:.0f} MB resident")


if __name__ == "__main__":
    main()
