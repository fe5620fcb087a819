"""Values by group equal fairlearn's and the evaluator's; gaps point the same way whatever is measured."""

import math

import numpy as np
import pytest
import torch

from pixelwise.audits import Conditions, Statistics
from pixelwise.audits.gate import judged
from pixelwise.audits.groups import find_groups
from pixelwise.audits.intervals import rate, rate_difference
from pixelwise.audits.measures import SumMeasure, choose_measures, measures_of
from pixelwise.audits.resampling import divided
from pixelwise.audits.statistics.detection import PARTS
from pixelwise.audits.subgroups import GroupRow, group_rows
from pixelwise.errors import InputError
from pixelwise.metrics.detection import DetectionScores, ImageDetections, ImageTruth, coco_scores
from references.intervals import mean_iou_by_hand

RNG = np.random.default_rng(0)


def classified(truth: np.ndarray, answer: np.ndarray, **columns: np.ndarray) -> Statistics:
    count = len(truth)
    return Statistics(
        "classification",
        ("no", "yes"),
        tuple(map(str, range(count))),
        tuple("no answer" if each < 0 else "answered" for each in answer),
        {name: tuple(map(str, column)) for name, column in columns.items()},
        {"truth": truth, "answer": answer},
    )


def segmented(counts: np.ndarray, **columns: np.ndarray) -> Statistics:
    count = len(counts)
    names = {name: tuple(map(str, column)) for name, column in columns.items()}
    answered = ("answered",) * count
    return Statistics(
        "segmentation", ("a", "b", "c"), tuple(map(str, range(count))), answered, names, {"counts": counts}
    )


def rows_of(statistics: Statistics, by: str, measure: str, **settings: object) -> dict[str, GroupRow]:
    conditions = Conditions(by=(by,), **settings)  # type: ignore[arg-type]
    chosen = measures_of(statistics)[measure]
    groups = find_groups(statistics, conditions.by)
    return {row.group: row for row in group_rows(statistics, groups, chosen, conditions, np.random.default_rng(0))}


def test_values_by_group_equal_fairlearns() -> None:
    metrics = pytest.importorskip("fairlearn.metrics")
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    truth, answer, group = RNG.integers(0, 2, 500), RNG.integers(0, 2, 500), RNG.integers(0, 5, 500)
    frame = metrics.MetricFrame(
        metrics={
            "accuracy": sklearn_metrics.accuracy_score,
            "recall:yes": sklearn_metrics.recall_score,
            "precision:yes": sklearn_metrics.precision_score,
        },
        y_true=truth,
        y_pred=answer,
        sensitive_features=group,
    )
    found = classified(truth, answer, group=group)
    for measure in ("accuracy", "recall:yes", "precision:yes"):
        rows = rows_of(found, "group", measure)
        assert rows.pop("all images").value == pytest.approx(frame.overall[measure])
        assert {int(name): row.value for name, row in rows.items()} == pytest.approx(frame.by_group[measure].to_dict())


def test_rates_have_closed_intervals_and_gaps_to_all_other_images() -> None:
    truth = np.ones(100, np.int64)
    answer = np.concatenate([np.repeat([1, 0], [12, 8]), np.repeat([1, 0, -1], [70, 6, 4])])
    rows = rows_of(classified(truth, answer, side=np.repeat(["l", "r"], [20, 80])), "side", "accuracy")
    left, expected, gap = rows["l"], rate(12, 20), rate_difference(70, 80, 12, 20)
    assert (left.n, left.value, left.lo, left.hi) == (20, expected.value, expected.lo, expected.hi)
    assert (left.gap, left.gap_lo, left.gap_hi) == pytest.approx((gap.value, gap.lo, gap.hi))
    assert rows["r"].gap == pytest.approx(-left.gap)
    assert math.isnan(rows["all images"].gap) and rows["all images"].value == pytest.approx(0.82)


