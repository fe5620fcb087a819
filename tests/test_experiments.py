"""The experiments run in their smallest setting, and their intervals say no more than the seeds do."""

import csv
import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module(f"experiments.{request.param}")


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def run_quickly(experiment: ModuleType, out: Path) -> None:
    before = torch.get_num_threads()
    experiment.main(["--quick", "--seeds", "2", "--threads", "1", "--out", str(out)])
    torch.set_num_threads(before)


@pytest.mark.parametrize("experiment", ["shared_computation"], indirect=True)
def test_sliding_stitching_and_the_dense_map_give_the_same_scores_in_fewer_and_fewer_passes(
    experiment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_quickly(experiment, tmp_path)
    rows = rows_of(tmp_path / "shared_computation.csv")
    passes = [int(row["passes"]) for row in rows if (row["side"], row["seed"]) == ("32", "0")]
    assert passes == [(32 - 15 + 1) ** 2, 2**2, 1]
    assert all(float(row["difference"]) < 1e-5 for row in rows)
    assert all(float(row["seconds"]) > 0 for row in rows)
    assert (tmp_path / "shared_computation.svg").read_text().startswith("<svg")
    assert "largest difference between the three" in capsys.readouterr().out


@pytest.mark.parametrize("experiment", ["stride_bounds"], indirect=True)
def test_the_bounds_rise_as_strides_get_finer(
    experiment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_quickly(experiment, tmp_path)
    rows = rows_of(tmp_path / "stride_bounds.csv")
    for name in ("small animals", "middle animals", "large animals"):
        bounds = [float(row["bound"]) for row in rows if (row["labels"], row["seed"]) == (name, "1")]
        assert len(bounds) == 6
        assert bounds[0] < bounds[-1] < 1
    assert "PASCAL (published)" in capsys.readouterr().out


@pytest.mark.parametrize("experiment", ["intervals"], indirect=True)
def test_an_interval_is_students_and_a_verdict_waits_for_it(experiment: ModuleType) -> None:
    found = experiment.t_interval([1.0, 2.0, 4.0])
    expected = stats.ttest_1samp([1.0, 2.0, 4.0], 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert experiment.verdict(experiment.paired([3.0, 4.1, 5.0], [2.0, 3.0, 4.1])) == "holds"
    assert experiment.verdict(experiment.paired([2.0, 3.0, 4.1], [3.0, 4.1, 5.0])).startswith("does not hold")
    assert experiment.verdict(experiment.paired([3.0, 1.0], [2.0, 3.0])) == "is not decided by these seeds"
    assert experiment.verdict(experiment.t_interval([5.0])) == "is not decided by these seeds"


TRAINED = [
    "context",
    "deformable",
    "mask_competition",
    "planted_shortcut",
    "proposal_recall",
    "roi_rounding",
    "skip_strides",
    "transfer",
    "unet_skips",
    "upsampling",
]


@pytest.mark.slow
@pytest.mark.parametrize("experiment", TRAINED, indirect=True)
def test_those_that_train_run_and_write_every_value(
    experiment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_quickly(experiment, tmp_path)
    tables, charts = sorted(tmp_path.glob("*.csv")), sorted(tmp_path.glob("*.svg"))
    assert [path.stem for path in tables] == [path.stem for path in charts]
    for path in tables:
        rows = rows_of(path)
        assert {row["seed"] for row in rows} == {"0", "1"}
        assert all(0 <= float(list(row.values())[-1]) <= 1 for row in rows)
    assert "the claim" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["sharing_features"], indirect=True)
def test_three_detectors_are_timed_on_the_same_images(
    experiment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_quickly(experiment, tmp_path)
    rows = rows_of(tmp_path / "sharing_features.csv")
    assert [(row["seed"], row["way"]) for row in rows] == [(seed, way) for seed in "01" for way in experiment.WAYS]
    for row in rows:
        parts = float(row["proposals"]), float(row["rest"])
        assert min(parts) > 0 and float(row["seconds"]) == pytest.approx(sum(parts))
    assert (tmp_path / "sharing_features.svg").read_text().startswith("<svg")
    assert "Fast R-CNN over R-CNN, proposals not counted" in capsys.readouterr().out


@pytest.mark.parametrize("experiment", ["accuracy"], indirect=True)
def test_a_trimap_holds_the_pixels_within_so_many_rows_and_columns_of_another_class(experiment: ModuleType) -> None:
    truth = torch.zeros(1, 7, 9, dtype=torch.uint8)
    truth[:, :, 4:] = 1
    for distance, columns in ((1, [3, 4]), (2, [2, 3, 4, 5]), (9, list(range(9)))):
        near = experiment.near_boundary(truth, distance)
        assert near.all(1)[0].nonzero().flatten().tolist() == columns
        assert near.any(1)[0].nonzero().flatten().tolist() == columns


@pytest.mark.parametrize("experiment", ["accuracy"], indirect=True)
def test_gains_are_located_and_there_is_no_share_without_a_gain(experiment: ModuleType) -> None:
    truth = torch.zeros(1, 4, 8, dtype=torch.uint8)
    truth[:, :, 4:] = 1
    worse = truth.clone()
    worse[:, :, 4] = 0  # four errors at the outline
    worse[0, 0, 0] = 1  # one far away
    rounds = [experiment.Round(truth, {"better": truth, "worse": worse})]
    gains, areas = experiment.share_near_boundary(rounds, "better", "worse", 1)
    assert (gains, areas) == ([4 / 5], [2 / 8])
    assert experiment.share_near_boundary(rounds, "worse", "better", 1)[0][0] != gains[0]
    assert str(experiment.share_near_boundary(rounds, "better", "better", 1)[0][0]) == "nan"


@pytest.mark.parametrize("experiment", ["reranking"], indirect=True)
def test_re_ranked_lists_owe_nobody_a_place_and_lists_by_score_do(
    experiment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_quickly(experiment, tmp_path)
    rows = rows_of(tmp_path / "reranking.csv")
    short = {rule: max(float(row["infeasible"]) for row in rows if row["rule"] == rule) for rule in experiment.RULES}
    assert (short["by score"], short["DetConstSort"], short["DetCons"]) == (1, 0, 0)
    assert all(float(row["NDCG"]) <= 1 for row in rows)
    assert (tmp_path / "reranking_skew.svg").read_text().startswith("<svg")
    assert "NDKL of DetConstSort minus DetCons" in capsys.readouterr().out


@pytest.mark.parametrize("experiment", ["feedback_loops"], indirect=True)
def test_loops_are_told_with_their_limits_and_what_cannot_be_corrected(
    experiment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_quickly(experiment, tmp_path)
    rows = {row["loop"]: row for row in rows_of(tmp_path / "feedback_loops.csv")}
    assert rows["top two: with reports"]["tends to"] == "0.599"
    assert float(rows["four areas: greedy, raw counts"]["blind days"]) > 0.9
    assert "visits cannot be corrected here" in capsys.readouterr().out


@pytest.mark.parametrize("experiment", ["disaggregated_rates"], indirect=True)
def test_printed_rates_are_checked_and_taken_apart(
    experiment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_quickly(experiment, tmp_path)
    rows = {(row["group"], row["measure"]): row for row in rows_of(tmp_path / "disaggregated_rates.csv")}
    assert float(rows["darker female", "error"]["rate"]) == pytest.approx(94 / 271)
    assert rows["lighter female", "error"]["of"] == "296"
    told = capsys.readouterr().out
    assert "Face++: ways to fill its row, by undetected faces in each group at most: {0: 0, 1: 0, 5: 0" in told


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["superres_explanations"], indirect=True)
def test_other_scenes_shrink_to_the_same_small_image(experiment: ModuleType, tmp_path: Path) -> None:
    run_quickly(experiment, tmp_path)
    rows = rows_of(tmp_path / "superres_explanations.csv")
    assert [row["factor"] for row in rows] == ["2", "4", "8"]
    assert all(0 <= float(row["low"]) <= float(row["flipped"]) <= float(row["high"]) <= 1 for row in rows)
    assert [round(float(row["open"]), 4) for row in rows] == [0.75, 0.9375, 0.9844]
    assert (tmp_path / "superres_explanations_x4.png").exists()
