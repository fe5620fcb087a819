"""An image cut into overlapping tiles for a detector, and what was found in them put together again.

Two detections of neighbouring tiles are one object if, in the pixels that both tiles show, their boxes agree. That
holds for an object that both tiles show whole, for one that a tile cuts off, and for one larger than any tile. No
coordinate is shifted to keep classes apart, so negative coordinates do no harm.

Cutting large images for small objects: Akyon, Altinuc, Temizel 2022, "Slicing Aided Hyper Inference", section 3.
Differs from it: there, detections are merged when one covers the smaller one, which swallows small objects in front of
large ones.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops import box_iou
from pixelwise.ops.paste import CroppedMasks
from pixelwise.results import Detections, ObjectMasks
from pixelwise.shapes import Size

SHARED = 0.25
"""Share of a tile's side that its neighbour shows as well; objects up to this long are whole in one of the two."""

AGREE = 0.5
"""Intersection over union from which two boxes are of one object, as in the suppression within an image."""

TOUCHING = 2.0
"""Pixels: a box that ends so near a border of its tile inside the image may be cut off there."""

SMALLEST_TILE = 32
"""Pixels: the coarsest stride of the networks."""


class Tile(NamedTuple):
    """A region of the image: its first row and column, its height and width."""

    top: int
    left: int
    height: int
    width: int


def tiles_of(size: Size, side: int) -> list[Tile]:
    """Tiles of side x side that cover an image, each sharing at least a quarter of its side with the next.

    An image that is smaller along an axis is not cut there. The last tile ends with the image.

    Raises:
        InputError: a side below 32 pixels.

    >>> [(tile.top, tile.left) for tile in tiles_of((64, 150), 64)]
    [(0, 0), (0, 43), (0, 86)]
    """
    check_side(side)
    rows, columns = (_starts(length, side) for length in size)
    height, width = min(side, size[0]), min(side, size[1])
    return [Tile(row, column, height, width) for row in rows for column in columns]


