"""Pictures in and out: tensors and arrays to uint8 RGB, and from there to PNG and JPEG.

A picture is a uint8 array H W 3 (RGB), or H W (grey). Tensors are channels first, arrays are channels last, as in
their fields.
"""

import base64
import io
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.files import write_named
from pixelwise.shapes import Image

# 90 without colour subsampling: no visible blocks, and thin coloured outlines keep their colour.
_JPEG_QUALITY = 90
_KINDS: dict[str, Literal["png", "jpeg"]] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}


def as_array(values: Tensor | NDArray[Any]) -> NDArray[Any]:
    """The same numbers as an array, from whichever device they lie on."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values


def to_uint8(image: Image) -> NDArray[np.uint8]:
    """The image as uint8 (H, W, 3), rounded to the nearest level.

    Takes a float tensor (3, H, W) in 0..1. Values outside are clipped; NaN becomes black.
    """
    levels = image.detach().cpu().float().nan_to_num(nan=0.0).clamp(0, 1).mul(255).round()
    return checked_picture(levels.movedim(0, -1).numpy().astype(np.uint8))


def as_picture(image: NDArray[Any] | Image) -> NDArray[np.uint8]:
    """The image as uint8 (H, W, 3): a float tensor is converted, a uint8 array is checked and returned as it is.

    Raises:
        InputError: an array that is not uint8 or not (H, W, 3).
    """
    return to_uint8(image) if isinstance(image, Tensor) else checked_picture(image)


def checked_picture(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """The array itself, when it is uint8 and (H, W, 3).

    Raises:
        InputError: it is not.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise InputError(
            "a picture of type uint8 and shape (H, W, 3)",
            f"{picture.dtype} {picture.shape}",
            hint="convert a float tensor (3, H, W) in 0..1 with pixelwise.drawing.to_uint8",
        )
    return picture


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """The picture as a PNG file, without loss; takes (H, W, 3) or grey (H, W), with at least one pixel."""
    return _encode(picture, "png")


def data_uri(picture: NDArray[np.uint8], kind: Literal["png", "jpeg", "smaller"] = "png") -> str:
    """The picture as a `data:` address to put into a page; "smaller" takes JPEG where that saves bytes.

    JPEG saves on photographs; label maps, charts and drawings come out smaller, and sharp, as PNG.
    """
    kinds: tuple[Literal["png", "jpeg"], ...] = ("png", "jpeg") if kind == "smaller" else (kind,)
    content, chosen = min(((_encode(picture, each), each) for each in kinds), key=lambda pair: len(pair[0]))
    return f"data:image/{chosen};base64,{base64.b64encode(content).decode('ascii')}"


def write_picture(path: str | Path, picture: NDArray[np.uint8]) -> None:
    """Writes the picture as PNG or JPEG, by the ending of the path; the file appears only when it is complete.

    Raises:
        InputError: an unknown ending, a picture of another type, or a path that cannot be written.
    """
    path = Path(path)
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise InputError("a path ending in .png, .jpg or .jpeg", str(path), hint=f"write {path.with_suffix('.png')}")
    write_named(path, _encode(picture, kind))


def _encode(picture: NDArray[np.uint8], kind: Literal["png", "jpeg"]) -> bytes:
    if picture.ndim != 2 or picture.dtype != np.uint8:
        checked_picture(picture)
    if picture.size == 0:
        raise InputError("a picture of at least one pixel", f"shape {picture.shape}", hint="skip empty images")
    file = io.BytesIO()
    if kind == "png":
        Pillow.fromarray(picture).save(file, format="PNG", optimize=True)
    else:
        # Without optimize: with it, Pillow's buffer is too small for noisy pictures and saving fails.
        Pillow.fromarray(picture).save(file, format="JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return file.getvalue()
