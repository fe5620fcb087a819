"""Which detection finds which object: COCO's greedy matching, for all images, thresholds and area ranges at once.

Going down the scores, each detection takes the free object of its class that it overlaps most. Objects that count come
before those that are ignored; a crowd can be taken again and again; of equal overlaps the last object is taken. One
detection of each image and class is matched at a time, and those of all images together, so that the loop has at most
100 steps whatever the number of images.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.metrics.detection.overlaps import exact, found_areas, overlaps, true_areas
from pixelwise.metrics.detection.protocol import AREAS, IOU_THRESHOLDS, LOWEST_IOU, MAX_DETECTIONS, Kind
from pixelwise.metrics.detection.records import Found, Truth, check_records
from pixelwise.metrics.detection.table import FoundObjects, MatchTable, Pairs, TrueObjects

Numbers = NDArray[np.int64]


def match_objects(truths: Sequence[Truth], found: Sequence[Found], classes: int, kind: Kind = "boxes") -> MatchTable:
    """The matches of every image.

    Args:
        truths: the true objects, by image.
        found: the detections, by image, each in any order; equal scores keep it.
        classes: K, without the background.
        kind: whether boxes or masks are compared.

    Raises:
        InputError: what `pixelwise.metrics.detection.records.check_records` refuses, or masks that cannot be read.
    """
    check_records(truths, found, classes, kind)
    true = _true_objects(truths)
    kept = _found_objects(found, kind)
    pairs = _pairs(truths, found, kept, true, kind)
    return MatchTable(kept, true, pairs, _partners(pairs, kept, true), len(truths), classes)


def _true_objects(truths: Sequence[Truth]) -> TrueObjects:
    image, place = _addresses([len(truth.labels) for truth in truths])
    crowd = _joined([truth.crowd.cpu().numpy() for truth in truths], np.bool_)
    difficult = _joined([_difficult(truth) for truth in truths], np.bool_)
    areas = _joined([true_areas(truth) for truth in truths], np.float64)
    ignored = _outside(areas) | crowd | difficult
    label = _joined([truth.labels.cpu().numpy() for truth in truths], np.int64)
    return TrueObjects(image, place, label, crowd, ignored)


def _difficult(truth: Truth) -> NDArray[np.bool_]:
    marks = getattr(truth, "difficult", None)
    return np.zeros(len(truth.labels), np.bool_) if marks is None else np.asarray(marks.cpu().numpy(), np.bool_)


def _found_objects(found: Sequence[Found], kind: Kind) -> FoundObjects:
    image, place = _addresses([len(each.labels) for each in found])
    label = _joined([each.labels.cpu().numpy() for each in found], np.int64)
    score = _joined([exact(each.scores) for each in found], np.float64)
    outside = _outside(_joined([found_areas(each, kind) for each in found], np.float64))
    order = np.lexsort((place, -score, label, image))
    first = np.flatnonzero(np.diff(image[order], prepend=-1) | np.diff(label[order], prepend=0))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    order, rank = order[rank < MAX_DETECTIONS[-1]], rank[rank < MAX_DETECTIONS[-1]]
    return FoundObjects(image[order], place[order], label[order], score[order], rank, outside[:, order])


def _pairs(truths: Sequence[Truth], found: Sequence[Found], kept: FoundObjects, true: TrueObjects, kind: Kind) -> Pairs:
    """Every pair that overlaps enough to be told from none."""
    rows: list[tuple[Numbers, Numbers, NDArray[np.float64]]] = []
    numbers = np.arange(len(truths) + 1)
    from_, since = np.searchsorted(kept.image, numbers), np.searchsorted(true.image, numbers)
    for image, (truth, each) in enumerate(zip(truths, found, strict=True)):
        if from_[image] == from_[image + 1] or since[image] == since[image + 1]:
            continue
        iou = overlaps(truth, each, kind)[kept.place[from_[image] : from_[image + 1]]]
        detection, object_ = np.nonzero(iou >= LOWEST_IOU)
        rows.append((detection + from_[image], object_ + since[image], iou[detection, object_]))
    return Pairs(
        _joined([row[0] for row in rows], np.int64),
        _joined([row[1] for row in rows], np.int64),
        _joined([row[2] for row in rows], np.float64),
    )


def _partners(pairs: Pairs, found: FoundObjects, true: TrueObjects) -> Numbers:
    """For each area range, threshold and detection the object it takes, or -1."""
    limits = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)  # COCO's own guard, for a threshold of 1
    near = (pairs.iou >= limits[0]) & (found.label[pairs.found] == true.label[pairs.truth])
    detection, object_, iou = pairs.found[near], pairs.truth[near], pairs.iou[near]
    order = np.lexsort((object_, iou, detection, found.rank[detection]))
    detection, object_, iou = detection[order], object_[order], iou[order]
    partner = np.full((len(AREAS), len(limits), len(found.image)), -1, dtype=np.int64)
    taken = np.zeros((len(AREAS), len(limits), len(true.image)), dtype=np.bool_)
    steps = np.flatnonzero(np.diff(found.rank[detection], prepend=-1, append=MAX_DETECTIONS[-1]))
    for start, end in pairwise(steps.tolist()):
        g = object_[start:end]
        free = (~taken[:, :, g] | true.crowd[g]) & (iou[start:end] >= limits[:, None])
        # The candidates of a detection stand in rising order of overlap, so the last free one is the best.
        place = np.arange(len(g))
        worth = np.where(free, place + len(g) * ~true.ignored[:, None, g], -1)
        first = np.flatnonzero(np.diff(detection[start:end], prepend=-1))
        best = np.maximum.reduceat(worth, first, axis=2)
        chosen = np.where(best >= 0, g[best % len(g)], -1)
        partner[:, :, detection[start:end][first]] = chosen
        area, threshold, which = np.nonzero(best >= 0)
        taken[area, threshold, chosen[area, threshold, which]] = True
    return partner


def _outside(areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """For each range of areas, which are outside it."""
    return np.stack([(areas < low) | (areas > high) for low, high in AREAS.values()])


def _addresses(counts: list[int]) -> tuple[Numbers, Numbers]:
    """The image of each object, and its place in there."""
    places = [np.arange(count) for count in counts]
    return np.repeat(np.arange(len(counts)), counts), _joined(places, np.int64)


def _joined(parts: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    """One array of all parts, also where there are none."""
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype)
