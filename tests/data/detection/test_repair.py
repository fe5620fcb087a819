"""After repair every box is finite, inside its image and has area; each thing done is said."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixelwise.data.detection.objects import Objects, objects_of
from pixelwise.data.detection.repair import MIN_SIDE, repaired
from pixelwise.ops.run_lengths import encode_mask

SIZE = (40, 60)
GOOD = [5.0, 5.0, 25.0, 20.0]


def objects(*boxes: list[float], labels: list[int] | None = None) -> Objects:
    tensor = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return objects_of(tensor, torch.tensor(labels or [1] * len(boxes), dtype=torch.int64), SIZE)


NAN, INF = float("nan"), float("inf")

CASES: dict[str, tuple[list[float], str, list[float] | None]] = {
    "nan": ([NAN, 0, 1, 1], "not-finite", None),
    "infinite": ([0, 0, INF, 1], "not-finite", None),
    "swapped corners": ([45, 30, 5, 25], "reversed", [5, 25, 45, 30]),
    "swapped on one axis": ([30, 5, 28, 20], "reversed", [28, 5, 30, 20]),
    "a point": ([30, 30, 30, 30], "zero-area", None),
    "a line": ([30, 30, 50, 30], "zero-area", None),
    "outside": ([70, 5, 80, 20], "outside", None),
    "beside the border": ([60, 5, 80, 20], "outside", None),
    "partly outside": ([50, 30, 80, 50], "partly-outside", [50, 30, 60, 40]),
    "negative": ([-5, -2, 10, 10], "partly-outside", [0, 0, 10, 10]),
    "thin": ([30, 30, 30.5, 38], "tiny", [30, 30, 30.5, 38]),
    "again": (GOOD, "duplicate", None),
    "nearly again": ([5.0, 5.0, 25.0, 20.05], "duplicate", None),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_mended_or_left_out_alone_and_named(case: str) -> None:
    box, kind, wanted = CASES[case]
    mended, faults = repaired(objects(GOOD, box), ("line 1", "line 2"), "a.txt")
    assert mended.boxes.tolist() == [GOOD] + ([wanted] if wanted else [])
    assert [(fault.kind, fault.file, fault.severity) for fault in faults] == [(kind, "a.txt", "warning")]
    assert faults[0].found.startswith("line 2")


def test_sound_objects_come_back_unchanged() -> None:
    given_ = objects(GOOD, [0.0, 0.0, 60.0, 40.0], [59.0, 39.0, 60.0, 40.0])
    mended, faults = repaired(given_)
    assert faults == () and torch.equal(mended.boxes, given_.boxes) and len(mended) == 3


def test_none_stays_none() -> None:
    mended, faults = repaired(objects())
    assert (len(mended), faults) == (0, ())


def test_less_than_half_a_pixel_past_the_border_is_clipped_without_a_word() -> None:
    mended, faults = repaired(objects([-0.4, 5.0, 60.3, 20.0]))
    assert mended.boxes.tolist() == [[0, 5, 60, 20]] and faults == ()


def test_one_box_of_two_classes_is_kept_and_said() -> None:
    mended, faults = repaired(objects(GOOD, GOOD, labels=[1, 2]))
    assert (len(mended), [fault.kind for fault in faults]) == (2, ["two-classes"])


def test_one_box_with_different_masks_is_two_objects() -> None:
    left, right = np.zeros((2, *SIZE), dtype=np.bool_)
    left[5:20, 5:15], right[5:20, 15:25] = True, True
    two = objects_of(torch.tensor([GOOD, GOOD]), torch.tensor([1, 1]), SIZE, (encode_mask(left), encode_mask(right)))
    assert len(repaired(two)[0]) == 2
    same = objects_of(torch.tensor([GOOD, GOOD]), torch.tensor([1, 1]), SIZE, (encode_mask(left), encode_mask(left)))
    mended, faults = repaired(same)
    assert (len(mended), len(mended.masks or ()), [fault.kind for fault in faults]) == (1, 1, ["duplicate"])


def test_thousands_of_objects_are_compared_by_equality() -> None:
    corners = torch.rand(3000, 2, generator=torch.Generator().manual_seed(0)) * 30
    boxes = torch.cat([corners, corners + 5], dim=1)
    many = objects_of(torch.cat([boxes, boxes[:7]]), torch.ones(3007, dtype=torch.int64), SIZE)
    mended, faults = repaired(many)
    assert (len(mended), [fault.kind for fault in faults]) == (3000, ["duplicate"] * 7)


ANY = st.one_of(st.floats(width=32), st.floats(-50, 90, width=32), st.sampled_from([0.0, 40.0, 60.0, 1e30, -1e30]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(boxes=st.lists(st.tuples(ANY, ANY, ANY, ANY), max_size=6))
def test_any_boxes_at_all_become_sound(boxes: list[Any]) -> None:
    mended, _ = repaired(objects(*(list(box) for box in boxes)))
    found = mended.boxes
    assert torch.isfinite(found).all() and (found >= 0).all()
    assert (found[:, 2] <= 60).all() and (found[:, 3] <= 40).all()
    assert (found[:, 2:] - found[:, :2] >= MIN_SIDE).all()
    again, faults = repaired(mended)
    assert torch.equal(again.boxes, found) and not {fault.kind for fault in faults} - {"tiny", "two-classes"}
