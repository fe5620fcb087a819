"""Small picture files of every kind that the readers promise to open, with the values they were made from."""

import io
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

EXIF_ORIENTATION = 0x0112


def smooth(height: int, width: int, channels: int, dtype: type, seed: int = 0) -> NDArray[Any]:
    """Random values, H W or H W C, over the whole range of the type."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def pillow_file(pixels: NDArray[Any] | Image.Image, form: str, **options: Any) -> bytes:
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def deep_png(pixels: NDArray[Any]) -> bytes:
    content: bytes = imagecodecs.png_encode(pixels)
    return content


def tiff_file(pixels: NDArray[Any], **options: Any) -> bytes:
    options.setdefault("photometric", "rgb" if pixels.ndim == 3 else "minisblack")
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, **options)
    return file.getvalue()


def paletted(indices: NDArray[Any], palette: NDArray[Any], bits: int = 8) -> bytes:
    picture = Image.fromarray(indices)
    picture.putpalette(palette.astype(np.uint8).tobytes())
    return pillow_file(picture, "PNG", bits=bits)


def turned_jpeg(pixels: NDArray[Any], orientation: int) -> bytes:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return pillow_file(pixels, "JPEG", quality=100, subsampling=0, exif=exif.tobytes())


def every_kind() -> dict[str, bytes]:
    """One valid file of each kind, by a name that ends in its suffix."""
    gray, colour, alpha = (smooth(24, 33, channels, np.uint8) for channels in (1, 3, 4))
    deep, deep_colour = (smooth(24, 33, channels, np.uint16) for channels in (1, 3))
    return {
        "gray.png": pillow_file(gray, "PNG"),
        "rgb.png": pillow_file(colour, "PNG"),
        "rgba.png": pillow_file(alpha, "PNG"),
        "palette.png": paletted(gray % 7, smooth(7, 3, 1, np.uint8), bits=4),
        "bits.png": pillow_file(gray > 127, "PNG"),
        "deep.png": deep_png(deep),
        "deep-rgb.png": deep_png(deep_colour),
        "gray.jpg": pillow_file(gray, "JPEG"),
        "rgb.jpg": pillow_file(colour, "JPEG"),
        "progressive.jpg": pillow_file(colour, "JPEG", progressive=True),
        "turned.jpg": turned_jpeg(colour, 6),
        "cmyk.jpg": pillow_file(Image.fromarray(colour).convert("CMYK"), "JPEG"),
        "rgb.bmp": pillow_file(colour, "BMP"),
        "gray.bmp": pillow_file(gray, "BMP"),
        "plain.tif": tiff_file(colour),
        "strips.tif": tiff_file(colour, rowsperstrip=5),
        "deflate.tif": tiff_file(colour, compression="zlib", predictor=True),
        "lzw.tif": tiff_file(deep, compression="lzw", rowsperstrip=7),
        "tiles.tif": tiff_file(colour, compression="zlib", tile=(16, 16)),
        "planes.tif": tiff_file(np.moveaxis(colour, -1, 0).copy(), planarconfig="separate", photometric="rgb"),
        "jpeg.tif": tiff_file(colour, compression="jpeg", tile=(16, 16)),
        "zstd.tif": tiff_file(deep_colour, compression="zstd", tile=(16, 16)),
        "big.tif": tiff_file(deep, bigtiff=True, byteorder=">"),
        "float.tif": tiff_file(np.random.default_rng(0).random((24, 33), np.float32)),
        "pages.tif": tiff_file(np.stack([gray, gray]), photometric="minisblack"),
    }