def test_a_missing_answer_is_not_right_and_has_a_measure_of_its_own() -> None:
    found = classified(np.ones(10, np.int64), np.array([1, 1, -1, 1, 0, 1, 1, 1, 1, -1]), side=np.repeat(["l", "r"], 5))
    assert rows_of(found, "side", "accuracy")["all images"].value == pytest.approx(0.7)
    assert rows_of(found, "side", "answered")["l"].value == pytest.approx(0.8)
    assert rows_of(found, "side", "precision:yes")["all images"].value == pytest.approx(1.0)
    assert [measure.name for measure in choose_measures(found, [])] == ["accuracy", "answered"]


def test_mean_iou_by_group_equals_a_count_by_hand() -> None:
    counts = RNG.integers(0, 100, (40, 3, 3))
    side = np.repeat(["l", "r"], [15, 25])
    rows = rows_of(segmented(counts, side=side), "side", "mean_iou", draws=200)
    images = [[tuple(cell) for cell in image] for image in counts.tolist()]
    left, right = mean_iou_by_hand(images[:15]), mean_iou_by_hand(images[15:])
    assert rows["l"].value == pytest.approx(left) and rows["r"].value == pytest.approx(right)
    assert rows["l"].gap == pytest.approx(right - left) and rows["l"].n == 15
    assert rows["l"].gap_lo < rows["l"].gap < rows["l"].gap_hi


def test_errors_that_are_better_low_have_gaps_the_same_way() -> None:
    sums = np.zeros((60, 7))
    sums[:, 0], sums[:30, 1], sums[30:, 1] = 100, 300, 100
    sums[:, 1] += RNG.normal(0, 5, 60)
    found = Statistics(
        "flow", (), tuple(map(str, range(60))), ("answered",) * 60, {"side": ("l",) * 30 + ("r",) * 30}, {"sums": sums}
    )
    rows = rows_of(found, "side", "epe", draws=300)
    assert rows["l"].value == pytest.approx(3, abs=0.1) and rows["l"].gap == pytest.approx(2, abs=0.1)
    assert rows["r"].gap == pytest.approx(-rows["l"].gap) and rows["l"].margin == 0.5


Records = tuple[list[ImageTruth], list[ImageDetections], DetectionScores]


