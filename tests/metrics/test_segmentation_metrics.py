"""Counts against one-pixel-at-a-time references; ratios against hand-worked tables; absent classes and refusals."""

from inspect import unwrap

import pytest
import torch
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.metrics import (
    class_accuracy,
    confusion_matrix,
    dice,
    intersection_over_union,
    mean_iou,
    pixel_accuracy,
)
from references.segmentation_metrics import confusion_by_hand

# 4 + 1 + 2 true pixels of classes 0, 1, 2; class 3 is only predicted; class 4 is nowhere.
TABLE = torch.tensor([[3, 0, 0, 1, 0], [0, 1, 0, 0, 0], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
NAN = float("nan")


@pytest.mark.parametrize("dtypes", [(torch.uint8, torch.uint8), (torch.int64, torch.uint8), (torch.uint8, torch.int64)])
def test_confusion_equals_its_definition(dtypes: tuple[torch.dtype, torch.dtype]) -> None:
    prediction = torch.randint(0, 6, (2, 9, 11)).to(dtypes[0])
    truth = torch.randint(0, 6, (2, 9, 11))
    truth[torch.rand(2, 9, 11) < 0.2] = 255
    truth = truth.to(dtypes[1])
    assert torch.equal(confusion_matrix(prediction, truth, 6), confusion_by_hand(prediction, truth, 6))


def test_confusions_of_images_add_up() -> None:
    prediction, truth = torch.randint(0, 4, (3, 8, 8)), torch.randint(0, 4, (3, 8, 8))
    rows = torch.stack([confusion_matrix(p, t, 4) for p, t in zip(prediction, truth, strict=True)])
    assert torch.equal(rows.sum(0), confusion_matrix(prediction, truth, 4))


def test_predictions_at_ignored_pixels_do_not_matter() -> None:
    truth = torch.tensor([0, 255, 1])
    assert confusion_matrix(torch.tensor([0, 255, 1]), truth, 2).tolist() == [[1, 0], [0, 1]]


def test_ratios_of_a_hand_worked_table() -> None:
    assert_close(intersection_over_union(TABLE), torch.tensor([3 / 5, 1, 1 / 2, 0, NAN]).double(), equal_nan=True)
    assert mean_iou(TABLE).item() == pytest.approx((3 / 5 + 1 + 1 / 2 + 0) / 4)
    assert pixel_accuracy(TABLE).item() == pytest.approx(5 / 7)
    assert_close(class_accuracy(TABLE), torch.tensor([3 / 4, 1, 1 / 2, NAN, NAN]).double(), equal_nan=True)
    assert_close(dice(TABLE), torch.tensor([6 / 8, 1, 2 / 3, 0, NAN]).double(), equal_nan=True)


def test_many_tables_at_once_equal_one_by_one() -> None:
    tables = torch.randint(0, 9, (2, 5, 4, 4))
    for score in (intersection_over_union, mean_iou, pixel_accuracy, class_accuracy, dice):
        single = torch.stack([torch.stack([score(table) for table in row]) for row in tables])
        assert_close(score(tables), single, equal_nan=True)


def test_nothing_counted_gives_nan() -> None:
    empty = confusion_matrix(torch.zeros(4, dtype=torch.long), torch.full((4,), 255), 3)
    assert mean_iou(empty).isnan()
    assert pixel_accuracy(empty).isnan()
    assert intersection_over_union(empty).isnan().all()
    assert confusion_matrix(torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long), 2).sum() == 0


def test_dice_and_iou_tell_the_same_story() -> None:
    table = torch.randint(1, 50, (6, 6))
    iou = intersection_over_union(table)
    assert_close(dice(table), 2 * iou / (1 + iou))


@pytest.mark.parametrize(
    ("name", "prediction", "truth"), [("prediction", 3, 0), ("prediction", 255, 0), ("truth", 0, -1)]
)
def test_classes_out_of_range_are_named(name: str, prediction: int, truth: int) -> None:
    with pytest.raises(
        InputError, match=rf"wanted {name} classes in 0..2, got 1 counted pixels .*being {prediction or truth}\n"
    ):
        confusion_matrix(torch.tensor([0, prediction]), torch.tensor([0, truth]), 3)


def test_sizes_and_class_numbers_are_checked() -> None:
    labels = torch.zeros(4, 4, dtype=torch.long)
    with pytest.raises(InputError, match=r"shape \(4, 4\), got \(2, 2\)\nhint: compare at the size of the truth"):
        unwrap(confusion_matrix)(labels[:2, :2], labels, 2)
    for classes in (0, 256):
        with pytest.raises(InputError, match=f"wanted 1 to 255 classes, got {classes}"):
            confusion_matrix(labels, labels, classes)
