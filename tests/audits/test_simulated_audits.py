"""What intervals and the gate promise, checked on many simulated audits of segmentations without and with a fault."""

import math

import numpy as np
import pytest

from pixelwise.audits import Conditions, Statistics
from pixelwise.audits.gate import judged, verdict_of
from pixelwise.audits.groups import find_groups
from pixelwise.audits.measures import measures_of
from pixelwise.audits.resampling import bootstrap, iou_score
from pixelwise.audits.subgroups import group_rows
from references.simulated_segmentations import segmented


def verdict(counts: np.ndarray, groups: int, margin: float, rng: np.random.Generator) -> str:
    images = len(counts)
    names, group = tuple(map(str, range(images))), tuple(str(number % groups) for number in range(images))
    table = Statistics(
        "segmentation", tuple("abcde"), names, ("answered",) * images, {"group": group}, {"counts": counts}
    )
    conditions = Conditions(by=("group",), margin=margin, draws=100)  # whether a group fails needs none
    rows = group_rows(table, find_groups(table, ("group",)), measures_of(table)["mean_iou"], conditions, rng)
    return verdict_of(judged(rows, conditions))


@pytest.mark.slow
def test_intervals_of_a_mean_iou_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    truth = float(iou_score(segmented(400_000, rng))(np.ones((1, 400_000)))[0])
    audits, held = 500, 0
    for _ in range(audits):
        found = bootstrap(iou_score(segmented(100, rng)), 100, rng, draws=800).interval()
        held += found.lo <= truth <= found.hi
    error = math.sqrt(0.95 * 0.05 / audits)
    print(f"coverage {held / audits:.3f} of {audits}")
    assert 0.92 - 2 * error <= held / audits <= 0.97 + 2 * error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("groups", "images", "margin"), [(8, 50, 0.0), (16, 50, 0.0), (8, 10, 0.0), (4, 200, 0.0), (8, 50, 0.05)]
)
def test_equal_groups_fail_no_more_often_than_alpha(groups: int, images: int, margin: float) -> None:
    """No gap; a margin of 0 is the hardest case. A bootstrap error with Student's t fails 9 % of 8 groups of 50."""
    rng = np.random.default_rng(groups * images)
    audits = 300
    failed = sum(verdict(segmented(groups * images, rng), groups, margin, rng) == "fail" for _ in range(audits))
    print(f"{groups} groups of {images}: {failed / audits:.3f} of {audits}")
    assert failed / audits <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / audits)


@pytest.mark.slow
def test_a_worse_group_is_found_in_nine_audits_of_ten() -> None:
    rng, groups, images, audits = np.random.default_rng(3), 8, 50, 100
    worse = -0.15 * (np.arange(groups * images) % groups == 0)
    found = sum(verdict(segmented(groups * images, rng, worse), groups, 0.0, rng) == "fail" for _ in range(audits))
    assert found / audits >= 0.9 - 2 * math.sqrt(0.9 * 0.1 / audits)


@pytest.mark.slow
def test_a_group_that_is_much_worse_is_found() -> None:
    rng = np.random.default_rng(0)
    worse = -0.25 * (np.arange(800) % 8 == 0)
    assert all(verdict(segmented(800, rng, worse), 8, 0.05, rng) == "fail" for _ in range(20))
