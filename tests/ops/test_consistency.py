"""The agreement of flow there and back: its definition, hidden pixels, and what lies off the image."""

import math

import torch

from pixelwise.ops.consistency import flow_confidence


def test_equal_and_opposite_motions_agree():
    forward = torch.zeros(2, 2, 6, 8)
    forward[:, 0] = 2
    confidence = flow_confidence(forward, -forward)
    assert confidence[..., :6].eq(1).all()
    assert confidence[..., 6:].eq(0).all()  # they leave the image


def test_it_equals_its_definition_at_whole_motions():
    draws = torch.Generator().manual_seed(0)
    forward = torch.randint(-2, 3, (1, 2, 7, 9), generator=draws).float()
    backward = torch.randn(1, 2, 7, 9, generator=draws)
    found = flow_confidence(forward, backward)[0]
    for row in range(7):
        for column in range(9):
            dx, dy = forward[0, :, row, column].int().tolist()
            if not (0 <= row + dy < 7 and 0 <= column + dx < 9):
                assert found[row, column] == 0
                continue
            p, q = backward[0, :, row + dy, column + dx].tolist()
            bound = 0.01 * (dx * dx + dy * dy + p * p + q * q) + 0.5
            expected = bound / (bound + (dx + p) ** 2 + (dy + q) ** 2)
            assert math.isclose(float(found[row, column]), expected, rel_tol=1e-4)


def test_pixels_behind_a_moving_square_are_doubted():
    # A square moves 6 to the right; the ground stays. The ground just right of it is hidden in the second image.
    forward, backward = torch.zeros(1, 2, 12, 24), torch.zeros(1, 2, 12, 24)
    forward[0, 0, 3:9, 4:10] = 6
    backward[0, 0, 3:9, 10:16] = -6
    doubted = flow_confidence(forward, backward)[0] < 0.5
    hidden = torch.zeros(12, 24, dtype=torch.bool)
    hidden[3:9, 10:16] = True
    assert torch.equal(doubted, hidden)


def test_values_that_are_not_finite_have_no_confidence():
    forward, backward = torch.zeros(2, 1, 2, 4, 4)
    forward[0, 0, 0, 0] = torch.nan
    backward[0, 1, 2, 2] = torch.inf
    confidence = flow_confidence(forward, backward)[0]
    assert confidence[0, 0] == confidence[2, 2] == 0
    assert confidence.isfinite().all()
    assert confidence[0, 3] == 1
