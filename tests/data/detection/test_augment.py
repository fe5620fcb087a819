"""Images and their objects move together: masks pixel by pixel, boxes around them, and what a crop cuts off."""

import dataclasses
from unittest import mock

import numpy as np
import pytest
import torch

from pixelwise.data.detection import augment as module
from pixelwise.data.detection.augment import augment_objects
from pixelwise.data.detection.objects import Objects, objects_of
from pixelwise.data.transforms import Augmentation, Geometry, light, none, strong
from pixelwise.data.transforms.geometry import Move, draw_move
from pixelwise.ops.run_lengths import decode_mask, encode_mask
from references.moved_objects import box_by_hand, masks_by_hand

SIZE = (48, 64)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blobs(count: int, seed: int = 0) -> Objects:
    """Discs that may overlap."""
    draws = np.random.default_rng(seed)
    rows, columns = np.indices(SIZE)
    masks, boxes = [], []
    for _ in range(count):
        y, x, radius = draws.uniform(0, SIZE[0]), draws.uniform(0, SIZE[1]), draws.uniform(3, 12)
        inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        masks.append(encode_mask(inside))
        boxes.append(box_by_hand(torch.from_numpy(inside)))
    return objects_of(torch.tensor(boxes), torch.arange(1, count + 1), SIZE, tuple(masks))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation((32, 32), Geometry(flip=True, flip_vertical=True, rotate90=True)),
        Augmentation(None, Geometry(rotation=30, scale=(0.5, 2.0), shear=5)),
        dataclasses.replace(strong((40, 24)), geometry=Geometry(rotation=180, scale=(0.7, 1.5))),
    ],
    ids=["exact", "whole", "crop"],
)
def test_masks_and_boxes_equal_masks_moved_one_by_one(augmentation: Augmentation, seed: int) -> None:
    objects = blobs(7, seed)
    moves: list[Move] = []

    def watched(*given: object) -> Move:
        moves.append(draw_move(*given))
        return moves[-1]

    with mock.patch.object(module, "draw_move", watched):
        image, moved = augment_objects(torch.rand(3, *SIZE), objects, augmentation, generator(seed))
    expected = dict(enumerate(masks_by_hand(objects, moves[0]), start=1))
    assert image.shape[1:] == moved.size == moves[0].size
    assert moved.masks is not None
    assert set(moved.labels.tolist()) == {label for label, mask in expected.items() if mask.any()}
    for label, box, mask in zip(moved.labels.tolist(), moved.boxes.tolist(), moved.masks, strict=True):
        assert np.array_equal(decode_mask(mask), expected[label].numpy())
        assert box == box_by_hand(expected[label])


def test_objects_that_are_mostly_cut_off_are_neither_right_nor_wrong() -> None:
    boxes = torch.tensor([[0.0, 0, 16, 16], [40, 20, 56, 36], [12, 30, 18, 36]])
    objects = objects_of(boxes, torch.tensor([1, 2, 3]), SIZE)
    _, moved = augment_objects(torch.rand(3, *SIZE), objects, none((20, 20)), generator(0), around=(46.0, 24.0))
    assert moved.labels.tolist() == [2]
    assert moved.difficult.tolist() == [False]
    _, moved = augment_objects(torch.rand(3, *SIZE), objects, none((20, 20)), generator(0), around=(30.0, 24.0))
    assert moved.labels.tolist() == []
    _, moved = augment_objects(torch.rand(3, *SIZE), objects, none((20, 20)), generator(0), around=(33.0, 24.0))
    assert moved.boxes.tolist() == [[17.0, 6.0, 20.0, 20.0]]
    assert moved.difficult.tolist() == [True], "3 of its 16 columns are left"


def test_outside_the_image_lies_the_fill_and_no_mirror_image() -> None:
    image = torch.zeros(3, 8, 8)
    image[:, :, 7] = 1
    shown, _ = augment_objects(
        image, objects_of(torch.zeros(0, 4), torch.zeros(0).long(), (8, 8)), none((8, 16)), generator(0), None,
        (0.25, 0.5, 0.75),
    )  # fmt: skip
    assert shown[:, 0, 0].tolist() == [0.25, 0.5, 0.75]
    assert shown[0].eq(1).sum() == 8


def test_a_thousand_objects_without_masks_and_none_at_all() -> None:
    boxes = torch.rand(1000, 4) * 20
    boxes[:, 2:] += boxes[:, :2] + 1
    many = objects_of(boxes, torch.ones(1000, dtype=torch.int64), SIZE)
    _, moved = augment_objects(torch.rand(3, *SIZE), many, light(), generator(1))
    assert 0 < len(moved) <= 1000
    assert (moved.boxes[:, 2:] > moved.boxes[:, :2]).all()
    nothing = objects_of(torch.zeros(0, 4), torch.zeros(0).long(), SIZE, ())
    _, moved = augment_objects(torch.rand(3, *SIZE), nothing, light((32, 32)), generator(1))
    assert len(moved) == 0
    assert moved.masks == ()


def test_the_same_state_gives_the_same_result_and_the_input_stays() -> None:
    image, objects = torch.rand(3, *SIZE), blobs(4)
    before = image.clone()
    first = augment_objects(image, objects, strong((32, 32)), generator(5))
    second = augment_objects(image, objects, strong((32, 32)), generator(5))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1].boxes, second[1].boxes)
    assert torch.equal(image, before)
