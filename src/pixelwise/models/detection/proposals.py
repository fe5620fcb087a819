"""Proposals without a network: an image is cut into segments of like colour, and like neighbours are joined to one.

Source: Uijlings, van de Sande, Gevers, Smeulders 2013, "Selective Search for Object Recognition"; the first segments
are those of Felzenszwalb and Huttenlocher 2004, from scikit-image.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Boxes

SCALES = (50.0, 100.0)
"""Felzenszwalb's k: larger prefers larger segments. Those of the paper's "fast" setting (table 4)."""

SPACES = ("hsv", "lab")
"""Colour spaces of the same setting."""

MEASURES = ("ctsf", "tsf")
"""Which likenesses are added in it: colour, texture, size, filling (section 3.2)."""

COLOUR_BINS, TEXTURE_BINS, DIRECTIONS = 25, 10, 8
"""Of the histograms of a channel (section 3.2)."""

SMOOTHING = 0.8
"""Standard deviation in pixels of the Gaussian before the first segments (Felzenszwalb and Huttenlocher, section 4)."""


@dataclass
class _Segment:
    """A set of pixels, known by what its likeness to others needs."""

    box: tuple[int, int, int, int]
    pixels: int
    colour: NDArray[np.float64]
    texture: NDArray[np.float64]
    neighbours: set[int]


def selective_search(
    image: Float[Tensor, "3 H W"],
    most: int = 2000,
    scales: Sequence[float | int] = SCALES,
    least_side: int = 8,
    seed: int = 0,
) -> Boxes:
    """Boxes that may hold an object of any kind, the likelier first, in pixels of the image: ends exclusive.

    For each scale, colour space and sum of likenesses the most alike neighbours are joined until one segment is left;
    every segment on the way gives a box. Late segments, which are large, come first, each rank times a number drawn
    from 0..1 (section 4.3); the same box is given once.

    Differs from the paper: texture is the gradient in 8 directions by differences of neighbouring pixels instead of
    Gaussian derivatives, and the smallest segment of the start has `least_side` squared pixels, not as many as k.

    Args:
        image: RGB, float 0..1.
        most: boxes at most.
        scales: see `SCALES`; the paper's images have some 500 pixels a side.
        least_side: boxes with a shorter side, in pixels, are left out (those of R-CNN's authors: 20).
        seed: of the ranks' draws; the same seed gives the same boxes.

    Returns:
        float32 boxes; none where the image has no pixels or is too small.

    Raises:
        InputError: scikit-image is not installed, or a number is not finite or a setting out of range.
    """
    _check(image, most, scales, least_side)
    if 0 in image.shape:
        return torch.zeros(0, 4)
    rgb = image.detach().cpu().double().clamp(0, 1).permute(1, 2, 0).numpy()
    draws = np.random.default_rng(seed)
    ranks: dict[tuple[int, int, int, int], float] = {}
    for space, scale, measures in product(SPACES, scales, MEASURES):
        boxes = list(_joined(*_first_segments(rgb, space, scale, least_side), measures))
        for number, box in enumerate(reversed(boxes)):
            rank = (number + 1) * float(draws.random())
            ranks[box] = min(rank, ranks.get(box, rank))
    found = [box for box in sorted(ranks, key=ranks.__getitem__) if min(_sides(box)) >= least_side]
    return torch.tensor(found[:most], dtype=torch.float32).reshape(-1, 4)


def _first_segments(
    rgb: NDArray[np.float64], space: str, scale: float | int, least_side: int
) -> tuple[dict[int, _Segment], int]:
    """The segments of the start, and the number of pixels of the image."""
    felzenszwalb, rgb2hsv, rgb2lab = _segmentation_operations()
    # All channels to about 0..1: the lightness of Lab is 0..100, its colours about -110..110.
    values = rgb2hsv(rgb) if space == "hsv" else rgb2lab(rgb) / (100, 220, 220) + (0, 0.5, 0.5)
    labels = felzenszwalb(values, scale=scale, sigma=SMOOTHING, min_size=least_side**2, channel_axis=-1)
    count = int(labels.max()) + 1
    colour = _histograms(labels, count, values, COLOUR_BINS)
    texture = _histograms(labels, count, _gradients(values), TEXTURE_BINS)
    rows, columns = np.indices(labels.shape)
    low = [np.full(count, max(labels.shape)) for _ in range(2)]
    high = [np.zeros(count, np.int64) for _ in range(2)]
    for axis, places in enumerate((columns, rows)):
        np.minimum.at(low[axis], labels, places)
        np.maximum.at(high[axis], labels, places + 1)
    boxes = np.stack([*low, *high], axis=1).tolist()
    pixels = np.bincount(labels.ravel(), minlength=count).tolist()
    neighbours = _neighbours(labels, count)
    return {
        number: _Segment(
            (box[0], box[1], box[2], box[3]), pixels[number], colour[number], texture[number], neighbours[number]
        )
        for number, box in enumerate(boxes)
    }, labels.size


def _joined(segments: dict[int, _Segment], pixels: int, measures: str) -> Iterator[tuple[int, int, int, int]]:
    """The box of every segment: those of the start, then each that arises by joining the two most alike neighbours."""
    yield from (one.box for one in segments.values())
    queue = [
        (-_likeness(one, segments[other], pixels, measures), number, other)
        for number, one in segments.items()
        for other in one.neighbours
        if number < other
    ]
    heapq.heapify(queue)
    next_number = len(segments)
    while queue:
        _, first, second = heapq.heappop(queue)
        if first not in segments or second not in segments:
            continue  # one of the two has been joined with another before
        one, other = segments.pop(first), segments.pop(second)
        new = _union(one, other, (one.neighbours | other.neighbours) - {first, second})
        for number in new.neighbours:
            neighbour = segments[number]
            neighbour.neighbours -= {first, second}
            neighbour.neighbours.add(next_number)
            heapq.heappush(queue, (-_likeness(new, neighbour, pixels, measures), number, next_number))
        segments[next_number] = new
        next_number += 1
        yield new.box


def _likeness(one: _Segment, other: _Segment, pixels: int, measures: str) -> float:
    """The sum of the asked likenesses, each 0..1 (section 3.2, equations 1 to 6)."""
    total = 0.0
    if "c" in measures:
        total += float(np.minimum(one.colour, other.colour).sum())
    if "t" in measures:
        total += float(np.minimum(one.texture, other.texture).sum())
    both = one.pixels + other.pixels
    if "s" in measures:
        total += 1 - both / pixels
    if "f" in measures:
        width, height = _sides(_around(one.box, other.box))
        total += 1 - (width * height - both) / pixels
    return total


def _union(one: _Segment, other: _Segment, neighbours: set[int]) -> _Segment:
    both = one.pixels + other.pixels
    first, second = one.pixels / both, other.pixels / both
    return _Segment(
        _around(one.box, other.box),
        both,
        first * one.colour + second * other.colour,
        first * one.texture + second * other.texture,
        neighbours,
    )


def _around(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _sides(box: tuple[int, int, int, int]) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def _histograms(labels: NDArray[np.int64], count: int, values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """For each segment the histograms of all channels of values 0..1, one after the other, their sum 1."""
    channels = values.shape[-1]
    places = np.clip((values * bins).astype(np.int64), 0, bins - 1) + np.arange(channels) * bins
    flat = labels[..., None] * (channels * bins) + places
    counts = np.bincount(flat.ravel(), minlength=count * channels * bins).reshape(count, -1)
    shares: NDArray[np.float64] = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    return shares


def _gradients(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The slope of each channel in each direction, 0 where it falls, as values of about 0..1."""
    down, across = (
        np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values) for axis in (0, 1)
    )
    angles = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
    slopes = [np.maximum(0, np.cos(angle) * across + np.sin(angle) * down) for angle in angles]
    # Central differences reach 0.5; most slopes are far smaller, so the root spreads them over the bins.
    spread: NDArray[np.float64] = np.sqrt(2 * np.concatenate(slopes, axis=-1))
    return spread


