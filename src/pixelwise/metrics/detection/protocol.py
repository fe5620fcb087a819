"""The COCO protocol's numbers, and its words beside every score.

Source: Lin et al. 2014, and COCO's own evaluation program, whose numbers are reproduced.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float64

Kind = Literal["boxes", "masks"]
"""What of the objects is compared."""

IOU_THRESHOLDS: Float64[np.ndarray, " T"] = np.linspace(0.5, 0.95, 10)
"""0.50, 0.55, ... 0.95: an overlap of at least this is a match. The floats are COCO's to the last bit."""

RECALL_POINTS: Float64[np.ndarray, " R"] = np.linspace(0.0, 1.0, 101)
"""0.00, 0.01, ... 1.00: where the curve of precision over recall is read."""

AREAS: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""Square pixels, both ends included."""

MAX_DETECTIONS = (1, 10, 100)
"""At most so many detections of each class and image count, those with the highest scores."""

LOWEST_IOU = 0.1
"""Pairs that overlap less are told from no one (Bolya et al. 2020, section 2.2: the background threshold)."""


def protocol(kind: Kind, found: int, images: int) -> str:
    """How the scores are computed, in words for a report.

    Args:
        kind: what was compared.
        found: detections in all.
        images: images in all.
    """
    return (
        f"COCO protocol on {kind}, {images} images, {found} detections. AP: mean precision at 101 recalls (0, 0.01, "
        "... 1) of the curve made falling, then over the IoU thresholds 0.50, 0.55, ... 0.95, then over the classes "
        "that occur in the truth; a class without true objects enters no mean and is n/a. AP50 and AP75: at that "
        "threshold. At most 100 detections of a class and image count, the highest scores first; equal scores keep "
        "the order they were given in. Small: at most 32 x 32 square pixels; medium: up to 96 x 96; large: beyond; an "
        "object's area is the one in its annotation, else its mask's, else its box's. AR: recall at the last "
        "detection, mean over thresholds and classes. A detection matched to a crowd, or to an object marked "
        "difficult, is neither right nor wrong; the union with a crowd is the detection alone."
    )
