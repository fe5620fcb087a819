"""The record of an image's objects refuses parts that do not belong together."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from pixelwise.data.detection.objects import Objects, objects_of
from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import encode_mask


def three() -> Objects:
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 4], [2, 0, 4, 4]])
    masks = tuple(encode_mask(np.full((4, 5), number == 1)) for number in range(3))
    return objects_of(boxes, torch.tensor([1, 2, 1]), (4, 5), masks)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"crowd": torch.zeros(2, dtype=torch.bool)}, "crowd of shape"),
        ({"boxes": torch.zeros(3, 4, dtype=torch.float64)}, "boxes of shape"),
        ({"masks": ()}, "3 masks, one for each object, or None, got 0"),
        ({"labels": torch.tensor([0, 1, 2])}, "labels from 1 on, got 0"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(part: dict[str, Any], text: str) -> None:
    with pytest.raises(Exception) as caught:
        replace(three(), **part)
    if isinstance(caught.value, InputError):
        assert text in str(caught.value)
    else:
        assert "shape" in text and "type" in str(caught.value).lower()


def test_taking_by_mark_and_by_number_agree() -> None:
    marked = three().take(torch.tensor([False, True, True]))
    numbered = three().take(torch.tensor([1, 2]))
    assert marked.labels.tolist() == numbered.labels.tolist() == [2, 1]
    assert torch.equal(marked.boxes, numbered.boxes) and marked.masks == numbered.masks == three().masks[1:]


def test_none_can_be_taken() -> None:
    none = three().take(torch.zeros(3, dtype=torch.bool))
    assert (len(none), tuple(none.boxes.shape), none.masks) == (0, (0, 4), ())