def _neighbours(labels: NDArray[np.int64], count: int) -> list[set[int]]:
    """For each segment those that touch it along a pixel's side."""
    touching: list[set[int]] = [set() for _ in range(count)]
    pairs = [
        np.stack([labels[:-1].ravel(), labels[1:].ravel()], axis=1),
        np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()], axis=1),
    ]
    for one, other in np.unique(np.concatenate(pairs), axis=0).tolist():
        if one != other:
            touching[one].add(other)
            touching[other].add(one)
    return touching


def _segmentation_operations() -> tuple[Any, Any, Any]:
    """The first segments and two colour spaces, from a package that only this step needs."""
    try:
        from skimage.color import rgb2hsv, rgb2lab  # noqa: PLC0415
        from skimage.segmentation import felzenszwalb  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "the package scikit-image, which proposes regions", "none", "pip install 'pixelwise[instances]'"
        ) from error
    return felzenszwalb, rgb2hsv, rgb2lab


def _check(image: Tensor, most: int, scales: Sequence[float | int], least_side: int) -> None:
    if not bool(image.isfinite().all()):
        raise InputError("an image of finite numbers", "NaN or infinity", hint="read the image again")
    if most < 0 or least_side < 1 or not scales or min(scales) <= 0:
        raise InputError(
            "most of at least 0, positive scales and a least side from 1 on",
            f"most = {most}, scales = {tuple(scales)}, least_side = {least_side}",
            hint="pass most=2000, scales=(50, 100), least_side=8",
        )
