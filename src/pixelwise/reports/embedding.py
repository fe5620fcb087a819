"""Pictures inside a page: small enough to mail, large enough to see."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from pixelwise.drawing.pictures import checked_picture, data_uri

# Twice the width of the page's column, for screens with two dots per CSS pixel.
_LONGEST = 1600
# Pictures narrower than this are shown enlarged by a whole factor, or their pixels could not be seen.
_NARROW = 320


@dataclass(frozen=True)
class Embedded:
    """A picture as a data address, the size to show it at in CSS pixels, and whether single pixels stay sharp."""

    address: str
    width: int
    height: int
    sharp: bool


def embed(picture: NDArray[np.uint8]) -> Embedded:
    """The picture (H, W, 3), made smaller where it has more pixels than a page can show.

    Raises:
        InputError: it is not uint8 (H, W, 3), or has no pixels.
    """
    height, width = checked_picture(picture).shape[:2]
    longest = max(height, width)
    if longest > _LONGEST:
        height, width = (max(1, round(side * _LONGEST / longest)) for side in (height, width))
        picture = np.asarray(Pillow.fromarray(picture).resize((width, height), Pillow.Resampling.BOX))
    factor = max(1, _NARROW // max(width, 1))
    return Embedded(data_uri(picture, "smaller"), width * factor, height * factor, sharp=factor > 1)
