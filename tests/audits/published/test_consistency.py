"""Tables of rates: every way to fill them is found, contradictions too, and which figure makes them."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pixelwise.audits.published import Printed, readings, suspects
from pixelwise.audits.published.consistency import MOST
from pixelwise.errors import InputError
from references.printed_rates import ways

SIZES = {"DF": 271, "DM": 318, "LF": 296, "LM": 385}
"""Darker and lighter, female and male faces of Gender Shades: they sum to its 1,270 and have its shares 21.3 % and
30.3 %; not read in the paper itself."""

EVERYBODY = ("DF", "DM", "LF", "LM")


def printed(overall: float, cells: tuple[float, ...]) -> list[Printed]:
    """The rate of everybody and of the four cells."""
    return [
        Printed("all", overall, EVERYBODY),
        *(Printed(name, value, (name,)) for name, value in zip(EVERYBODY, cells, strict=True)),
    ]


IBM = printed(12.1, (34.7, 12.0, 7.1, 0.3))
FACE = printed(10.0, (34.5, 0.7, 6.0, 0.8))
FACE_MARGINS = [
    Printed("women", 21.3, ("DF", "LF")),
    Printed("men", 0.7, ("DM", "LM")),
    Printed("darker", 16.5, ("DF", "DM")),
    Printed("lighter", 4.7, ("LF", "LM")),
]
"""As noted from the paper's table, which was not read again."""


@pytest.mark.parametrize("unanswered", [0, 2])
def test_all_ways_and_no_others_are_found(unanswered: int) -> None:
    rng = np.random.default_rng(0)
    counts = []
    for _ in range(40):
        sizes = tuple(rng.integers(1, 12, 2).tolist())
        wrong = [int(rng.integers(0, size + 1)) for size in sizes]
        right = sizes[0] - wrong[0]
        if not right + wrong[1]:
            continue
        exact = [wrong[0] / sizes[0], wrong[1] / sizes[1], sum(wrong) / sum(sizes), right / (right + wrong[1])]
        rates = tuple(f"{100 * rate:.0f}" for rate in exact)
        figures = [
            Printed("first", float(rates[0]), ("a",)),
            Printed("second", float(rates[1]), ("b",)),
            Printed("both", float(rates[2]), ("a", "b")),
            Printed("precision", float(rates[3]), ("a",), called=("b",)),
        ]
        found = readings({"a": sizes[0], "b": sizes[1]}, figures, unanswered, decimals=0)
        assert {(*way["a"], *way["b"]) for way in found} == ways(sizes, unanswered, rates)
        counts.append(len(found))
    assert (max(counts) > 1) == (unanswered > 0)


def test_one_undetected_face_explains_ibms_row_of_gender_shades_and_none_does_not() -> None:
    assert readings(SIZES, IBM) == []
    found = readings(SIZES, IBM, unanswered=1)
    assert {(*way["DF"], *way["DM"], way["LF"][0], way["LM"][0]) for way in found} == {(94, 271, 38, 317, 21, 1)}
    assert {"DF": (94, 271), "DM": (38, 317), "LF": (21, 296), "LM": (1, 385)} in found


@pytest.mark.parametrize("unanswered", [0, 5, 25, 60])
def test_face_plus_pluss_row_with_6_percent_of_lighter_women_contradicts_itself(unanswered: int) -> None:
    assert readings(SIZES, FACE, unanswered) == []


def test_the_margins_point_to_the_one_figure_that_cannot_be() -> None:
    """Other copies of the table print 9.8 there."""
    found = suspects(SIZES, [*FACE, *FACE_MARGINS], unanswered=25)
    assert list(found) == ["LF"]
    assert found["LF"] == pytest.approx((100 * 28 / 294, 100 * 29 / 295))
    mended = [figure for figure in FACE if figure.name != "LF"] + [Printed("LF", 9.8, ("LF",)), *FACE_MARGINS]
    assert readings(SIZES, mended, unanswered=25)
    assert suspects(SIZES, mended, unanswered=25) == {}


@pytest.mark.data
def test_the_rates_of_the_data_set_are_those_checked_here(real_data: Path) -> None:
    path = real_data / "gender_shades" / "error_rates.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    cells = {"darker_female": "DF", "darker_male": "DM", "lighter_female": "LF", "lighter_male": "LM"}
    for vendor, figures in (("IBM", IBM), ("Face++", FACE)):
        found = {cells[row["subgroup"]]: float(row["error_rate_percent"]) for row in rows if row["vendor"] == vendor}
        assert found == {figure.name: figure.percent for figure in figures if figure.name != "all"}


def test_halves_count_as_either_neighbour_and_rates_of_nobody_fit_nothing() -> None:
    assert readings({"a": 8}, [Printed("a", 12.0, ("a",))], decimals=0) == [{"a": (1, 8)}]
    assert readings({"a": 8}, [Printed("a", 13.0, ("a",))], decimals=0) == [{"a": (1, 8)}]
    assert readings({"a": 0}, [Printed("a", 0.0, ("a",))]) == []
    assert readings({"a": 2}, []) == [{"a": (0, 2)}, {"a": (1, 2)}, {"a": (2, 2)}]


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: readings({}, []), "cells with sizes of at least 0, got {}"),
    (lambda: readings({"a": -1}, []), "cells with sizes of at least 0, got {'a': -1}"),
    (lambda: readings({"a": 3}, [], unanswered=-1), "-1 unanswered"),
    (lambda: readings({"a": 3}, [Printed("a", 130.0, ("a",))]), "percents in 0..100, got 130.0 of 'a'"),
    (lambda: readings({"a": 3}, [Printed("b", 30.0, ("b",))]), "figures about cells of the table (a), got 'b' about b"),
    (lambda: suspects({"a": 3}, [Printed("x", 30.0, ())]), "got 'x' about none"),
    (lambda: readings({"a": 40_000, "b": 40_000}, []), f"at most {MOST:,} combinations to try, got 1,600,080,001"),
    (lambda: readings({"a": 10**6}, [], unanswered=10**3), f"at most {MOST:,} combinations to try, got 1,001,001,001"),
    (lambda: readings({"a": 3000, "b": 3000}, []), "figures that leave at most 5,000,000 ways to fill the table"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_what_cannot_be_checked_is_named(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
