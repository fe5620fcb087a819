"""Flow as KITTI's benchmark stores it: a PNG of 16 bits a channel.

Red is dx * 64 + 2**15, green the same for dy, blue 1 where the flow is known (the benchmark's readme, "data format").
So a flow is kept to 1/64 pixel and must lie in -512 .. 511.98. Programs that read such a file with 8 bits lose the
whole motion, and programs that cut instead of rounding shift it by 1/128 pixel on average.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from pixelwise.data.formats.decode import decode
from pixelwise.errors import InputError
from pixelwise.files import write_bytes

UNIT = 64
"""Steps in a pixel."""

ZERO = 2**15
"""The stored value of no motion."""

LARGEST = 2**16 - 1


def read_kitti_flow(path: Path) -> tuple[Float32[np.ndarray, "H W 2"], Bool[np.ndarray, "H W"]]:
    """The flow (dx, dy) in pixels, 0 where it is unknown; and where it is known.

    Raises:
        InputError: naming the file: missing, damaged, or no PNG with three channels of 16 bits.
    """
    path = Path(path)
    raster = decode(path)
    traits = raster.traits
    if (traits.format, traits.colours, traits.bits) != ("PNG", "rgb", 16):
        raise InputError(
            "a flow of KITTI: an RGB PNG of 16 bits a channel",
            f"{path}: a {traits.format} of {traits.bits} bits, {traits.colours}",
            hint="a file saved with 8 bits has lost its motion: fetch the original again",
        )
    known = raster.pixels[..., 2] > 0
    flow = (raster.pixels[..., :2].astype(np.float32) - ZERO) / UNIT
    flow[~known] = 0
    return flow.astype(np.float32), known


def write_kitti_flow(path: Path, flow: Float32[np.ndarray, "H W 2"], known: Bool[np.ndarray, "H W"]) -> None:
    """Writes a flow rounded to the nearest 1/64 pixel, whole or not at all; pixels that are not known become 0, 0, 0.

    Raises:
        InputError: no pixels, or known flow that is not finite or does not fit -512 .. 511.98 pixels; nothing is
            clamped.
    """
    import imagecodecs  # noqa: PLC0415  (most programs write no such file)

    path = Path(path)
    if flow.size == 0:
        raise InputError("a flow with pixels", f"{flow.shape[0]}x{flow.shape[1]} for {path}", hint="leave it out")
    stored = np.rint(np.where(known[..., None], flow, 0).astype(np.float64) * UNIT) + ZERO
    fits = ((stored >= 0) & (stored <= LARGEST)).all(axis=2)  # False for what is not finite
    if not fits.all():
        row, column = np.argwhere(~fits)[0]
        raise InputError(
            f"flow of {-ZERO // UNIT} to {(LARGEST - ZERO) / UNIT:.2f} pixels, which KITTI's format can hold",
            f"{flow[row, column]} at row {row}, column {column} for {path}",
            hint="write it with pixelwise.data.formats.flo.write_flo",
        )
    pixels = np.concatenate([stored, np.ones((*known.shape, 1))], axis=2).astype(np.uint16)
    pixels[~known] = 0
    write_bytes(path, bytes(imagecodecs.png_encode(pixels)))
