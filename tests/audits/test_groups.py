"""Groups by attributes, by numbers cut in three, and crossed; what cannot be judged is refused with the way out."""

import numpy as np
import pytest

from pixelwise.audits import Statistics
from pixelwise.audits.groups import derived_names, find_groups
from pixelwise.errors import InputError


def table(attributes: dict[str, list[str]], numbers: dict[str, list[float]] | None = None) -> Statistics:
    count = len(next(iter((attributes | (numbers or {})).values())))
    columns = {name: tuple(column) for name, column in attributes.items()}
    return Statistics(
        "classification",
        ("a", "b"),
        tuple(f"{number}" for number in range(count)),
        ("answered",) * count,
        columns,
        {"truth": np.zeros(count, np.int64), "answer": np.zeros(count, np.int64)},
        {name: np.array(column) for name, column in (numbers or {}).items()},
    )


def members(statistics: Statistics, *by: str) -> dict[str, list[int]]:
    return {group.name: np.flatnonzero(group.inside).tolist() for group in find_groups(statistics, by)}


def test_values_are_groups_and_missing_ones_are_a_group_of_their_own() -> None:
    found = members(table({"light": ["dark", "bright", "", "dark"], "side": ["l", "l", "r", "r"]}), "light", "side")
    assert found == {
        "light = bright": [1],
        "light = dark": [0, 3],
        "light = (none)": [2],
        "side = l": [0, 1],
        "side = r": [2, 3],
    }


def test_crossed_attributes_have_the_combinations_that_occur() -> None:
    found = members(table({"light": ["dark", "bright", "dark"], "side": ["l", "l", "r"]}), "light*side")
    assert found == {"light * side = bright * l": [1], "light * side = dark * l": [0], "light * side = dark * r": [2]}


def test_numbers_are_cut_into_thirds_and_equal_ones_stay_together() -> None:
    found = members(table({"size": [str(number) for number in range(12)]}), "size")
    assert found == {
        "size = low (up to 3)": [0, 1, 2, 3],
        "size = middle (3 to 7)": [4, 5, 6, 7],
        "size = high (above 7)": [8, 9, 10, 11],
    }
    ties = members(table({}, {"size": [1.0] * 8 + [2.0] * 2 + [float("nan")]}), "size")
    assert ties == {"size = low (up to 1)": [*range(8)], "size = high (above 1)": [8, 9], "size = (none)": [10]}
    assert members(table({}, {"size": [4.0, 4.0]}), "size") == {"size = any": [0, 1]}
    assert members(table({}, {"size": [float("nan")] * 2}), "size") == {"size = (none)": [0, 1]}


def test_few_whole_numbers_are_groups_as_they_stand() -> None:
    assert list(members(table({"objects": ["1", "2", "3", "1"]}), "objects")) == [
        "objects = 1",
        "objects = 2",
        "objects = 3",
    ]


def test_numbers_to_be_measured_are_those_the_data_lack() -> None:
    assert derived_names(["light*brightness", "sharpness", "motion"], ["light", "motion"]) == [
        "brightness",
        "sharpness",
    ]


def test_refusals() -> None:
    many = table({"patient": [f"p{number}" for number in range(3000)]})
    with pytest.raises(InputError, match="patient with 3000, such as p0, p1, p10") as refusal:
        find_groups(many, ["patient"])
    assert "clusters" in refusal.value.hint
    with pytest.raises(
        InputError, match=r"an attribute of the data \(patient\) or one that can be measured .*, got 'age'"
    ):
        find_groups(many, ["age"])
    with pytest.raises(InputError, match="each attribute once"):
        find_groups(many, ["patient", "patient"])
