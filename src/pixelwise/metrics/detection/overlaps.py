"""Overlap and area of true objects and detections of one image, as COCO counts them."""

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.metrics.detection.protocol import Kind
from pixelwise.metrics.detection.records import Found, Truth, run_lengths_of
from pixelwise.ops.run_lengths import rle_area, rle_iou


def overlaps(truth: Truth, found: Found, kind: Kind) -> Float64[np.ndarray, "D G"]:
    """IoU of every detection with every true object; the union with a crowd is the detection alone."""
    crowd = truth.crowd.cpu().numpy()
    if kind == "boxes" or not len(found.labels) or not len(crowd):
        return crowd_iou(exact(found.boxes), exact(truth.boxes), crowd)
    assert truth.masks is not None, "check_records has seen these masks"
    return rle_iou(run_lengths_of(found.masks), truth.masks, crowd.tolist())


def crowd_iou(
    boxes1: Float64[np.ndarray, "D 4"], boxes2: Float64[np.ndarray, "G 4"], crowd: Bool[np.ndarray, " G"]
) -> Float64[np.ndarray, "D G"]:
    """IoU of boxes, where the union with a crowd is the first box alone; 0 for a box without area, or reversed."""
    sides = np.minimum(boxes1[:, None, 2:], boxes2[:, 2:]) - np.maximum(boxes1[:, None, :2], boxes2[:, :2])
    common = np.clip(sides, 0, None).prod(-1)
    area1, area2 = box_areas(boxes1)[:, None], box_areas(boxes2)
    union = np.where(crowd, area1, area1 + area2 - common)
    overlap: NDArray[np.float64] = np.where(common > 0, common, 0) / np.where(common > 0, union, 1)
    return overlap


def true_areas(truth: Truth) -> Float64[np.ndarray, " G"]:
    """Those of the annotations, else the masks', else the boxes'."""
    areas: Tensor | None = getattr(truth, "areas", None)
    if areas is not None:
        return exact(areas)
    if truth.masks is not None:
        return np.array([rle_area(mask) for mask in truth.masks], dtype=np.float64)
    return box_areas(exact(truth.boxes))


def found_areas(found: Found, kind: Kind) -> Float64[np.ndarray, " D"]:
    """Of what is compared."""
    if kind == "masks" and len(found.labels):
        return np.array([rle_area(mask) for mask in run_lengths_of(found.masks)], dtype=np.float64)
    return box_areas(exact(found.boxes))


def box_areas(boxes: Float64[np.ndarray, "N 4"]) -> Float64[np.ndarray, " N"]:
    """Square pixels; 0 for a reversed box."""
    areas: NDArray[np.float64] = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(-1)
    return areas


def exact(values: Tensor) -> NDArray[np.float64]:
    """The same numbers in float64, as COCO computes."""
    array: NDArray[np.float64] = values.detach().cpu().double().numpy()
    return array
