"""Average precision and recall from matches, with any weights on the images: adding and dividing, no matching.

A weight of 2 counts an image as if it were there twice, 0 as if it were not; the weights of a bootstrap draw are how
often it drew each image. With whole numbers all sums are exact; with fractions a recall may miss a point by rounding.
Detections of one image with equal scores stay in their order: copies of the image would interleave them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pixelwise.errors import InputError
from pixelwise.metrics.detection.protocol import IOU_THRESHOLDS, MAX_DETECTIONS, RECALL_POINTS
from pixelwise.metrics.detection.table import MatchTable, Outcomes

Weights = Float64[np.ndarray, "B N"]

AT_ONCE = 2**20
"""Numbers in one block of draws by detections: 8 MB, of which a handful are alive at a time."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision over recall of one class at one IoU threshold: one point for each recall that is reached.

    `score` is the lowest score among the detections that reach it.
    """

    recall: Float64[np.ndarray, " P"]
    precision: Float64[np.ndarray, " P"]
    score: Float64[np.ndarray, " P"]


def class_ap(
    table: MatchTable,
    weights: Weights | None = None,
    area: str = "all",
    limit: int = MAX_DETECTIONS[-1],
    thresholds: tuple[int, ...] = tuple(range(len(IOU_THRESHOLDS))),
) -> Float64[np.ndarray, "B T K"]:
    """Average precision by draw, IoU threshold and class, in 0..1; NaN for a class without objects in the draw.

    Args:
        table: the matches.
        weights: of each image in each draw, none below 0; None is one draw with all weights 1.
        area: one of AREAS.
        limit: at most this many detections of an image and class count.
        thresholds: places in IOU_THRESHOLDS.

    Raises:
        InputError: weights that are not one per image, or below 0, or not finite.
    """
    weights = _checked(table, weights)
    rows = [outcomes_ap(table.outcomes(area, each, limit), weights) for each in thresholds]
    return np.stack(rows, axis=1)


def class_ar(
    table: MatchTable, weights: Weights | None = None, area: str = "all", limit: int = MAX_DETECTIONS[-1]
) -> Float64[np.ndarray, "B T K"]:
    """Recall by draw, IoU threshold and class when all detections are taken; NaN for a class without objects.

    Args:
        table: the matches.
        weights: as in `class_ap`.
        area: one of AREAS.
        limit: at most this many detections of an image and class count.

    Raises:
        InputError: as `class_ap`.
    """
    weights = _checked(table, weights)
    rows = []
    for threshold in range(len(IOU_THRESHOLDS)):
        outcomes = table.outcomes(area, threshold, limit)
        cells = outcomes.image[outcomes.right] * table.classes + outcomes.label[outcomes.right] - 1
        right = np.bincount(cells, minlength=table.images * table.classes).reshape(table.images, table.classes)
        rows.append(_ratio(weights @ right.astype(np.float64), weights @ outcomes.truths.astype(np.float64)))
    return np.stack(rows, axis=1)


def outcomes_ap(outcomes: Outcomes, weights: Weights) -> Float64[np.ndarray, "B K"]:
    """Average precision of each class in each draw, from what its detections are worth."""
    order = np.argsort(-outcomes.score, kind="stable")
    order = order[outcomes.counted[order]]
    precisions = []
    for label in range(1, outcomes.truths.shape[1] + 1):
        mine = order[outcomes.label[order] == label]
        truths = weights @ outcomes.truths[:, label - 1]
        precisions.append(_draws_ap(outcomes.image[mine], outcomes.right[mine], truths, weights))
    return np.stack(precisions, axis=1) if precisions else np.zeros((len(weights), 0))


def precision_recall(table: MatchTable, label: int, threshold: int = 0) -> Curve:
    """The curve of one class, all areas; empty where nothing was found.

    Args:
        table: the matches.
        label: 1..K.
        threshold: place in IOU_THRESHOLDS.
    """
    outcomes = table.outcomes("all", threshold)
    chosen = np.flatnonzero(outcomes.counted & (outcomes.label == label))
    order = chosen[np.argsort(-outcomes.score[chosen], kind="stable")]
    right = outcomes.right[order]
    truths = int(outcomes.truths[:, label - 1].sum())
    found = np.cumsum(right)[right]
    precision = found / (np.flatnonzero(right) + 1)
    return Curve(found / max(1, truths), precision, outcomes.score[order][right])


def _draws_ap(
    image: NDArray[np.int64], right: NDArray[np.bool_], truths: NDArray[np.float64], weights: Weights
) -> NDArray[np.float64]:
    """AP of one class in each draw; detections in falling order of score."""
    precisions = np.zeros(len(weights))
    if right.any():
        step = max(1, AT_ONCE // len(image))
        for start in range(0, len(weights), step):
            part = slice(start, start + step)
            precisions[part] = _block_ap(image, right, truths[part], weights[part])
    return np.where(truths > 0, precisions, np.nan)


def _block_ap(
    image: NDArray[np.int64], right: NDArray[np.bool_], truths: NDArray[np.float64], weights: Weights
) -> NDArray[np.float64]:
    # Between two right detections recall stands still and precision falls, so the curve is needed at right ones only.
    taken = np.cumsum(weights[:, image], axis=1)[:, right]
    found = np.cumsum(weights[:, image[right]], axis=1)
    precision = found / (taken + np.spacing(1))  # COCO's guard against 0/0, kept to have its numbers
    falling = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = found / np.where(truths > 0, truths, 1)[:, None]
    # Each point of recall is read at the first detection that reaches it, so a detection is read as often as it is
    # the first to reach a point.
    reached = np.searchsorted(RECALL_POINTS, recall, side="right")
    mean: NDArray[np.float64] = (falling * np.diff(reached, prepend=0, axis=1)).sum(1) / len(RECALL_POINTS)
    return mean


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
    return ratio


def _checked(table: MatchTable, weights: Weights | None) -> Weights:
    if weights is None:
        return np.ones((1, table.images))
    if weights.shape[1] != table.images or not np.isfinite(weights).all() or (weights < 0).any():
        raise InputError(
            f"finite weights of at least 0 for {table.images} images",
            f"shape {weights.shape}, lowest {weights.min() if weights.size else 'none'}",
            hint="one row per draw, one column per image",
        )
    return weights
