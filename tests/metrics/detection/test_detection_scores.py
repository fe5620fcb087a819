"""Scores against loops, weights against repeated images, hand-worked errors, and what is refused."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.metrics.detection import (
    ImageDetections,
    ImageTruth,
    class_ap,
    class_ar,
    coco_scores,
    detection_confusion,
    detection_errors,
    image_counts,
    match_objects,
    precision_recall,
    worst_images,
)
from pixelwise.metrics.detection.protocol import AREAS, IOU_THRESHOLDS
from pixelwise.ops.run_lengths import encode_mask
from references.detection_scores import ap_by_hand

CLASSES = ("background", "cow", "camel")
Sets = tuple[list[ImageTruth], list[ImageDetections]]


def boxes_of(generator: torch.Generator, count: int) -> Tensor:
    """Whole pixels, some of them alike, so that overlaps are equal now and then."""
    corner = torch.randint(0, 4, (count, 2), generator=generator) * 10
    sides = torch.randint(1, 5, (count, 2), generator=generator) * torch.randint(5, 30, (count, 1), generator=generator)
    return torch.cat([corner, corner + sides], dim=1).float()


def random_sets(seed: int, images: int = 4) -> Sets:
    """Few places, classes and scores: many ties, crowds, duplicates, and images without objects or detections."""
    generator = torch.Generator().manual_seed(seed)
    truths, found = [], []
    for _ in range(images):
        count, more = torch.randint(0, 6, (2,), generator=generator).tolist()
        boxes = boxes_of(generator, count)
        labels = torch.randint(1, 3, (count,), generator=generator)
        crowd = torch.rand(count, generator=generator) < 0.15
        truths.append(ImageTruth(boxes, labels, crowd))
        shift = torch.randint(-4, 5, (count, 4), generator=generator)
        near = torch.cat([boxes + shift, boxes, boxes_of(generator, more)])
        near[:, 2:] = near[:, 2:].maximum(near[:, :2] + 1)
        scores = torch.randint(1, 9, (len(near),), generator=generator) / 10
        found.append(ImageDetections(near, scores, torch.randint(1, 3, (len(near),), generator=generator)))
    return truths, found


def of_class(sets: Sets, label: int) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    rows = []
    for truth, found in zip(*sets, strict=True):
        mine, theirs = truth.labels == label, found.labels == label
        rows.append((truth.boxes[mine], truth.crowd[mine], found.boxes[theirs], found.scores[theirs]))
    return rows


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), limit=st.sampled_from([1, 2, 100]))
def test_ap_and_ar_equal_plain_loops(seed: int, limit: int) -> None:
    sets = random_sets(seed)
    table = match_objects(*sets, classes=2)
    for area in ("all", "small", "medium"):
        ap, ar = class_ap(table, area=area, limit=limit)[0], class_ar(table, area=area, limit=limit)[0]
        for row in (0, 5, 9):
            for label in (1, 2):
                expected = ap_by_hand(of_class(sets, label), float(IOU_THRESHOLDS[row]), AREAS[area], limit)
                assert (ap[row, label - 1], ar[row, label - 1]) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), weights=st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_weights_equal_repeated_images(seed: int, weights: list[int]) -> None:
    # Where two detections of one image tie, copies of the image would interleave them.
    truths, tied = random_sets(seed)
    order = torch.randperm(1000) / 1000
    found = [ImageDetections(each.boxes, order[: len(each.labels)].roll(n), each.labels) for n, each in enumerate(tied)]
    drawn = [image for image, weight in enumerate(weights) for _ in range(weight)]
    repeated = match_objects([truths[i] for i in drawn], [found[i] for i in drawn], classes=2)
    table = match_objects(truths, found, classes=2)
    draw = np.array([weights], dtype=np.float64)
    for score in (class_ap, class_ar):
        assert np.allclose(score(table, draw), score(repeated), rtol=0, atol=1e-12, equal_nan=True)


def test_unit_weights_give_the_same_numbers_bit_for_bit() -> None:
    scores = coco_scores(*random_sets(3, images=20), CLASSES)
    assert scores.resampled_ap(np.ones((3, 20))).tolist() == [scores.ap] * 3


def test_masks_that_fill_their_boxes_score_as_boxes() -> None:
    truths, found = random_sets(5, images=6)

    def filled(boxes: Tensor) -> list:
        rles = []
        for x0, y0, x1, y1 in (boxes + 5).int().tolist():
            mask = np.zeros((200, 200), np.bool_)
            mask[y0:y1, x0:x1] = True
            rles.append(encode_mask(mask))
        return rles

    masked = [ImageTruth(each.boxes, each.labels, each.crowd, filled(each.boxes)) for each in truths]
    seen = [ImageDetections(each.boxes, each.scores, each.labels, filled(each.boxes)) for each in found]
    expected = coco_scores(truths, found, CLASSES).coco
    assert coco_scores(masked, seen, CLASSES, "masks").coco == pytest.approx(expected, abs=1e-12, nan_ok=True)


def truth_of(boxes: list[list[float]], labels: list[int], crowd: list[bool] | None = None) -> ImageTruth:
    marks = torch.tensor(crowd or [False] * len(labels), dtype=torch.bool)
    return ImageTruth(torch.tensor(boxes).reshape(-1, 4), torch.tensor(labels, dtype=torch.int64), marks)


def found_of(boxes: list[list[float]], labels: list[int], scores: list[float]) -> ImageDetections:
    return ImageDetections(
        torch.tensor(boxes).reshape(-1, 4), torch.tensor(scores), torch.tensor(labels, dtype=torch.int64)
    )


def test_nothing_to_find_is_not_a_number_and_nothing_found_is_zero() -> None:
    nothing = coco_scores([truth_of([], [])], [found_of([[0.0, 0, 9, 9]], [1], [0.9])], CLASSES)
    assert all(math.isnan(value) for value in nothing.coco)
    missed = coco_scores([truth_of([[0.0, 0, 9, 9]], [1])], [found_of([], [], [])], CLASSES)
    assert missed.ap == missed.ap50 == missed.ar_by_limit[100] == 0
    assert math.isnan(missed.ap_by_class["camel"]), "an absent class enters no mean"
    assert missed.to_json()["ap_by_class"] == {"cow": 0.0, "camel": None}
    empty = coco_scores([], [], CLASSES)
    assert math.isnan(empty.ap)


def test_an_image_of_crowds_adds_nothing() -> None:
    good = truth_of([[0.0, 0, 9, 9]], [1]), found_of([[0.0, 0, 9, 9]], [1], [0.5])
    crowd = truth_of([[0.0, 0, 90, 90]], [1], [True])
    inside = found_of([[float(x), 0, x + 9, 9] for x in range(0, 70, 10)], [1] * 7, [0.9] * 7)
    scores = coco_scores([good[0], crowd], [good[1], inside], CLASSES)
    assert scores.ap == pytest.approx(1, abs=1e-12)
    assert sum(detection_errors(scores.table).counts.values()) == 0
    assert detection_confusion(scores.table).sum() == 1


def test_a_difficult_object_is_neither_missed_nor_found() -> None:
    truth = ImageTruth(
        torch.tensor([[0.0, 0, 9, 9], [20, 0, 29, 9]]),
        torch.tensor([1, 1]),
        torch.tensor([False, False]),
        difficult=torch.tensor([False, True]),
    )
    table = match_objects([truth], [found_of([[20.0, 0, 29, 9], [0, 0, 9, 9]], [1, 1], [0.9, 0.8])], classes=1)
    assert class_ap(table)[0, 0, 0] == pytest.approx(1, abs=1e-12)
    assert image_counts(table).tolist() == [[1, 0, 0]]


def test_at_most_a_hundred_detections_of_a_class_and_image_count() -> None:
    boxes = [[0.0, 0, 9, 9]] * 999 + [[50.0, 0, 59, 9]]
    found = found_of(boxes, [1] * 1000, [0.9] * 999 + [0.1])
    scores = coco_scores([truth_of([[50.0, 0, 59, 9]], [1])], [found], CLASSES)
    assert len(scores.table.found.image) == 100
    assert scores.ap == 0, "the right one is number 1000"


def test_equal_scores_keep_their_order() -> None:
    truth, right, wrong = truth_of([[0.0, 0, 9, 9]], [1]), [0.0, 0, 9, 9], [40.0, 0, 49, 9]
    first = coco_scores([truth], [found_of([right, wrong], [1, 1], [0.5, 0.5])], CLASSES)
    second = coco_scores([truth], [found_of([wrong, right], [1, 1], [0.5, 0.5])], CLASSES)
    assert (first.ap50, second.ap50) == pytest.approx((1, 0.5), abs=1e-12)


def all_errors() -> tuple[ImageTruth, ImageDetections]:
    """Five objects; a detection of every kind, the surest of all right."""
    truth = truth_of(
        [[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10], [80, 0, 90, 10]], [1, 1, 1, 1, 2]
    )
    boxes = [[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [40, 0, 50, 4], [60, 0, 70, 4], [0, 50, 9, 59]]
    return truth, found_of(boxes, [1, 1, 2, 1, 2, 1], [0.9, 0.8, 0.7, 0.65, 0.6, 0.55])


def test_each_error_is_named_by_its_definition() -> None:
    truth, found = all_errors()
    errors = detection_errors(match_objects([truth], [found], classes=2))
    assert errors.counts == {"class": 1, "location": 1, "both": 1, "duplicate": 1, "background": 1, "missed": 2}
    assert errors.missed.tolist() == [False, False, False, True, True], "a class and a location error explain two"


def test_gains_are_what_mending_one_kind_brings() -> None:
    truth, found = all_errors()
    gains = detection_errors(match_objects([truth], [found], classes=2)).gains
    # Before: 1 of 4 cows at precision 1 up to recall 0.25 (26 points of 101), no camel. Mending the location gives 2 of
    # 4, the second at precision 2/3 behind the duplicate: 25 points more.
    assert gains["location"] == pytest.approx((25 * 2 / 3) / 101 / 2, abs=1e-12)
    assert gains["class"] == pytest.approx((25 * 2 / 3) / 101 / 2, abs=1e-12)
    # Only three cows are asked for: precision 1 up to recall 1/3 (34 points); the camels are asked for no more.
    assert gains["missed"] == pytest.approx(34 / 101 - 26 / 101 / 2, abs=1e-12)
    assert [gains[each] for each in ("both", "duplicate", "background")] == [0, 0, 0], (
        "they lie behind all that is right"
    )


def test_the_confusion_matrix_has_a_row_and_a_column_of_nothing() -> None:
    truth, found = all_errors()
    table = match_objects([truth], [found], classes=2)
    # Nothing was invented three times as cow (duplicate, too far off, nowhere), once as camel; three objects missed.
    assert detection_confusion(table).tolist() == [[0, 3, 1], [2, 1, 1], [1, 0, 0]]
    assert detection_confusion(table, score=0.85).sum(1).tolist() == [0, 4, 1]
    with pytest.raises(InputError, match=r"an IoU of 0\.1\.\.1, got 0\.05"):
        detection_confusion(table, iou=0.05)


def test_the_worst_image_comes_first_and_perfect_ones_never() -> None:
    truth, found = all_errors()
    perfect = truth_of([[0.0, 0, 9, 9]], [1]), found_of([[0.0, 0, 9, 9]], [1], [0.9])
    missed = truth_of([[0.0, 0, 9, 9]], [1]), found_of([], [], [])
    table = match_objects([perfect[0], truth, missed[0]], [perfect[1], found, missed[1]], classes=2)
    counts = image_counts(table)
    assert counts.tolist() == [[1, 0, 0], [1, 5, 4], [0, 0, 1]]
    assert worst_images(counts, 5) == [2, 1]


def test_a_curve_has_a_point_for_each_object_found() -> None:
    truth = truth_of([[0.0, 0, 9, 9], [20, 0, 29, 9]], [1, 1])
    found = found_of([[0.0, 0, 9, 9], [50, 0, 59, 9], [20, 0, 29, 9]], [1, 1, 1], [0.9, 0.8, 0.7])
    curve = precision_recall(match_objects([truth], [found], classes=1), label=1)
    assert curve.recall.tolist() == [0.5, 1]
    assert curve.precision.tolist() == pytest.approx([1, 2 / 3])
    assert curve.score.tolist() == pytest.approx([0.9, 0.7])


@pytest.mark.parametrize(
    ("truth", "found", "text"),
    [
        (truth_of([[0.0, 0, 9, 9]], [3]), found_of([], [], []), r"labels 1\.\.2 in the true objects of image 0, got 3"),
        (
            truth_of([], []),
            found_of([[0.0, 0, 9, 9]], [0], [0.5]),
            "in the detections of image 0, got 0",
        ),
        (truth_of([], []), found_of([[0.0, 0, 9, 9]], [1], [math.nan]), "scores that are numbers in the detections"),
        (truth_of([], []), found_of([[0.0, 0, math.inf, 9]], [1], [0.5]), "finite boxes in the detections of image 0"),
    ],
)
def test_what_would_give_silent_garbage_is_refused(truth: ImageTruth, found: ImageDetections, text: str) -> None:
    with pytest.raises(InputError, match=text):
        coco_scores([truth], [found], CLASSES)


def test_records_that_do_not_fit_are_refused() -> None:
    truth, found = all_errors()
    with pytest.raises(InputError, match="detections for 2 images, got 1"):
        coco_scores([truth, truth], [found], CLASSES)
    with pytest.raises(InputError, match="5 masks in the true objects of image 0, got 0"):
        coco_scores([truth], [found], CLASSES, "masks")
    with pytest.raises(InputError, match="at least one class beside the background"):
        coco_scores([truth], [found], ("background",))
    table = match_objects([truth], [found], classes=2)
    with pytest.raises(InputError, match="finite weights of at least 0 for 1 images"):
        class_ap(table, np.ones((2, 3)))
    with pytest.raises(InputError, match="lowest -1"):
        class_ap(table, -np.ones((1, 1)))
