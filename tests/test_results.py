"""What predictions say of themselves."""

import dataclasses

import pytest
import torch

from pixelwise.results import Instances, Segmentation


def test_shares_are_parts_of_the_image():
    labels = torch.tensor([[0, 0, 1], [0, 2, 2]], dtype=torch.uint8)
    shares = Segmentation(labels, ("grass", "cow", "sky", "water")).shares
    assert shares == {"grass": 0.5, "cow": pytest.approx(1 / 6), "sky": pytest.approx(1 / 3), "water": 0.0}
    assert sum(shares.values()) == pytest.approx(1)


def test_an_image_without_pixels_has_no_shares():
    empty = Segmentation(torch.zeros(0, 5, dtype=torch.uint8), ("a", "b"))
    assert empty.shares == {"a": 0.0, "b": 0.0}


def test_a_prediction_cannot_be_changed():
    record = Segmentation(torch.zeros(2, 2, dtype=torch.uint8), ("a",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.classes = ("b",)


def test_instances_are_counted_by_their_classes():
    labels = torch.tensor([[0, 1, 2]], dtype=torch.int32)
    assert Instances(labels, ("cell", "cell"), torch.tensor([0.9, 0.8])).count == 2
    assert Instances(labels * 0, (), torch.zeros(0)).count == 0
