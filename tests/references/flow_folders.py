"""Small folders in the layouts of the field's flow data sets, from three generated pairs of 32 x 40 pixels."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from pixelwise.data.flow import FlowPair
from pixelwise.data.flying import Recipe, draw_frames
from pixelwise.data.formats.flo import write_flo
from pixelwise.data.formats.kitti import write_kitti_flow
from pixelwise.data.formats.netpbm import write_netpbm

PAIRS = 3


@lru_cache
def pair(index: int) -> FlowPair:
    """One of the pairs; its motion is never 0 for long."""
    return draw_frames(Recipe((32, 40), objects=(2, 3), motion=2), seed=3, index=index).pair()


def rows(image: object) -> np.ndarray:
    """A tensor (C H W) of floats 0..1 or flow as an array with channels last."""
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


def picture(image: object) -> np.ndarray:
    return np.rint(rows(image) * 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".ppm":
        write_netpbm(path, pixels)
    else:
        Image.fromarray(pixels).save(path)


def mask(path: Path, marked: object) -> None:
    save(path, marked.numpy().astype(np.uint8) * np.uint8(255))


def chairs(root: Path) -> None:
    for number in range(PAIRS):
        save(root / "data" / f"{number + 1:05d}_img1.ppm", picture(pair(number).image))
        save(root / "data" / f"{number + 1:05d}_img2.ppm", picture(pair(number).second))
        write_flo(root / "data" / f"{number + 1:05d}_flow.flo", rows(pair(number).flow))


def chairs_examples(root: Path) -> None:
    for number in range(PAIRS):
        save(root / f"{number:07d}-img0.ppm", picture(pair(number).image))
        save(root / f"{number:07d}-img1.ppm", picture(pair(number).second))
        write_flo(root / f"{number:07d}-gt.flo", rows(pair(number).flow))


def sintel(root: Path) -> None:
    """Two scenes of two frames, each with one pair, and a test scene without truth."""
    for number, scene in enumerate(("alley_1", "market_2")):
        for part in ("clean", "final"):
            folder = root / "training" / part / scene
            save(folder / "frame_0001.png", picture(pair(number).image))
            save(folder / "frame_0002.png", picture(pair(number).second))
        write_flo(root / "training" / "flow" / scene / "frame_0001.flo", rows(pair(number).flow))
        mask(root / "training" / "occlusions" / scene / "frame_0001.png", pair(number).occluded)
        invalid = pair(number).valid.clone()
        invalid[:, 5:] = False
        mask(root / "training" / "invalid" / scene / "frame_0001.png", invalid)
        mask(root / "training" / "invalid" / scene / "frame_0002.png", invalid)
    for frame in (1, 2, 3):
        save(root / "test" / "clean" / "cave_3" / f"frame_{frame:04d}.png", picture(pair(2).image))


def kitti(root: Path) -> None:
    for number in range(PAIRS):
        base, one = root / "training", pair(number)
        save(base / "image_2" / f"{number:06d}_10.png", picture(one.image))
        save(base / "image_2" / f"{number:06d}_11.png", picture(one.second))
        known = one.valid.numpy().copy()
        known[:8] = False
        write_kitti_flow(base / "flow_occ" / f"{number:06d}_10.png", rows(one.flow), known)
        seen = known & ~one.occluded.numpy()
        write_kitti_flow(base / "flow_noc" / f"{number:06d}_10.png", rows(one.flow), seen)
    save(root / "testing" / "image_2" / "000000_10.png", picture(pair(0).image))
    save(root / "testing" / "image_2" / "000000_11.png", picture(pair(0).second))


def middlebury(root: Path) -> None:
    for number, scene in enumerate(("Grove2", "RubberWhale", "Venus")):
        save(root / scene / "frame10.png", picture(pair(number).image))
        save(root / scene / "frame11.png", picture(pair(number).second))
        flow = rows(pair(number).flow)
        flow[:4] = 1e10
        write_flo(root / scene / "flow10.flo", flow)


def middlebury_apart(root: Path) -> None:
    middlebury(root / "other-data")
    for scene in ("Grove2", "RubberWhale", "Venus"):
        (root / "other-gt-flow" / scene).mkdir(parents=True)
        (root / "other-data" / scene / "flow10.flo").rename(root / "other-gt-flow" / scene / "flow10.flo")


def pairs(root: Path) -> None:
    for number in range(PAIRS):
        save(root / "images" / f"{number}.png", picture(pair(number).image))
        save(root / "second" / f"{number}.png", picture(pair(number).second))
        (root / "flow").mkdir(exist_ok=True)
        write_flo(root / "flow" / f"{number}.flo", rows(pair(number).flow))
        mask(root / "occlusion" / f"{number}.png", pair(number).occluded)


MAKERS: dict[str, Callable[[Path], None]] = {
    "chairs": chairs,
    "chairs_examples": chairs_examples,
    "sintel": sintel,
    "kitti": kitti,
    "middlebury": middlebury,
    "middlebury_apart": middlebury_apart,
    "pairs": pairs,
}
