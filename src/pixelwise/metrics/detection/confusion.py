"""What is taken for what, and which images went worst, at one score and one overlap, from a table of matches."""

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from pixelwise.errors import InputError
from pixelwise.metrics.detection.protocol import LOWEST_IOU
from pixelwise.metrics.detection.table import MatchTable


def detection_confusion(
    table: MatchTable, score: float | int = 0.5, iou: float | int = 0.5
) -> Int64[np.ndarray, "K1 K1"]:
    """Counts by true class (rows) and found class (columns); row and column 0 are the background.

    Detections and objects are paired across classes, the pair of the largest overlap first, each at most once; of
    equal overlaps pairs of one class come first, then surer detections. Row 0 counts detections without an object,
    column 0 objects without a detection. Crowds and difficult objects do not count, nor does a detection that
    overlaps only them.

    Args:
        table: the matches.
        score: detections below this are left out.
        iou: pairs below this are none; 0.1..1.

    Raises:
        InputError: an IoU outside 0.1..1, below which no pairs are kept.
    """
    if not LOWEST_IOU <= iou <= 1:
        raise InputError(f"an IoU of {LOWEST_IOU}..1", f"{iou}", hint="0.5 is usual")
    found, truth = table.found, table.truth
    close = (table.pairs.iou >= iou) & (found.score[table.pairs.found] >= score)
    first, second, overlap = table.pairs.found[close], table.pairs.truth[close], table.pairs.iou[close]
    counted = ~truth.ignored[0]
    real = counted[second]
    pairs = _one_to_one(table, first[real], second[real], overlap[real])
    excused = np.zeros(len(found.image), np.bool_)
    excused[first[~real]] = True
    excused |= found.score < score
    excused[pairs[0]] = True
    left = counted.copy()
    left[pairs[1]] = False
    rows = np.concatenate([truth.label[pairs[1]], np.zeros((~excused).sum(), np.int64), truth.label[left]])
    columns = np.concatenate([found.label[pairs[0]], found.label[~excused], np.zeros(left.sum(), np.int64)])
    side = table.classes + 1
    return np.bincount(rows * side + columns, minlength=side**2).reshape(side, side)


def image_counts(table: MatchTable, score: float | int = 0.5, threshold: int = 0) -> Int64[np.ndarray, "N 3"]:
    """Right detections, wrong ones and missed objects of each image, for detections of at least this score.

    Args:
        table: the matches.
        score: detections below this are left out; no match changes by that, as surer detections are matched first.
        threshold: place in IOU_THRESHOLDS.
    """
    outcomes = table.outcomes("all", threshold)
    shown = outcomes.score >= score
    right = np.bincount(outcomes.image[shown & outcomes.right], minlength=table.images)
    wrong = np.bincount(outcomes.image[shown & outcomes.counted & ~outcomes.right], minlength=table.images)
    return np.stack([right, wrong, outcomes.truths.sum(1) - right], axis=1)


def worst_images(counts: Int64[np.ndarray, "N 3"], most: int) -> list[int]:
    """The images with the most errors for what is right: lowest TP / (TP + FP + FN), then most errors, then order.

    Images without an error are left out.
    """
    errors = counts[:, 1:].sum(1)
    share = counts[:, 0] / np.maximum(counts.sum(1), 1)
    order = np.lexsort((-errors, share))
    return [int(image) for image in order if errors[image]][:most]


def _one_to_one(
    table: MatchTable, found: NDArray[np.int64], truth: NDArray[np.int64], overlap: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs in which nothing occurs twice, taken greedily by overlap."""
    other = table.found.label[found] != table.truth.label[truth]
    order = np.lexsort((-table.found.score[found], other, -overlap))
    used: tuple[set[int], set[int]] = set(), set()
    chosen = []
    for pair, one, two in zip(order.tolist(), found[order].tolist(), truth[order].tolist(), strict=True):
        if one not in used[0] and two not in used[1]:
            used[0].add(one)
            used[1].add(two)
            chosen.append(pair)
    taken = np.array(chosen, dtype=np.int64)
    return found[taken], truth[taken]
