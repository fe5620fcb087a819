"""Boxes written in another order than the format's are recognised; sound and sloppy ones are not suspected."""

import pytest
import torch

from pixelwise.data.detection.box_order import meant_otherwise

SIZES = torch.tensor([[400.0, 600.0]]).expand(200, 2)


def corners(seed: int = 0) -> torch.Tensor:
    """True boxes of all places and sizes in an image of 400x600."""
    draw = torch.Generator().manual_seed(seed)
    sides = 10 + torch.rand(200, 2, generator=draw) * torch.tensor([150.0, 100.0])
    upper = torch.rand(200, 2, generator=draw) * (torch.tensor([600.0, 400.0]) - sides)
    return torch.cat([upper, upper + sides], dim=1)


def as_sides(boxes: torch.Tensor) -> torch.Tensor:
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1)


def read_as_sides(written: torch.Tensor) -> torch.Tensor:
    return torch.cat([written[:, :2], written[:, :2] + written[:, 2:]], dim=1)


def read_as_centre(written: torch.Tensor) -> torch.Tensor:
    return torch.cat([written[:, :2] - written[:, 2:] / 2, written[:, :2] + written[:, 2:] / 2], dim=1)


CASES = {
    "corners in COCO": ("coco", read_as_sides(corners()), "corners x0 y0 x1 y1 instead of x y width height"),
    "sides in VOC": ("voc", as_sides(corners()), "x y width height instead of corners"),
    "corners in YOLO": ("yolo", read_as_centre(corners()), "corners x0 y0 x1 y1 instead of centre and size"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_order_is_recognised(case: str) -> None:
    layout, read, words = CASES[case]
    found = meant_otherwise(layout, read, SIZES)
    assert found is not None and found[0] == words and found[1] > 0.25


def test_a_corner_in_place_of_the_centre_is_recognised_where_boxes_lie_at_the_upper_left() -> None:
    boxes = corners() * torch.tensor([0.2, 0.2, 0.2, 0.2])
    boxes = torch.cat([boxes[:, :2] * 0.3, boxes[:, :2] * 0.3 + boxes[:, 2:] - boxes[:, :2]], dim=1)
    found = meant_otherwise("yolo", read_as_centre(as_sides(boxes)), SIZES)
    assert found is not None and "instead of the centre" in found[0]


@pytest.mark.parametrize("layout", ["coco", "voc", "yolo"])
@pytest.mark.parametrize("sloppy", [0, 30])
def test_sound_boxes_are_not_suspected_even_if_some_leave_the_image(layout: str, sloppy: int) -> None:
    boxes = corners().clone()
    boxes[:sloppy, 2:] += 300
    assert meant_otherwise(layout, boxes, SIZES) is None


def test_a_handful_of_boxes_proves_nothing() -> None:
    assert meant_otherwise("coco", read_as_sides(corners())[:9], SIZES[:9]) is None


def test_boxes_that_fit_in_no_order_are_not_explained() -> None:
    assert meant_otherwise("coco", corners() + 700, SIZES) is None
