"""What suppression refuses, and what it says."""

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.ops.nms import batched_nms, nms

NAN = float("nan")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            (torch.rand(4), torch.rand(4), 0.5),
            r"wanted float boxes of shape \(N, 4\), got torch.float32 of shape \(4,\)",
        ),
        ((torch.rand(3, 5), torch.rand(3), 0.5), r"got torch.float32 of shape \(3, 5\)\nhint: .*reshape"),
        ((torch.ones(3, 4).long(), torch.rand(3), 0.5), r"got torch.int64 of shape \(3, 4\)"),
        (
            (torch.rand(3, 4), torch.rand(2), 0.5),
            r"wanted 3 float scores on cpu, one for each box, got .* \(2,\) on cpu",
        ),
        ((torch.rand(3, 4), torch.rand(3, 2), 0.5), r"\(3, 2\) on cpu\nhint: pass scores of shape \(N,\)"),
        ((torch.rand(3, 4), torch.ones(3).long(), 0.5), r"got torch.int64 of shape \(3,\)"),
        ((torch.rand(3, 4), torch.rand(3).to("meta"), 0.5), r"on meta"),
        ((torch.rand(3, 4), torch.rand(3), 1.5), r"wanted an iou_threshold from 0 to 1, got 1.5\nhint: 0.5 and 0.7"),
        ((torch.rand(3, 4), torch.rand(3), NAN), r"got nan"),
        ((torch.rand(3, 4), torch.rand(3), 0.5, -1), r"wanted a max_output of at least 0, got -1\nhint: pass None"),
    ],
)
def test_refusals(arguments: tuple[object, ...], text: str) -> None:
    unchecked = getattr(nms, "__wrapped__", nms)  # the shape checker of the tests would speak first
    with pytest.raises(InputError, match=text):
        unchecked(*arguments)


def test_refused_classes() -> None:
    unchecked = getattr(batched_nms, "__wrapped__", batched_nms)
    for classes, got in ((torch.rand(3), "torch.float32"), (torch.ones(2).long(), r"torch.int64 of shape \(2,\)")):
        with pytest.raises(
            InputError, match=rf"wanted 3 integer class indices on cpu, got {got}.*\nhint: .*labels.long"
        ):
            unchecked(torch.rand(3, 4), torch.rand(3), classes, 0.5)
