"""Label maps as pictures: alone, over their image, and against the truth."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.drawing.palette import hatch
from pixelwise.drawing.pictures import as_array, as_picture
from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE, Image, LabelMap

Labels = LabelMap | NDArray[Any]
"""A label map (H, W) of integers, as a tensor or an array."""

DIFFERENCE_NAMES = ("right", "missed", "invented", "confused")
"""What the colours of `difference` mean.

Missed is background where the truth has an object, invented the reverse, confused another object.
"""

# Light grey recedes; the three errors are Okabe and Ito's blue, orange and purple, apart for colour-blind readers.
DIFFERENCE_COLOURS = np.array([(236, 236, 236), (0, 114, 178), (230, 130, 0), (176, 48, 130)], dtype=np.uint8)


def paint(labels: Labels, colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The label map in its colours, (H, W, 3); ignored pixels (255) are hatched in grey.

    Takes colours (K, 3), for instance from `class_colours`.

    Raises:
        InputError: labels that are not a map of integers, or one that has no colour.
    """
    indices = _checked_labels(labels)
    counted = indices != IGNORE
    _check_colours(indices[counted], colours)
    picture = colours[np.where(counted, indices, 0)]
    picture[~counted] = hatch(*indices.shape)[~counted]
    return picture


def overlay(
    image: NDArray[Any] | Image,
    labels: Labels,
    colours: NDArray[np.uint8],
    opacity: float | int = 0.5,
    outline: bool = True,
) -> NDArray[np.uint8]:
    """The image with its label map over it, (H, W, 3).

    Takes an image as uint8 (H, W, 3) or a float tensor (3, H, W). `opacity` runs from 0 (only the image) to 1 (only
    the labels); class 0 lies on more thinly. `outline` draws the border of each region except class 0 in its full
    colour, thicker on larger images.

    Raises:
        InputError: image and labels differ in size, a label has no colour, or the opacity lies outside 0..1.
    """
    if not 0 <= opacity <= 1:
        raise InputError("an opacity from 0 to 1", str(opacity), hint="0.5 shows image and labels alike")
    picture, indices = as_picture(image), _checked_labels(labels)
    _check_same_size("image", picture, indices)
    painted = paint(indices, colours)
    # Background squared: 0 and 1 stay, and between them the scene is not darkened away.
    share = np.where(indices == 0, opacity**2, opacity).astype(np.float32)[:, :, None]
    mixed = (picture * (1 - share) + painted * share + np.float32(0.5)).astype(np.uint8)
    if outline:
        border = _borders(indices) & (indices != 0) & (indices != IGNORE)
        mixed[border] = painted[border]
    return mixed


def difference(
    labels: Labels, truth: Labels, image: NDArray[Any] | Image | None = None, background: int | None = 0
) -> NDArray[np.uint8]:
    """Where a prediction and the truth disagree, (H, W, 3), in `DIFFERENCE_COLOURS`.

    Pixels the truth ignores are hatched.

    With an image, the pixels that are right show it, pale and grey, so that errors can be placed. `background` None
    is for tasks without a background class: every error is then "confused".

    Raises:
        InputError: the sizes differ.
    """
    guess, true = _checked_labels(labels), _checked_labels(truth)
    _check_same_size("truth", true, guess)
    kinds = np.where(guess == true, 0, 3)
    if background is not None:
        kinds[(kinds == 3) & (guess == background)] = 1
        kinds[(kinds == 3) & (true == background)] = 2
    picture = DIFFERENCE_COLOURS[kinds]
    if image is not None:
        seen = as_picture(image)
        _check_same_size("image", seen, guess)
        # Pale: the image keeps a third of its contrast, so it never competes with an error.
        pale = (160 + seen.mean(axis=2, keepdims=True) / 3).astype(np.uint8)
        picture = np.where((kinds == 0)[:, :, None], pale, picture)
    ignored = true == IGNORE
    picture[ignored] = hatch(*true.shape)[ignored]
    return picture


def legend(names: Sequence[str], colours: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]) -> str:
    """Which colour stands for which class, as an HTML list; the names are escaped.

    The swatches are small drawings rather than backgrounds, which browsers leave out in print.

    Raises:
        InputError: there are fewer colours than names.
    """
    if len(names) > len(colours):
        raise InputError(
            f"a colour for each of {len(names)} names", f"{len(colours)} colours", hint="class_colours(count)"
        )
    items = [
        '<li><svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="2" '
        f'fill="#{bytes(colour).hex()}"/></svg> {html.escape(name)}</li>'
        for name, colour in zip(names, colours, strict=False)
    ]
    return f'<ul class="legend">{"".join(items)}</ul>'


def _checked_labels(labels: Labels) -> NDArray[Any]:
    indices = as_array(labels)
    if indices.ndim != 2 or not np.issubdtype(indices.dtype, np.integer):
        raise InputError(
            "a label map of integers and shape (H, W)",
            f"{indices.dtype} {indices.shape}",
            hint="take the best class of each pixel: scores.argmax(dim=0)",
        )
    return indices


def _check_colours(counted: NDArray[Any], colours: NDArray[np.uint8]) -> None:
    if colours.dtype != np.uint8 or colours.ndim != 2 or colours.shape[1] != 3 or len(colours) == 0:
        raise InputError(
            "colours of type uint8 and shape (K, 3)", f"{colours.dtype} {colours.shape}", hint="class_colours(count)"
        )
    if counted.size and not 0 <= (wrong := _most_extreme(counted)) < len(colours):
        raise InputError(
            f"labels from 0 to {len(colours) - 1}, or {IGNORE} for ignored pixels",
            f"label {wrong}",
            hint="give one colour per class: class_colours(count)",
        )


def _most_extreme(labels: NDArray[Any]) -> int:
    lowest = int(labels.min())
    return lowest if lowest < 0 else int(labels.max())


def _check_same_size(name: str, other: NDArray[Any], labels: NDArray[Any]) -> None:
    if other.shape[:2] != labels.shape:
        got = f"{other.shape[0]}x{other.shape[1]}"
        wanted = f"{labels.shape[0]}x{labels.shape[1]}"
        raise InputError(f"{name} and labels of one size", f"{name} {got}, labels {wanted}", hint=f"resize the {name}")


def _borders(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels of a region that touch another region, in a band that grows with the picture."""
    border = np.zeros(labels.shape, dtype=bool)
    # One pixel per 400: still visible when a large picture is shown at the width of a page.
    for reach in range(1, 2 + min(labels.shape) // 400):
        for axis in (0, 1):
            ahead, behind = [slice(None)] * 2, [slice(None)] * 2
            ahead[axis], behind[axis] = slice(reach, None), slice(None, -reach)
            changes = labels[tuple(ahead)] != labels[tuple(behind)]
            border[tuple(ahead)] |= changes
            border[tuple(behind)] |= changes
    return border
