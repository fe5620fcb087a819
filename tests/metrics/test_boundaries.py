"""Boundary counts against their definition, hand-worked shifts, ignored pixels, and refusals."""

from inspect import unwrap

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.metrics import boundary_counts, boundary_f1
from references.segmentation_metrics import boundary_counts_by_hand


def blocks(height: int, width: int, classes: int) -> Tensor:
    """Random patches of 3 x 3 pixels, so that there are interiors as well as boundaries."""
    coarse = torch.randint(0, classes, (height // 3 + 1, width // 3 + 1))
    return coarse.repeat_interleave(3, 0).repeat_interleave(3, 1)[:height, :width]


def square(left: int, size: int = 24) -> Tensor:
    labels = torch.zeros(size, size, dtype=torch.long)
    labels[8:16, left : left + 8] = 1
    return labels


@pytest.mark.parametrize("tolerance", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [(17, 13), (1, 9), (2, 2), (1, 1)])
def test_counts_equal_the_definition(size: tuple[int, int], tolerance: int) -> None:
    prediction, truth = blocks(*size, 4), blocks(*size, 4)
    truth[torch.rand(size) < 0.1] = 255
    expected = boundary_counts_by_hand(prediction, truth, 4, tolerance)
    assert torch.equal(boundary_counts(prediction.to(torch.uint8), truth, 4, tolerance), expected)


def test_the_same_map_scores_one() -> None:
    labels = blocks(30, 30, 3)
    assert (boundary_f1(boundary_counts(labels, labels, 3, 0)) == 1).all()


def test_a_shift_is_forgiven_up_to_the_tolerance() -> None:
    # The outline of an 8 x 8 square has 28 pixels; shifted by 2, its two long sides keep 6 + 6 pixels in place.
    truth, shifted = square(8), square(10)
    assert boundary_counts(shifted, truth, 2, 0)[1].tolist() == [12, 28, 12, 28]
    scores = [float(boundary_f1(boundary_counts(shifted, truth, 2, tolerance))[1]) for tolerance in range(4)]
    assert scores == sorted(scores)
    assert scores[1] < 1
    assert scores[2] == scores[3] == 1


def test_the_neighbourhood_is_a_disc() -> None:
    truth, prediction = torch.zeros(2, 9, 9, dtype=torch.long)
    truth[4, 4] = 1
    prediction[6, 6] = 1  # sqrt(8) pixels away: outside radius 2, inside radius 3
    assert boundary_counts(prediction, truth, 2, 2)[1].tolist() == [0, 1, 0, 1]
    assert boundary_counts(prediction, truth, 2, 3)[1].tolist() == [1, 1, 1, 1]


def test_a_boundary_of_another_class_does_not_match() -> None:
    truth, prediction = square(8), square(8) * 2
    assert boundary_counts(prediction, truth, 3, 3)[1].tolist() == [0, 0, 0, 28]
    assert boundary_counts(prediction, truth, 3, 3)[2].tolist() == [0, 28, 0, 0]


def test_ignored_pixels_make_no_boundary() -> None:
    truth = torch.zeros(6, 8, dtype=torch.long)
    truth[:, 4:] = 1
    truth[:, 3:5] = 255  # a band over the edge, as annotators draw it
    prediction = truth.where(truth != 255, 0)
    assert boundary_counts(prediction, truth, 2, 1).sum() == 0
    assert boundary_f1(boundary_counts(prediction, truth, 2, 1)).isnan().all()


def test_scores_where_one_side_has_no_boundary() -> None:
    flat = torch.zeros(24, 24, dtype=torch.long)
    assert boundary_f1(boundary_counts(flat, square(8), 3, 2)).tolist()[:2] == [0, 0]
    assert boundary_f1(boundary_counts(square(8), flat, 3, 2)).tolist()[:2] == [0, 0]
    assert boundary_f1(boundary_counts(square(8), flat, 3, 2))[2].isnan()


def test_f1_of_a_hand_worked_row_and_of_many_rows() -> None:
    counts = torch.tensor([[[6, 8, 3, 6]], [[0, 8, 0, 6]]])  # precision 3/4, recall 1/2
    assert_close(boundary_f1(counts), torch.tensor([[2 * 0.75 * 0.5 / 1.25], [0.0]]).double())


def test_refusals() -> None:
    labels = torch.zeros(4, 4, dtype=torch.long)
    with pytest.raises(InputError, match=r"wanted a tolerance of 0 pixels or more, got -1\nhint: use 1, 2 or 3"):
        boundary_counts(labels, labels, 2, -1)
    with pytest.raises(InputError, match=r"wanted prediction classes in 0..1, got 16 counted pixels"):
        boundary_counts(labels + 2, labels, 2, 1)
    with pytest.raises(InputError, match=r"wanted a prediction of the truth's shape \(4, 4\), got \(2, 4\)"):
        unwrap(boundary_counts)(labels[:2], labels, 2, 1)


def test_an_empty_map_has_no_boundary() -> None:
    empty = torch.zeros(0, 5, dtype=torch.long)
    assert boundary_counts(empty, empty, 2, 1).tolist() == [[0] * 4] * 2
