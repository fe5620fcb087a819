"""The disaggregated table of Gender Shades from counts, with its intervals, and what no table may mix up."""

import math
from pathlib import Path

import pytest

from pixelwise.audits.published import Cell, count_decisions, difference, disaggregate, read_columns
from pixelwise.audits.published.disaggregated import Row
from pixelwise.data.tables import read_table
from pixelwise.errors import InputError


def faces(skin: str, gender: str, images: int, wrong: int, unanswered: int = 0) -> Cell:
    return Cell({"skin": skin, "gender": gender}, images, wrong, unanswered)


IBM = [
    faces("darker", "female", 271, 94),
    faces("darker", "male", 318, 38, unanswered=1),
    faces("lighter", "female", 296, 21),
    faces("lighter", "male", 385, 1),
]
"""Counts that give every figure of IBM's row; see test_consistency."""


@pytest.fixture
def table() -> dict[tuple[str, str], Row]:
    return {(row.measure, row.group): row for row in disaggregate(IBM, "gender")}


def percent(row: Row) -> float:
    return round(100 * row.interval().value, 1)


def test_error_rates_of_everybody_of_each_attribute_and_of_each_cell(table: dict[tuple[str, str], Row]) -> None:
    errors = {group: percent(row) for (measure, group), row in table.items() if measure == "error"}
    assert errors == {
        "all": 12.1,
        "darker": 22.4,
        "lighter": 3.2,
        "female": 20.3,
        "male": 5.6,
        "darker female": 34.7,
        "darker male": 12.0,
        "lighter female": 7.1,
        "lighter male": 0.3,
    }


def test_errors_are_of_those_who_are_so_and_precisions_of_those_called_so(table: dict[tuple[str, str], Row]) -> None:
    row = table["precision", "darker female"]
    assert (row.hits, row.total, percent(row)) == (271 - 94, 271 - 94 + 38, 82.3)
    assert row.of == "images called darker female"
    assert table["error", "darker female"].of == "answered images of darker female"
    assert [percent(table["precision", group]) for group in ("darker male", "lighter female", "lighter male")] == [
        74.8,
        99.6,
        94.8,
    ]
    assert ("precision", "darker") not in table


def test_no_answer_is_an_outcome_of_its_own(table: dict[tuple[str, str], Row]) -> None:
    assert (table["error", "darker male"].total, table["failed", "darker male"].total) == (317, 318)
    assert (table["unanswered", "darker male"].hits, table["failed", "darker male"].hits) == (1, 39)
    nobody = disaggregate([faces("darker", "female", 3, 0, unanswered=3)], "gender")
    assert {row.measure: row.interval().value for row in nobody if row.group == "all"} == {
        "error": pytest.approx(math.nan, nan_ok=True),
        "unanswered": 1,
        "failed": 1,
    }


def test_intervals_are_wilsons_and_newcombes(table: dict[tuple[str, str], Row]) -> None:
    """Computed with statsmodels 0.15."""
    worst, best = table["error", "darker female"].interval(), table["error", "lighter male"].interval()
    assert (worst.lo, worst.hi) == pytest.approx((0.2927, 0.4053), abs=5e-5)
    assert (best.lo, best.hi) == pytest.approx((0.0005, 0.0146), abs=5e-5)
    gap = difference(list(table.values()), "error", "darker female", "lighter male")
    assert (gap.value, gap.lo, gap.hi) == pytest.approx((0.3443, 0.2888, 0.4028), abs=5e-5)


@pytest.mark.parametrize(
    ("dark", "light", "expected"),
    [((55, 265), (0, 385), (0.2075, 0.1620, 0.2604)), ((90, 261), (3, 372), (0.3368, 0.2796, 0.3965))],
)
def test_gaps_of_the_other_vendors_counts(
    dark: tuple[int, int], light: tuple[int, int], expected: tuple[float, ...]
) -> None:
    cells = [faces("darker", "female", dark[1], dark[0]), faces("lighter", "male", light[1], light[0])]
    gap = difference(disaggregate(cells, "gender"), "error", "darker female", "lighter male")
    assert (gap.value, gap.lo, gap.hi) == pytest.approx(expected, abs=5e-5)


