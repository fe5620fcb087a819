"""Outlines of objects: inside them, in colours of their own, and nothing else is changed."""

import numpy as np
import pytest
import torch

from pixelwise.drawing.instances import COLOURS, outline_instances
from pixelwise.errors import InputError


def test_outlines_lie_inside_and_leave_the_rest() -> None:
    image = np.random.default_rng(0).integers(0, 255, (9, 14, 3), np.uint8)
    objects = np.zeros((9, 14), np.int32)
    objects[2:7, 2:7], objects[2:7, 7:12] = 1, 2
    before = image.copy()
    picture = outline_instances(image, objects)
    assert np.array_equal(image, before)
    line = np.zeros(objects.shape, bool)
    for left in (2, 7):
        line[2:7, left : left + 5] = True
        line[3:6, left + 1 : left + 4] = False
    assert np.array_equal((picture != image).any(-1), line)
    assert len(np.unique(picture[line & (objects == 1)], axis=0)) == 1
    assert (picture[4, 6] != picture[4, 7]).any()  # two lines where they touch


def test_tensors_are_taken_and_the_picture_edge_is_no_outline() -> None:
    image, objects = torch.zeros(3, 4, 4), torch.ones(4, 4, dtype=torch.int32)
    assert not outline_instances(image, objects).any()
    objects[:, 2:] = 0
    assert outline_instances(image, objects).any(-1).nonzero()[1].tolist() == [1] * 4


def test_colours_are_different_until_they_come_again() -> None:
    objects = np.arange(COLOURS + 3, dtype=np.uint16)[None].repeat(2, 0)
    picture = outline_instances(np.zeros((2, COLOURS + 3, 3), np.uint8), objects)[0]
    assert len(np.unique(picture[1 : COLOURS + 1], axis=0)) == COLOURS
    assert np.array_equal(picture[1], picture[COLOURS + 1])
    assert not picture[0].any()


def test_refusals() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InputError, match=r"wanted object numbers 0, 1, 2, ... of shape \(H, W\), got int64 .* from -1"):
        outline_instances(image, np.full((4, 4), -1))
    with pytest.raises(InputError, match="got float64"):
        outline_instances(image, np.zeros((4, 4)))
    with pytest.raises(InputError, match=r"of the image's size \(4, 4\), got \(4, 5\)"):
        outline_instances(image, np.zeros((4, 5), np.int32))
