"""Float maps in PFM: the flow and disparity of FlyingThings3D and others.

A text header, "PF" (three channels) or "Pf" (one), width and height, and a scale whose sign says the byte order:
negative is little endian. Then 32-bit floats, the *lowest* row of the picture first. Source: Paul Debevec's description
of the format. The absolute value of the scale is a unit of light and is not applied: flow is in pixels.
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from pixelwise.errors import InputError
from pixelwise.files import whole_file

_HEADER = re.compile(rb"P([Ff])\s+(\d{1,9})\s+(\d{1,9})\s+([-+]?[0-9.eE+-]{1,32})\s")

HINT = "write it again with pixelwise.data.formats.pfm.write_pfm, or fetch the file again if it was copied"


def read_pfm(path: Path) -> Float32[np.ndarray, "H W C"]:
    """The values of a PFM file, top row first; C is 3 or 1. Values that are not finite are left as they are.

    Raises:
        InputError: the file is missing, no PFM, cut short, or longer than its header says; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("a PFM file", f"{path}, which is not there or no file", hint="check the path")
    content = path.read_bytes()
    found = _HEADER.match(content)
    scale = _scale(found[4]) if found else 0.0
    if found is None or scale == 0:
        raise InputError(
            "a PFM file, which begins with PF or Pf, width, height and a scale other than 0",
            f"{path}, which begins with {content[:24]!r}",
            hint=HINT,
        )
    channels, width, height = (3 if found[1] == b"F" else 1), int(found[2]), int(found[3])
    wanted = found.end() + 4 * channels * width * height
    if len(content) != wanted or not (width and height):
        fault = "is cut short" if len(content) < wanted else "goes on after the last pixel"
        raise InputError(
            f"{wanted} bytes for {height}x{width} pixels (height x width)",
            f"{path} of {len(content)} bytes, which {fault if width and height else 'has no pixels'}",
            hint=HINT,
        )
    values = np.frombuffer(content, dtype="<f4" if scale < 0 else ">f4", offset=found.end())
    return np.ascontiguousarray(values.reshape(height, width, channels)[::-1], dtype=np.float32)


def write_pfm(path: Path, values: Float32[np.ndarray, "H W C"]) -> None:
    """Writes a map of one or three channels, whole or not at all; `read_pfm` gives the same bits back.

    Raises:
        InputError: no pixels, or other channels than one or three.
    """
    path = Path(path)
    height, width, channels = values.shape
    if channels not in (1, 3) or not (height and width):
        raise InputError(
            "a map with pixels and 1 or 3 channels",
            f"shape {values.shape} for {path}",
            hint="add a third channel of zeros to a flow",
        )
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        file.write(f"P{'F' if channels == 3 else 'f'}\n{width} {height}\n-1.0\n".encode())
        file.write(values[::-1].astype("<f4").tobytes())


def _scale(text: bytes) -> float:
    """The number, or 0 where it is none or not finite."""
    try:
        scale = float(text)
    except ValueError:
        return 0.0
    return scale if np.isfinite(scale) else 0.0
