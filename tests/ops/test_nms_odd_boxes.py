"""Hard suppression of odd boxes, drawn at random: the definition, and both implementations box for box."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwise.ops.nms import batched_nms, nms
from references.nms import nms_by_hand

NAN, INF = float("nan"), float("inf")

numbers = st.sampled_from([-3.0, -1.0, 0.0, 1.0, 1.5, 2.0, 4.0, 7.0, 1e6, NAN, INF, -INF])
row = st.lists(numbers, min_size=4, max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(row, st.sampled_from([0.1, 0.5, 0.5, NAN]), st.integers(-1, 1)), min_size=1, max_size=14),
    # Thresholds that no ratio of these areas comes close to: rounding must not decide.
    threshold=st.sampled_from([0.0, 0.1234567, 0.4321, 0.77777]),
)
def test_odd_boxes_against_the_definition(rows: list[tuple[list[float], float, int]], threshold: float) -> None:
    boxes, scores = torch.tensor([r[0] for r in rows]).double(), torch.tensor([r[1] for r in rows])
    classes = [r[2] for r in rows]
    expected = nms_by_hand(boxes.tolist(), scores.tolist(), threshold)
    by_class = nms_by_hand(boxes.tolist(), scores.tolist(), threshold, classes)
    for kernels in ("on", "off"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PIXELWISE_KERNELS", kernels)
            assert nms(boxes, scores, threshold).tolist() == expected
            assert batched_nms(boxes, scores, torch.tensor(classes), threshold).tolist() == by_class


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e12])
@pytest.mark.parametrize("shift", [0.0, 1e5])
def test_both_implementations_agree_box_for_box(monkeypatch: pytest.MonkeyPatch, scale: float, shift: float) -> None:
    """On a grid of coordinates most overlaps repeat and many equal the threshold in exact arithmetic."""
    corner, side = torch.randint(0, 200, (1500, 2)), torch.randint(0, 40, (1500, 2))
    boxes = (torch.cat([corner, corner + side], dim=1).float() + shift) * scale
    scores = torch.randint(0, 500, (1500,)) / 500
    classes = torch.randint(0, 4, (1500,))
    for threshold in (0.0, 0.1, 0.5, 0.7):
        results = []
        for kernels in ("on", "off"):
            monkeypatch.setenv("PIXELWISE_KERNELS", kernels)
            results.append((nms(boxes, scores, threshold), batched_nms(boxes, scores, classes, threshold)))
        assert torch.equal(results[0][0], results[1][0])
        assert torch.equal(results[0][1], results[1][1])