def detected(images: int = 30) -> tuple[Statistics, Records]:
    """Three objects of two classes in each image, and as many detections not far from them."""
    source = torch.Generator().manual_seed(3)
    truths, found = [], []
    for _ in range(images):
        corner = torch.rand(3, 2, generator=source) * 50
        boxes, labels = torch.cat([corner, corner + 20], dim=1), torch.randint(1, 3, (3,), generator=source)
        truths.append(ImageTruth(boxes, labels, torch.zeros(3, dtype=torch.bool)))
        moved = boxes + 3 * torch.randn(3, 4, generator=source)
        found.append(ImageDetections(moved, torch.rand(3, generator=source), labels))
    scores = coco_scores(truths, found, ("background", "a", "b"))
    arrays = {"partner": scores.table.partner}
    for part in PARTS:
        arrays |= {f"{part}.{name}": array for name, array in vars(getattr(scores.table, part)).items()}
    side = ("l",) * (images // 3) + ("r",) * (images - images // 3)
    names = tuple(map(str, range(images)))
    statistics = Statistics("detection", scores.classes, names, ("answered",) * images, {"side": side}, arrays)
    return statistics, (truths, found, scores)


def test_ap_equals_the_evaluators_over_all_images_and_over_the_images_of_a_group() -> None:
    statistics, (truths, found, scores) = detected()
    left = coco_scores(truths[:10], found[:10], scores.classes)
    for measure, whole, part in (("ap50", scores.ap50, left.ap50), ("ap", scores.ap, left.ap)):
        rows = rows_of(statistics, "side", measure, draws=100)
        assert rows["all images"].value == whole
        assert rows["l"].value == pytest.approx(part, abs=1e-12)
    assert 0 < rows["l"].lo < rows["l"].hi <= 1


def test_clusters_widen_the_interval_of_what_varies_between_them() -> None:
    video = np.repeat(np.arange(12), 10)
    right = RNG.random(120) < np.repeat(RNG.random(12), 10)
    found = classified(np.ones(120, np.int64), right.astype(np.int64), video=video, side=np.tile(["l", "r"], 60))
    alone, together = (rows_of(found, "side", "accuracy", clusters=name)["l"] for name in ("", "video"))
    assert (alone.n, together.n) == (60, 12)
    assert together.value == alone.value
    assert together.hi - together.lo > 1.5 * (alone.hi - alone.lo)


@pytest.mark.parametrize("right", [0, 1])
def test_groups_that_are_all_right_or_all_wrong(right: int) -> None:
    found = classified(np.ones(60, np.int64), np.full(60, right), side=np.repeat(["l", "r"], 30))
    left = rows_of(found, "side", "accuracy")["l"]
    assert left.value == right and left.gap == 0 and left.gap_lo < 0 < left.gap_hi
    assert left.p == pytest.approx(1)


def test_a_group_of_one_image_and_a_constant_model() -> None:
    counts = np.zeros((20, 3, 3), dtype=np.int64)
    counts[:, 0] = [50, 50, 0]
    counts[:, 1, 2] = 50
    found = segmented(counts, side=np.array(["one"] + ["rest"] * 19))
    rows = rows_of(found, "side", "mean_iou", draws=100)
    assert rows["one"].n == 1 and math.isnan(rows["one"].lo) and "too few units" in rows["one"].note
    assert rows["rest"].value == pytest.approx(0.25) and "no spread" in rows["rest"].note


def test_a_group_without_what_is_measured_has_no_value() -> None:
    truth = np.array([1] * 10 + [0] * 10)
    rows = rows_of(classified(truth, truth, side=np.repeat(["l", "r"], 10)), "side", "recall:yes")
    assert (rows["r"].n, math.isnan(rows["r"].value), math.isnan(rows["r"].gap)) == (0, True, True)


def test_refusals() -> None:
    found = classified(np.ones(4, np.int64), np.ones(4, np.int64), side=np.array(["l", "r", "l", "r"]))
    with pytest.raises(InputError, match=r"a measure of classification: accuracy, recall:no, .*, got 'mean_iou'"):
        choose_measures(found, ["mean_iou"])
    with pytest.raises(InputError, match=r"clusters that are an attribute of the data \(side\), got 'video'"):
        rows_of(found, "side", "accuracy", clusters="video")


def test_a_few_equal_images_fail_no_more_often_than_others() -> None:
    # Every image scores 1 with a chance of 0.2. Ten images of one group are all 0 in one of nine groups, by chance.
    rng, images, audits = np.random.default_rng(5), 80, 60
    failed = 0
    for _ in range(audits):
        truth = (rng.random(images) < 0.2).astype(np.float64)
        measure = SumMeasure(
            "share", "", np.stack([truth, np.ones(images)], 1), lambda s: divided(s[..., 0], s[..., 1])
        )
        table = classified(np.ones(images, dtype=int), truth.astype(int), g=np.arange(images) % 8)
        conditions = Conditions(by=("g",), draws=200)
        rows = group_rows(table, find_groups(table, ("g",)), measure, conditions, rng)
        failed += any(row.decision == "fail" for row in judged(rows, conditions))
    # alpha is 0.05; three failures are expected at most, seven would be seen in one of thirty such tests.
    assert failed <= 7


def test_equal_images_far_from_the_others_still_fail() -> None:
    scores = np.concatenate([np.zeros(20), np.tile([1.0, 1, 1, 0.5], 25)])
    measure = SumMeasure("share", "", np.stack([scores, np.ones(120)], 1), lambda s: divided(s[..., 0], s[..., 1]))
    table = classified(np.ones(120, dtype=int), np.ones(120, dtype=int), g=np.repeat(["few", "many"], [20, 100]))
    conditions = Conditions(by=("g",))
    rows = judged(group_rows(table, find_groups(table, ("g",)), measure, conditions, RNG), conditions)
    assert {row.group: row.decision for row in rows}["few"] == "fail"


def test_a_group_of_all_images_is_compared_with_nothing() -> None:
    table = classified(np.ones(60, dtype=int), np.ones(60, dtype=int), g=np.repeat("only", 60))
    conditions = Conditions(by=("g",))
    rows = judged(
        group_rows(table, find_groups(table, ("g",)), measures_of(table)["accuracy"], conditions, RNG), conditions
    )
    assert [(row.decision, row.needed) for row in rows[1:]] == [("nothing", 0)]
