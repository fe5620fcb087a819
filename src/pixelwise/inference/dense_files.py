"""A dense map of an image file: a file of scores of any size, and a picture of them to look at."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from pixelwise.data.lazy_images import LazyImage, open_image
from pixelwise.dense import DenseMap, Plan, tiled
from pixelwise.drawing import class_colours, paint, write_picture
from pixelwise.drawing.heat import heat_picture
from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE, Size

PICTURE_LONGEST = 2048
"""Pixels of a picture's longer side: a screen's worth; the file keeps every output."""

LABELS = re.compile(r"argmax|top\d+")
"""Reductions whose result, or its first plane, holds class indices."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class GreyImage:
    """An image file of equal red, green and blue, as one channel."""

    image: LazyImage

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.image.size

    def read(self, top: int, left: int, height: int, width: int) -> Float[Tensor, "1 h w"]:
        """The grey levels of a region, 0..1.

        Raises:
            InputError: it has colours, or as `LazyImage.read` does.
        """
        pixels: Tensor = self.image.read(top, left, height, width)
        red, green, blue = pixels
        if not (torch.equal(red, green) and torch.equal(red, blue)):
            raise InputError(
                "a grey image for a network of one channel",
                f"colours in {self.image.path}",
                "convert it to grey, in the way the network's training images were",
            )
        return pixels[:1]


def open_channels(path: Path, channels: int) -> LazyImage | GreyImage:
    """An image file with as many channels as a network takes.

    Raises:
        InputError: neither 1 nor 3, or as `open_image` does.
    """
    if channels not in (1, 3):
        raise InputError(
            "a network of 1 channel (grey) or 3 (RGB) for an image file",
            f"one of {channels}",
            "use pixelwise.dense.tiled in Python, which takes arrays of any number of channels",
        )
    image = open_image(path)
    return GreyImage(image) if channels == 1 else image


def channels_of(model: nn.Module) -> int:
    """The channels that a network's first kernel reads; 3 where there is none."""
    return next((weight.shape[1] for weight in model.parameters() if weight.ndim == 4), 3)


def write_dense_map(
    dense: DenseMap,
    image: LazyImage | GreyImage,
    out: Path,
    reduce: str | None = None,
    memory: str | int = "1GB",
    announce: Callable[[Plan], None] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Writes the map of an image to `out`, and a picture of it beside; gives the picture's path.

    After an interruption the same call continues.

    Args:
        dense: the map.
        image: the image.
        out: where the map goes: .tif, .zarr or .npy.
        reduce: what to keep of the scores, as in `pixelwise.dense.tiled`.
        memory: budget for the activations of one tile.
        announce: called with the plan before the first tile.
        progress: called with (tiles done, tiles in all).

    Raises:
        InputError: as `pixelwise.dense.tiled` does, or a picture of that name is there already.
    """
    picture = out.with_name(out.stem + ".heat.png")
    if picture.exists():
        raise InputError("a picture that does not exist yet", f"{picture}", f"delete {picture} or choose another --out")
    tiled(dense, image, memory, reduce=reduce, out=out, announce=announce, progress=progress)
    write_picture(picture, map_picture(_opened(out), reduce))
    return picture


def map_picture(values: Any, reduce: str | None) -> NDArray[np.uint8]:
    """A picture of a map (K, H, W) or (H, W), at most `PICTURE_LONGEST` long: every n-th output of a larger one.

    Class indices get the colours of their classes. Scores of one class are shown from their lowest to their highest;
    of two, as the probability of class 1; of more, as the best class. Probabilities run from 0 to 1.

    Args:
        values: anything read by slices.
        reduce: what the values are.
    """
    step = -(-max(values.shape[-2:]) // PICTURE_LONGEST)
    part = np.array(values[..., ::step, ::step])
    classes = part.shape[0] if part.ndim == 3 else 1
    if reduce is not None and LABELS.fullmatch(reduce):
        return _painted(part if part.ndim == 2 else part[0])
    if reduce in (None, "probabilities") and classes > 2:
        return _painted(part.argmax(0))
    if reduce is None and classes == 2:
        return heat_picture(torch.from_numpy(part).softmax(0)[1].numpy(), 0, 1)
    plane = part if part.ndim == 2 else part[1 if reduce == "probabilities" else 0]
    if reduce in (None, "entropy"):
        return heat_picture(plane, float(np.nanmin(plane)), float(np.nanmax(plane)))
    return heat_picture(plane, 0, 1)


def _painted(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Class indices in the colours of the classes."""
    counted = labels[labels != IGNORE]
    return paint(labels.astype(np.int64), class_colours(int(counted.max(initial=0)) + 1))


def _opened(path: Path) -> Any:
    """A result file, read by slices."""
    suffix = path.suffix.lower()
    if suffix == ".zarr":
        import zarr  # noqa: PLC0415  (0.6 s, and part of the extra "large")

        return zarr.open_array(str(path), mode="r")
    return np.load(path, mmap_mode="r") if suffix == ".npy" else tifffile.memmap(path, mode="r")
