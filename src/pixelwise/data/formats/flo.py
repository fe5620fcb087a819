"""Optical flow in Middlebury's .flo format (Baker et al. 2011): exact, small to describe, read by every flow program.

Little endian: the float 202021.25, whose bytes read "PIEH"; width and height as 32-bit integers; then dx, dy as
32-bit floats, pixel by pixel, row by row. By convention values above 1e9 mark pixels whose flow is unknown; they are
read and written as they are, and `known` finds them.
"""

import struct
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from pixelwise.errors import InputError
from pixelwise.files import whole_file

MAGIC = b"PIEH"
HEADER = struct.Struct("<4sii")
LONGEST_SIDE = 99_999
"""The limit of Middlebury's own reader: what is larger is a broken header."""

UNKNOWN = 1e9
"""Middlebury's limit: a flow is unknown where one of its two values is larger than this either way."""

HINT = "write it again with pixelwise.data.formats.flo.write_flo, or fetch the file again if it was copied"


def read_flo(path: Path) -> Float32[np.ndarray, "H W 2"]:
    """The flow in a .flo file: (dx, dy) in pixels at every pixel.

    Raises:
        InputError: the file is missing, no .flo file, cut short, or longer than its header says; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("a .flo file", f"{path}, which is not there or no file", hint="check the path")
    with path.open("rb") as file:
        head = file.read(HEADER.size)
        if len(head) < HEADER.size or head[:4] != MAGIC:
            raise InputError(
                "a .flo file, which begins with PIEH, width and height",
                f"{path}, which begins with {head[:12]!r}",
                hint=HINT,
            )
        _, width, height = HEADER.unpack(head)
        if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
            raise InputError(
                f"sides of 1..{LONGEST_SIDE} pixels", f"{height}x{width} in the header of {path}", hint=HINT
            )
        wanted = HEADER.size + 8 * width * height
        size = path.stat().st_size
        if size != wanted:  # before memory is asked for: a broken header must not demand gigabytes
            fault = "is cut short" if size < wanted else "goes on after the last pixel"
            raise InputError(
                f"{wanted} bytes for a flow of {height}x{width} (height x width)",
                f"{path} of {size} bytes, which {fault}",
                hint=HINT,
            )
        flow = np.frombuffer(file.read(), dtype="<f4")
    return flow.reshape(height, width, 2).astype(np.float32)


def known(flow: Float32[np.ndarray, "H W C"]) -> Bool[np.ndarray, "H W"]:
    """Where the flow is known: every value is finite and at most 1e9 either way."""
    found: Bool[np.ndarray, "H W"] = (np.abs(flow) <= UNKNOWN).all(axis=2)  # False for NaN as well
    return found


def write_flo(path: Path, flow: Float32[np.ndarray, "H W 2"]) -> None:
    """Writes a flow, H x W x (dx, dy) in pixels, whole or not at all; `read_flo` gives the same bits back.

    Raises:
        InputError: no pixels, a side above 99999, or a value that is not finite (mark unknown flow with 1e10).
    """
    path = Path(path)
    height, width = flow.shape[:2]
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
        raise InputError(
            f"a flow with sides of 1..{LONGEST_SIDE} pixels", f"{height}x{width} for {path}", hint="cut it into tiles"
        )
    if not np.isfinite(flow).all():
        row, column = np.argwhere(~np.isfinite(flow).all(axis=2))[0]
        raise InputError(
            "finite flow",
            f"{flow[row, column]} at row {row}, column {column} for {path}",
            hint="mark unknown flow with 1e10",
        )
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        file.write(HEADER.pack(MAGIC, width, height))
        file.write(flow.astype("<f4").tobytes())
