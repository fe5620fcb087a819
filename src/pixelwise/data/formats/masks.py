"""Label maps: one whole number for every pixel, stored losslessly and read back unchanged."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pixelwise.data.formats.decode import decode
from pixelwise.data.formats.raster import Raster
from pixelwise.errors import InputError
from pixelwise.files import whole_file

StoredLabels = NDArray[np.uint8] | NDArray[np.uint16]
"""A label map as stored: H W."""

LARGEST = 2**16 - 1
"""Label maps hold at most 16 bits; more would be an encoding of something else."""

SAVE_HINT = "save it as an 8-bit or 16-bit gray or palette PNG"


def read_label_map(path: Path) -> StoredLabels:
    """The stored value of every pixel, H W, uint8 where that is enough and the file has no 16 bits.

    A palette file gives its indices, not its colours; 1, 2 and 4 bits give 0..1, 0..3, 0..15. A file of 32-bit or
    signed whole numbers is accepted when all lie in 0..65535. An RGB file is accepted when its three channels are equal
    everywhere.

    Raises:
        InputError: naming the file: missing, damaged, JPEG, coloured, or values that are not whole numbers in 0..65535.
    """
    return label_values(decode(path), path)


def label_values(raster: Raster, source: Path) -> StoredLabels:
    """The same for a file that is decoded already.

    Raises:
        InputError: naming the source.
    """
    if raster.traits.format == "JPEG":
        raise InputError(
            "a lossless label map",
            f"{source}: a JPEG, whose compression has changed the labels near every edge",
            hint="make it again from the original annotation and " + SAVE_HINT,
        )
    return _whole_numbers(_one_channel(raster, source), source)


def write_label_map(path: Path, labels: NDArray[Any], palette: NDArray[np.uint8] | None = None) -> None:
    """Writes a label map losslessly: PNG, or deflate-compressed TIFF by suffix; 8 bits up to the value 255, else 16.

    The file appears only when complete. `palette` (N x 3 colours, N up to 256) makes 8-bit files show colours in
    picture viewers; the stored values stay the same.

    Raises:
        InputError: a suffix other than .png, .tif, .tiff; not two axes; no pixels; values outside 0..65535; a palette
            with values past 255.
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", ".tif", ".tiff"):
        raise InputError("a label map file ending in .png, .tif or .tiff", f"{path}", hint=f"write {path.stem}.png")
    values = _checked(path, labels, palette)
    save = _save_png if suffix == ".png" else _save_tiff
    with whole_file(path) as unfinished:
        save(unfinished, values, palette)


def _one_channel(raster: Raster, source: Path) -> NDArray[Any]:
    pixels, colours = raster.pixels, raster.traits.colours
    if pixels.ndim == 2:
        return pixels
    if colours == "gray+alpha":
        return pixels[..., 0]
    red, green, blue = (pixels[..., channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red
    sample = np.unique(pixels[..., :3].reshape(-1, 3)[:10000], axis=0)  # enough to show what kind of file it is
    colour = tuple(int(value) for value in sample[-1])
    raise InputError(
        "a label map with one value per pixel",
        f"{source}: an RGB picture with colours such as {colour}",
        hint="replace each colour by its class number and " + SAVE_HINT,
    )


def _whole_numbers(values: NDArray[Any], source: Path) -> StoredLabels:
    wanted = f"a label map of whole numbers in 0..{LARGEST}"
    if values.dtype.kind not in "ui":
        raise InputError(wanted, f"{source}: values of {values.dtype}", hint=SAVE_HINT)
    if values.dtype in (np.uint8, np.uint16):
        return np.ascontiguousarray(values)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > LARGEST:
        raise InputError(wanted, f"{source}: {values.dtype} values from {low} to {high}", hint=SAVE_HINT)
    return _smallest(values, high)


def _checked(path: Path, labels: NDArray[Any], palette: NDArray[np.uint8] | None) -> StoredLabels:
    """The labels in the smallest type that holds them."""
    if labels.ndim != 2 or labels.size == 0 or labels.dtype.kind not in "uib":
        raise InputError(
            "labels as whole numbers with two axes (H, W)",
            f"{labels.dtype} of shape {labels.shape} for {path}",
            hint="pass labels[0] of a batch, and convert scores with argmax",
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > LARGEST:
        raise InputError(f"labels in 0..{LARGEST}", f"{low} to {high} for {path}", hint="use 255 for pixels to ignore")
    if palette is not None and (high > 255 or palette.ndim != 2 or palette.shape[1] != 3 or len(palette) > 256):
        raise InputError(
            "a palette of N x 3 colours and labels up to 255",
            f"a palette of shape {palette.shape} and labels up to {high} for {path}",
            hint="leave the palette out",
        )
    return _smallest(labels, high)


def _smallest(values: NDArray[Any], high: int) -> StoredLabels:
    """The values in the smallest type that holds them."""
    if high <= 255:
        return values.astype(np.uint8)
    return values.astype(np.uint16)


def _save_png(file: Path, values: NDArray[Any], palette: NDArray[np.uint8] | None) -> None:
    picture = Image.fromarray(values)  # 16 bits become Pillow's "I;16"
    if palette is not None:
        picture.putpalette(palette.tobytes())
    picture.save(file, "PNG")


def _save_tiff(file: Path, values: NDArray[Any], palette: NDArray[np.uint8] | None) -> None:
    if palette is None:
        tifffile.imwrite(file, values, compression="zlib", photometric="minisblack", metadata=None)
        return
    colours = np.zeros((3, 256), np.uint16)
    colours[:, : len(palette)] = palette.T.astype(np.uint16) * 257  # 255 becomes 65535
    tifffile.imwrite(file, values, compression="zlib", photometric="palette", colormap=colours, metadata=None)
