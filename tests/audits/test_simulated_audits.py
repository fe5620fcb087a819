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

PRESENT = np.array([1.0, 0.5, 0.5, 0.4, 0.3])
"""How often each class is in an image: a background and rarer ones."""


def segmented(images: int, rng: np.random.Generator, quality: np.ndarray | float = 0.0) -> np.ndarray:
    """Pixels right, wrongly predicted and missed of images of unlike quality, with objects of very unlike size."""
    share = np.clip(rng.beta(6, 2, (images, 1)) + np.reshape(quality, (-1, 1)), 0, 1)
    size = rng.lognormal(6, 1, (images, len(PRESENT))) * (rng.random((images, len(PRESENT))) < PRESENT)
    right = size * np.clip(share + rng.normal(0, 0.1, size.shape), 0, 1)
    missed = size - right
    wrong = np.roll(missed, 1, axis=1) * rng.random(size.shape)
    return np.stack([right, wrong, missed], axis=-1).round().astype(np.int64)


def verdict(counts: np.ndarray, groups: int, margin: float, rng: np.random.Generator) -> str:
    images = len(counts)
    names, group = tuple(map(str, range(images))), tuple(str(number % groups) for number in range(images))
    table = Statistics(
        "segmentation", tuple("abcde"), names, ("answered",) * images, {"group": group}, {"counts": counts}
    )
    conditions = Conditions(by=("group",), margin=margin, draws=500)
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
@pytest.mark.parametrize(("groups", "images", "margin"), [(4, 50, 0.0), (8, 50, 0.05), (4, 200, 0.0)])
def test_equal_groups_fail_no_more_often_than_alpha(groups: int, images: int, margin: float) -> None:
    """No gap; a margin of 0 is the hardest case, on which 8 groups of 50 images fail in 9.0 % of 200 audits."""
    rng = np.random.default_rng(groups * images)
    audits = 200
    failed = sum(verdict(segmented(groups * images, rng), groups, margin, rng) == "fail" for _ in range(audits))
    print(f"{groups} groups of {images}: {failed / audits:.3f} of {audits}")
    assert failed / audits <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / audits)


@pytest.mark.slow
def test_a_group_that_is_much_worse_is_found() -> None:
    rng = np.random.default_rng(0)
    worse = -0.25 * (np.arange(800) % 8 == 0)
    assert all(verdict(segmented(800, rng, worse), 8, 0.05, rng) == "fail" for _ in range(20))
