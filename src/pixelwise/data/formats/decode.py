"""Any picture file to its stored values: the one door to the formats."""

from pathlib import Path

from pixelwise.data.formats.netpbm import decode_netpbm, netpbm_size
from pixelwise.data.formats.pictures import decode_picture, picture_size
from pixelwise.data.formats.raster import Raster, file_format
from pixelwise.data.formats.tiff import decode_tiff, first_page
from pixelwise.shapes import Size


def decode(path: Path) -> Raster:
    """The stored values of a PNG, JPEG, BMP, TIFF, PPM or PGM file and what they mean; of several pages the first.

    Raises:
        InputError: naming the file: missing, empty, cut off, damaged, of another kind, or claiming a size that
            it cannot hold.
    """
    form = file_format(path)
    if form == "PPM":
        return decode_netpbm(path)
    return decode_tiff(path) if form == "TIFF" else decode_picture(path, form)


def header_size(path: Path) -> tuple[Size, int]:
    """Height and width as stored and the EXIF orientation (1 when there is none), without decoding pixels.

    Raises:
        InputError: as `decode` does, as far as the header shows it.
    """
    form = file_format(path)
    if form == "PPM":
        return netpbm_size(path), 1
    if form != "TIFF":
        return picture_size(path, form)
    with first_page(path) as page:
        return (page.imagelength, page.imagewidth), 1
