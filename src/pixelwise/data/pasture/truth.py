"""What is true of a painted world, pixel by pixel: classes, instances, boxes, flow, occlusion."""

import numpy as np
from jaxtyping import Bool, Float32, UInt8, UInt16

from pixelwise.data.pasture.bodies import Body, Place, bounds, carry
from pixelwise.data.pasture.frames import window
from pixelwise.data.pasture.light import bands
from pixelwise.data.pasture.world import Pair

Order = UInt16[np.ndarray, "H W"]
Flow = Float32[np.ndarray, "H W 2"]


def seen(
    order: Order, bodies: tuple[Body, ...], places: tuple[Place, ...]
) -> tuple[list[int], Float32[np.ndarray, "N 4"]]:
    """The animals of which a pixel is seen (their places in `bodies`), and tight boxes around what is seen of each."""
    numbers, boxes = [], []
    for number, (body, place) in enumerate(zip(bodies, places, strict=True)):
        rows, columns = window(bounds(body, place), *order.shape)
        mask = order[rows, columns] == number + 1
        if mask.any():
            down, across = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            numbers.append(number)
            boxes.append(
                (
                    columns.start + across[0],
                    rows.start + down[0],
                    columns.start + across[-1] + 1,
                    rows.start + down[-1] + 1,
                )
            )
    return numbers, np.array(boxes, dtype=np.float32).reshape(-1, 4)


def instance_map(order: Order, numbers: list[int]) -> Order:
    """Instances 1..N from back to front without gaps, 0 for the background."""
    table = np.zeros(max(numbers, default=-1) + 2, dtype=np.uint16)
    for instance, number in enumerate(numbers, start=1):
        table[number + 1] = instance
    instances: Order = table[order]
    return instances


def label_map(order: Order, bodies: tuple[Body, ...]) -> UInt8[np.ndarray, "H W"]:
    """The class of each pixel: 0 background, 1.. the species."""
    table = np.array([0, *(body.animal.species + 1 for body in bodies)], dtype=np.uint8)
    labels: UInt8[np.ndarray, "H W"] = table[order]
    return labels


def flow_between(
    order: Order, bodies: tuple[Body, ...], places: tuple[Place, ...], moved: tuple[Place, ...], pan: Pair
) -> Flow:
    """Where what is seen at each pixel centre of frame 1 goes, (dx, dy) in pixels, seen in frame 2 or not."""
    flow = np.empty((*order.shape, 2), dtype=np.float32)
    flow[:] = np.array(pan, dtype=np.float32)
    for number, (body, place, target) in enumerate(zip(bodies, places, moved, strict=True)):
        rows, columns = window(bounds(body, place), *order.shape)
        down, across = np.nonzero(order[rows, columns] == number + 1)
        x, y = columns.start + across + 0.5, rows.start + down + 0.5
        to_x, to_y = carry(target, x, y)
        flow[rows, columns][down, across] = np.stack([to_x - x, to_y - y], axis=1)
    return flow


def occlusion_between(order: Order, second: Order, flow: Flow) -> Bool[np.ndarray, "H W"]:
    """Pixels of frame 1 that frame 2 does not show: they leave the picture, or something nearer covers their new place.

    The pixel they come to is the one that contains the end of the flow vector. Things further back cannot hide
    anything, so rims at which rounding meets the background do not count.
    """
    height, width = order.shape
    hidden = np.empty((height, width), dtype=np.bool_)
    columns = np.arange(width, dtype=np.float32) + np.float32(0.5)
    for band in bands(height, width):
        rows = np.arange(band.start, band.stop, dtype=np.float32)[:, None] + np.float32(0.5)
        x = np.floor(columns + flow[band, :, 0])
        y = np.floor(rows + flow[band, :, 1])
        outside = (x < 0) | (x >= width) | (y < 0) | (y >= height)
        target = np.clip(y, 0, height - 1).astype(np.int64) * width + np.clip(x, 0, width - 1).astype(np.int64)
        hidden[band] = outside | (second.ravel()[target] > order[band])
    return hidden
