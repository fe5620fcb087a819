"""One colour per class: the same everywhere, told apart by colour-blind readers where that is possible."""

import numpy as np
from numpy.typing import NDArray

from pixelwise.drawing.oklab import oklab
from pixelwise.errors import InputError

# Class 0 is background where a task has one, so it recedes: a dark slate. The other seven are the colours of
# Okabe and Ito, "Color Universal Design" (2008), which stay apart under the common colour deficiencies,
# ordered so that the first few differ most.
_FIRST = np.array(
    [
        (48, 54, 64),
        (230, 159, 0),
        (86, 180, 233),
        (0, 158, 115),
        (240, 228, 66),
        (0, 114, 178),
        (213, 94, 0),
        (204, 121, 167),
    ],
    dtype=np.uint8,
)
# Darker colours would be taken for class 0, lighter ones vanish on white paper.
_LIGHTNESS = (0.42, 0.92)
# 16 levels per channel: far more candidates than the 255 classes a uint8 label map can hold.
_LEVELS = np.arange(0, 256, 17, dtype=np.uint8)


def class_colours(count: int) -> NDArray[np.uint8]:
    """RGB colours (count, 3), one per class; a longer list starts with the shorter one.

    Class 0 is a dark neutral. Classes 1 to 7 stay apart for colour-blind readers. From class 8 on, each colour is the
    one farthest (in OKLab) from all before it: distinct, but past about 20 only the legend tells them for certain.

    Raises:
        InputError: the count is negative or larger than the supply of distinct colours (a few thousand).
    """
    candidates = _candidates()
    most = len(_FIRST) + len(candidates)
    if not 0 <= count <= most:
        raise InputError(f"a number of classes from 0 to {most}", str(count), hint="colour groups of classes instead")
    if count <= len(_FIRST):
        return _FIRST[:count].copy()
    return np.concatenate([_FIRST, _farthest(candidates, count - len(_FIRST))])


def _candidates() -> NDArray[np.uint8]:
    grid = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS, indexing="ij"), axis=-1).reshape(-1, 3)
    lightness = oklab(grid)[:, 0]
    inside = (lightness >= _LIGHTNESS[0]) & (lightness <= _LIGHTNESS[1])
    known = (grid[:, None] == _FIRST).all(axis=-1).any(axis=-1)
    inside &= ~known
    candidates: NDArray[np.uint8] = grid[inside]
    return candidates


def _farthest(candidates: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """The greedy choice: again and again the candidate whose nearest chosen colour is farthest away."""
    places = oklab(candidates)
    nearest = np.linalg.norm(places[:, None] - oklab(_FIRST), axis=-1).min(axis=1)
    chosen = []
    for _ in range(count):
        best = int(nearest.argmax())
        chosen.append(best)
        nearest = np.minimum(nearest, np.linalg.norm(places - places[best], axis=-1))
        nearest[best] = -1.0  # never again, even when only duplicates at distance 0 are left
    return candidates[chosen]


def readable_ink(colour: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Black or white, whichever is easier to read on the colour (3,)."""
    # 0.65: where the contrast of black and of white on a grey are equal, in OKLab lightness.
    return (0, 0, 0) if oklab(colour[None])[0, 0] > 0.65 else (255, 255, 255)


def hatch(height: int, width: int) -> NDArray[np.uint8]:
    """Diagonal grey stripes (height, width, 3): wherever a pixel does not count or is not known."""
    rows, columns = np.indices((height, width), sparse=True)
    stripe = (rows + columns) // 4 % 2  # 4 pixels: still stripes when a report shows the picture at half size
    grey = np.where(stripe == 0, 150, 190).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