def check_side(side: int) -> None:
    """Makes sure that tiles may have this side.

    Raises:
        InputError: below 32 pixels.
    """
    if side < SMALLEST_TILE:
        raise InputError(f"tiles of at least {SMALLEST_TILE} pixels", f"{side}", "such as --tile 640")


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = 1 + -(-(length - side) // round(side * (1 - SHARED)))
    return [round(place * (length - side) / (count - 1)) for place in range(count)]


def merged(parts: Sequence[tuple[Tile, Detections]], size: Size, classes: tuple[str, ...]) -> Detections:
    """What was found in the tiles of one image, each object once, the one with the highest score first.

    Of the detections of one object the surest that no tile cuts off stays; where all are cut off, the object has the
    box around all pieces, the pixels of all their masks, and the highest score.

    Args:
        parts: each tile with what was found in it, in its own pixels.
        size: of the image.
        classes: names, the background first.
    """
    if not parts:
        nothing = torch.zeros(0)
        return Detections(nothing.view(0, 4), nothing, nothing.long(), classes, None, size)
    tiles = [tile for tile, _ in parts]
    boxes = [found.boxes + found.boxes.new_tensor([tile.left, tile.top] * 2) for tile, found in parts]
    labels = [found.labels for _, found in parts]
    starts = torch.tensor([0, *(len(one) for one in boxes)]).cumsum(0).tolist()
    groups = list(range(starts[-1]))
    for one, other in combinations(range(len(tiles)), 2):
        for first, second in _same(tiles[one], tiles[other], (boxes[one], boxes[other]), (labels[one], labels[other])):
            _join(groups, starts[one] + first, starts[other] + second)
    whole = torch.cat([~_cut(tile, one, size) for tile, one in zip(tiles, boxes, strict=True)])
    scores = torch.cat([found.scores for _, found in parts])
    members: dict[int, list[int]] = {}
    for number in range(len(groups)):
        members.setdefault(_root(groups, number), []).append(number)
    chosen = [_kept(group, whole, scores) for group in members.values()]
    chosen.sort(key=lambda group: -float(scores[group].max()))
    every = torch.cat(boxes)
    return Detections(
        torch.stack([_around(every[group]) for group in chosen]) if chosen else every[:0],
        torch.stack([scores[group].max() for group in chosen]) if chosen else scores[:0],
        torch.cat(labels)[[group[0] for group in chosen]],
        classes,
        _united([found.masks for _, found in parts], tiles, chosen, size),
        size,
    )


def _same(one: Tile, other: Tile, boxes: tuple[Tensor, Tensor], labels: tuple[Tensor, Tensor]) -> list[tuple[int, int]]:
    """Pairs of detections of one object, the best agreement first, none in two pairs."""
    low = boxes[0].new_tensor([max(one.left, other.left), max(one.top, other.top)] * 2)
    ends = [(tile.left + tile.width, tile.top + tile.height) for tile in (one, other)]
    high = boxes[0].new_tensor([min(ends[0][0], ends[1][0]), min(ends[0][1], ends[1][1])] * 2)
    if bool((high <= low).any()):
        return []
    first_boxes, second_boxes = (each.maximum(low).minimum(high) for each in boxes)
    quality = box_iou(first_boxes, second_boxes)
    quality = quality.masked_fill(labels[0][:, None] != labels[1], 0)
    pairs = []
    while quality.numel() and float(quality.max()) >= AGREE:
        first, second = divmod(int(quality.argmax()), quality.shape[1])
        pairs.append((first, second))
        quality[first] = 0
        quality[:, second] = 0
    return pairs


def _cut(tile: Tile, boxes: Tensor, size: Size) -> Tensor:
    """Which boxes may go on beyond their tile."""
    height, width = size
    inner = (tile.left > 0, tile.top > 0, tile.left + tile.width < width, tile.top + tile.height < height)
    borders = boxes.new_tensor([tile.left, tile.top, tile.left + tile.width, tile.top + tile.height])
    return ((boxes - borders).abs() <= TOUCHING).logical_and(torch.tensor(inner, device=boxes.device)).any(dim=1)


def _kept(group: list[int], whole: Tensor, scores: Tensor) -> list[int]:
    """The surest whole detection of a group alone; without one, all of it."""
    complete = [number for number in group if bool(whole[number])]
    return [max(complete, key=lambda number: float(scores[number]))] if complete else group


def _around(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2].amin(dim=0), boxes[:, 2:].amax(dim=0)])


def _united(
    masks: Sequence[ObjectMasks | None], tiles: Sequence[Tile], chosen: Sequence[Sequence[int]], size: Size
) -> CroppedMasks | None:
    """The masks of the chosen groups; None where a tile has none."""
    placed: list[tuple[Tensor, tuple[int, int]]] = []
    for one, tile in zip(masks, tiles, strict=True):
        if one is None:
            return None
        corners = [(row + tile.top, column + tile.left) for row, column in one.corners]
        placed += zip(one.windows, corners, strict=True)
    both = [_union([placed[number] for number in group]) for group in chosen]
    return CroppedMasks([window for window, _ in both], [corner for _, corner in both], size)


def _union(pieces: list[tuple[Tensor, tuple[int, int]]]) -> tuple[Tensor, tuple[int, int]]:
    if len(pieces) == 1:
        return pieces[0]
    top, left = min(row for _, (row, _) in pieces), min(column for _, (_, column) in pieces)
    bottom = max(row + window.shape[0] for window, (row, _) in pieces)
    right = max(column + window.shape[1] for window, (_, column) in pieces)
    united = torch.zeros(bottom - top, right - left, dtype=torch.bool)
    for window, (row, column) in pieces:
        united[row - top : row - top + window.shape[0], column - left : column - left + window.shape[1]] |= window.cpu()
    return united, (top, left)


def _root(groups: list[int], number: int) -> int:
    while groups[number] != number:
        number = groups[number]
    return number


def _join(groups: list[int], one: int, other: int) -> None:
    first, second = sorted((_root(groups, one), _root(groups, other)))
    groups[second] = first
