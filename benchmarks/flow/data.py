"""Pairs a second on one core: making them, augmenting them, and reading their files, beside OpenCV's readers."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.pasture import stay_on_one_core
from benchmarks.timing import compare, machine, table
from pixelwise.data.flow import FlowAugmentation, augment_pair, flow_augmentation, read_flow
from pixelwise.data.flying import Recipe, draw_frames
from pixelwise.data.formats.flo import write_flo
from pixelwise.data.formats.kitti import write_kitti_flow
from pixelwise.data.formats.netpbm import write_netpbm
from pixelwise.data.images import read_image
from pixelwise.data.pasture import Knobs, PasturePairs
from pixelwise.data.transforms import Colour

GOAL = 15
"""Pairs of 384 x 512 pixels a second and core: 16 cores then feed a GPU that trains on 240."""

PAIRS = 12
ROUNDS = 7


def makers() -> dict[str, Callable[[], object]]:
    """Generators at several sizes; each call makes `PAIRS` pairs, the same in every round."""

    def flying(size: tuple[int, int]) -> Callable[[], object]:
        return lambda: [draw_frames(Recipe(size), 0, index) for index in range(PAIRS)]

    def pasture(size: tuple[int, int]) -> Callable[[], object]:
        scenes = PasturePairs(Knobs(size=size), 0, PAIRS)
        return lambda: [scenes[index] for index in range(PAIRS)]

    return {
        "flying shapes 384x512": flying((384, 512)),
        "flying shapes 192x256": flying((192, 256)),
        "flying shapes 96x128": flying((96, 128)),
        "Pasture 384x512": pasture((384, 512)),
        "Pasture 96x128": pasture((96, 128)),
    }


def augmenters() -> dict[str, Callable[[], object]]:
    """Augmentation of pairs of 384 x 512 pixels to crops of 320 x 448."""
    pairs = [draw_frames(Recipe(), 0, index).pair() for index in range(PAIRS)]
    crop = (320, 448)
    settings = {
        "crop alone": FlowAugmentation(crop),
        "crop and colours": FlowAugmentation(crop, colour=Colour(0.15, 0.4, 0.4), asymmetric=Colour(0.03, 0.1)),
        "everything": flow_augmentation(crop),
    }

    def run(augmentation: FlowAugmentation) -> Callable[[], object]:
        return lambda: [
            augment_pair(pair, augmentation, torch.Generator().manual_seed(seed)) for seed, pair in enumerate(pairs)
        ]

    return {name: run(augmentation) for name, augmentation in settings.items()}


def readers(folder: Path) -> dict[str, Callable[[], object]]:
    """Reading one 384 x 512 file of each kind, by us and by OpenCV where it is installed; `PAIRS` times a call."""
    frames = draw_frames(Recipe(), 0, 0)
    flow = frames.flow.permute(1, 2, 0).contiguous().numpy()
    write_flo(folder / "a.flo", flow)
    write_kitti_flow(folder / "a.png", flow, np.ones(flow.shape[:2], np.bool_))
    write_netpbm(folder / "a.ppm", frames.image.permute(1, 2, 0).contiguous().numpy())

    def times(read: Callable[[], object]) -> Callable[[], object]:
        return lambda: [read() for _ in range(PAIRS)]

    ours = {
        ".flo": times(lambda: read_flow(folder / "a.flo")),
        ".ppm": times(lambda: read_image(folder / "a.ppm")),
        "KITTI .png": times(lambda: read_flow(folder / "a.png")),
    }
    try:
        import cv2
    except ImportError:
        return ours
    anything = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR
    return ours | {
        ".flo, OpenCV": times(lambda: cv2.readOpticalFlow(str(folder / "a.flo"))),
        ".ppm, OpenCV (bytes, BGR)": times(lambda: cv2.imread(str(folder / "a.ppm"))),
        "KITTI .png, OpenCV (stored values)": times(lambda: cv2.imread(str(folder / "a.png"), anything)),
    }


def main() -> None:
    torch.set_num_threads(1)
    print(f"{stay_on_one_core()}; {machine()}; {ROUNDS} rounds of {PAIRS}")
    made = compare(makers(), ROUNDS)
    table(made, PAIRS, "pairs", "flying shapes 384x512")
    rate = PAIRS / sorted(made["flying shapes 384x512"])[ROUNDS // 2]
    print(f"goal {GOAL} pairs/s: {'reached' if rate >= GOAL else f'missed by {GOAL - rate:.1f}'}")
    table(compare(augmenters(), ROUNDS), PAIRS, "pairs", "everything")
    with tempfile.TemporaryDirectory() as folder:
        table(compare(readers(Path(folder)), ROUNDS), PAIRS, "files", ".flo")


if __name__ == "__main__":
    main()