def test_what_is_no_table_of_cells_is_named() -> None:
    with pytest.raises(InputError, match=r"got 3 wrong and 1 unanswered of 3 of {'skin': 'darker'"):
        faces("darker", "female", 3, 3, unanswered=1)
    with pytest.raises(InputError, match="got -1 wrong"):
        faces("darker", "female", 3, -1)
    with pytest.raises(InputError, match="cells with counts, got none"):
        disaggregate([], "gender")
    with pytest.raises(InputError, match="'age' among them"):
        disaggregate(IBM, "age")
    with pytest.raises(InputError, match=r"each subgroup once, got darker female twice"):
        disaggregate([IBM[0], IBM[0]], "gender")
    with pytest.raises(InputError, match=r"a group with the measure 'error', got 'green'\nhint: there are: all"):
        difference(disaggregate(IBM, "gender"), "error", "green", "all")


def test_decisions_are_counted_and_their_two_errors_have_their_own_denominators() -> None:
    found = count_decisions(["a", "a", "a", "a", "b"], [1, 1, 0, 0, True], [True, False, False, True, True])
    assert list(found) == ["a", "b"]
    a = found["a"]
    assert (a.false_positive_rate().n, a.false_negative_rate().n, a.total) == (2, 2, 4)
    assert (a.false_positive_rate().value, a.precision().value, a.base_rate().value) == (0.5, 0.5, 0.5)
    assert math.isnan(found["b"].false_positive_rate().value)
    with pytest.raises(InputError, match="a group, a decision and an outcome for each person, got 1, 2 and 1 of them"):
        count_decisions(["a"], [1, 0], [1])
    with pytest.raises(InputError, match=r"a flat list of yes and no, got \[2\]"):
        count_decisions(["a"], [2], [1])


def test_a_title_that_stands_twice_is_read_if_both_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,score,race,score\n1,5,x,5\n2,7,y,7\n", encoding="utf-8")
    assert read_columns(path, ["score", "race"]) == {"score": ["5", "7"], "race": ["x", "y"]}
    path.write_text("id,score,race,score\n1,5,x,5\n2,7,y,8\n", encoding="utf-8")
    assert read_columns(path, ["race"]) == {"race": ["x", "y"]}
    with pytest.raises(InputError, match=r"one column 'score', got .*people.csv: columns 2 and 4, unlike in line 3"):
        read_columns(path, ["score"])
    with pytest.raises(InputError, match=r"a column 'age', got .*people.csv with id, score, race, score"):
        read_columns(path, ["age"])
    path.write_text("id,score\n1,5\n2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"2 cells in each line, got .*people.csv line 3: 1"):
        read_columns(path, ["score"])


@pytest.mark.data
def test_the_published_error_rates_of_compas(real_data: Path) -> None:
    """ProPublica 2016: flagged are medium and high scores, it happened within two years."""
    path = real_data / "compas" / "compas-scores-two-years.csv"
    columns = read_columns(path, ["race", "score_text", "two_year_recid", "decile_score", "priors_count"])
    flagged = [text != "Low" for text in columns["score_text"]]
    found = count_decisions(columns["race"], flagged, [int(each) for each in columns["two_year_recid"]])
    for group, total, false_positives, false_negatives in (
        ("African-American", 3696, 44.85, 27.99),
        ("Caucasian", 2454, 23.45, 47.72),
    ):
        decisions = found[group]
        assert decisions.total == total
        assert round(100 * decisions.false_positive_rate().value, 2) == false_positives
        assert round(100 * decisions.false_negative_rate().value, 2) == false_negatives
    with pytest.raises(InputError, match=r"distinct column titles, got .*decile_score.*decile_score"):
        read_table(path, "columns")
