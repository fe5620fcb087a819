"""What fails, passes and stays open; how often a fault is found; and what keeps a model from passing."""

import math
from pathlib import Path

import numpy as np
import pytest

from pixelwise.audits import Conditions, read_conditions
from pixelwise.audits.exceedance import excess_p
from pixelwise.audits.gate import judged, verdict_of
from pixelwise.audits.intervals import holm
from pixelwise.audits.subgroups import GroupRow
from pixelwise.errors import InputError

NAN = math.nan


def row(gap: float, reach: float, p: float, n: int = 100, margin: float = 0.05, value: float = 0.8) -> GroupRow:
    return GroupRow("light", "dark", "accuracy", n, value, 0.7, 0.9, gap, gap - reach, gap + reach, margin, p)


def decisions(*rows: GroupRow, conditions: Conditions | None = None) -> list[str]:
    return [each.decision for each in judged(rows, conditions or Conditions())]


def test_a_gap_beyond_chance_fails_a_certain_one_passes_and_the_rest_is_open() -> None:
    assert decisions(row(0.2, 0.08, 0.001)) == ["fail"]
    assert decisions(row(0.01, 0.03, 0.9)) == ["pass"]
    assert decisions(row(0.04, 0.05, 0.6)) == ["inconclusive"]
    assert decisions(row(0.2, 0.2, 0.04), row(0.0, 0.01, 0.9)) == ["inconclusive", "pass"]  # 0.04 is corrected to 0.08
    assert decisions(row(0.2, 0.1, 0.04)) == ["fail"]


def test_small_groups_are_listed_and_cost_the_others_nothing() -> None:
    found = judged([row(0.5, 0.5, 0.0001, n=4), row(0.2, 0.1, 0.04)], Conditions(minimum=10))
    assert [each.decision for each in found] == ["too few", "fail"]
    assert math.isnan(found[0].p_adj) and found[0].needed >= 10 and found[1].p_adj == pytest.approx(0.04)


def test_groups_with_nothing_to_measure_are_neither() -> None:
    assert decisions(row(NAN, NAN, NAN, n=0, value=NAN), row(0.01, 0.02, 0.9)) == ["nothing", "pass"]


def test_a_few_equal_images_certify_nothing() -> None:
    assert decisions(row(0.0, 0.0, 1.0, n=12)) == ["inconclusive"]
    assert decisions(row(0.0, 0.0, 1.0, n=500)) == ["pass"]


def test_all_images_are_compared_with_nothing() -> None:
    assert decisions(GroupRow("", "all images", "accuracy", 50, 0.8, 0.7, 0.9)) == [""]


def test_verdicts() -> None:
    fail, fine, opened, few = row(0.2, 0.1, 0.001), row(0.0, 0.02, 0.9), row(0.04, 0.05, 0.6), row(0.5, 0.5, 0.5, n=3)
    for rows, verdict in (
        ([fail, fine, opened], "fail"),
        ([fine, opened], "inconclusive"),
        ([fine, few], "inconclusive"),
        ([fine], "pass"),
        ([row(NAN, NAN, NAN, n=0, value=NAN)], "inconclusive"),
        ([], "inconclusive"),
    ):
        assert verdict_of(judged(rows, Conditions())) == verdict


def test_the_number_needed_halves_the_interval_with_four_times_the_units() -> None:
    found = judged([row(0.03, 0.04, 0.7, n=100)], Conditions())[0]
    assert found.needed == 400
    again = judged([row(0.03, 0.0199, 0.7, n=400)], Conditions())[0]
    assert again.decision == "pass" and again.needed == 0


def test_one_group_of_eight_at_75_instead_of_90_percent_is_found() -> None:
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(60):
        right = rng.binomial(400, [0.75] + [0.9] * 7)
        p = excess_p(right.sum() - right, 7 * 400, right, 400, 0.05)
        found += holm(p)[0] <= 0.05
    assert found / 60 >= 0.95


def test_a_file_of_conditions(tmp_path: Path) -> None:
    path = tmp_path / "conditions.toml"
    path.write_text(
        'by = ["light", "light*side"]\nalpha = 0.01\nfail_on_inconclusive = false\n[margin]\nmean_iou = 0.1\n'
    )
    found = read_conditions(path)
    assert found == Conditions(("light", "light*side"), {"mean_iou": 0.1}, alpha=0.01, fail_on_inconclusive=False)
    assert found.measures == ("mean_iou",) and found.margin_of("mean_iou", 0.05) == 0.1
    assert found.with_groups(("side", "light")).by == ("light", "light*side", "side")
    path.write_text("margin = 0.2\n")
    assert read_conditions(path).margin_of("accuracy", 0.05) == 0.2 and read_conditions(path).measures == ()
    path.write_text("")
    assert read_conditions(path) == Conditions()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("by = ", "a TOML file"),
        ("bye = 3", "the keys by, margin, alpha"),
        ("by = 3", "a list of words for by, got 3"),
        ("alpha = true", "a number for alpha, got True"),
        ("alpha = 2", "alpha between 0 and 1, got 2"),
        ("minimum = 1", "minimum of 2 or more, got 1"),
        ("draws = 5", "draws of 100 to 100000, got 5"),
        ("seed = 0.5", "a whole number for seed, got 0.5"),
        ("fail_on_inconclusive = 1", "true or false for fail_on_inconclusive, got 1"),
        ("clusters = 1", "a word for clusters, got 1"),
        ("margin = -1", "a margin of 0 or more for the main measure, got -1"),
        ("[margin]\nap = -0.1", "a margin of 0 or more for ap, got -0.1"),
        ('[margin]\nap = "much"', "a number, or a table of numbers by measure for margin"),
        ("margin = nan", "a margin of 0 or more"),
    ],
)
def test_other_conditions_are_refused_with_the_file(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "conditions.toml"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        read_conditions(path)
    assert told in str(refusal.value) and str(path) in str(refusal.value)


def test_a_missing_file_of_conditions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        read_conditions(tmp_path / "missing.toml")
