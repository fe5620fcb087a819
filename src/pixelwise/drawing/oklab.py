"""Colours as the eye spaces them, so that "well separated" can be computed.

Source: Björn Ottosson, "A perceptual color space for image processing" (2020), with its published matrices.
"""

import numpy as np
from numpy.typing import NDArray

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Lightness (0 black, 1 white), green-red and blue-yellow of each colour; distances are differences people see.

    Takes sRGB (N, 3) in 0..255 and returns (N, 3).
    """
    srgb = colours / 255.0
    # The sRGB transfer curve (IEC 61966-2-1): its constants are part of the standard.
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    lab: NDArray[np.float64] = np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T
    return lab
