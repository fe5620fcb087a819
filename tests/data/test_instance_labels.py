"""Borders between touching objects: against a loop over pixels, through class tables, and what tables refuse."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pixelwise.data.classes import ClassTable, read_classes
from pixelwise.data.instance_labels import touching_borders
from pixelwise.errors import InputError
from references.instances import touching_by_hand

NUCLEI = ClassTable(("background", "nucleus", "touching"), ((0, 0), (1, 65535)), border=True)


def blobs(seed: int, height: int = 14, width: int = 17) -> NDArray[np.int64]:
    draw = np.random.default_rng(seed)
    objects = np.zeros((height, width), np.int64)
    for number in draw.permutation(40)[:8]:
        top, left = draw.integers(0, (height, width))
        objects[top : top + 4, left : left + 5] = number + 1
    return objects


@pytest.mark.parametrize("reach", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64])
def test_borders_equal_a_loop_over_pixels(reach: int, dtype: type) -> None:
    for seed in range(4):
        objects = blobs(seed)
        assert touching_borders(objects.astype(dtype), reach).tolist() == touching_by_hand(objects, reach)


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (1, 6), (6, 1)])
def test_small_maps_have_the_borders_of_the_loop(shape: tuple[int, int]) -> None:
    objects = np.arange(shape[0] * shape[1]).reshape(shape)
    assert touching_borders(objects, 2).tolist() == touching_by_hand(objects, 2)


def test_a_lone_object_and_a_gap_have_no_border() -> None:
    assert not touching_borders(np.array([[0, 3, 3, 0, 0]])).any()
    assert not touching_borders(np.array([[3, 3, 0, 4, 4]])).any()
    assert touching_borders(np.array([[3, 3, 0, 4, 4]]), reach=2).tolist() == [[False, True, False, True, False]]


def test_the_class_file_names_the_border(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    for text in (
        "0 background\n1-65535 nucleus\nborder touching\n",
        "border  touching # x\n0 background\n1-65535 nucleus",
    ):
        path.write_text(text)
        assert read_classes(path) == NUCLEI
    path.write_text("sky\nborder collie\n")  # bare names stay names
    assert read_classes(path) == ClassTable(("sky", "border collie"), ((0, 0), (1, 1)))
    path.write_text("0 sky\n1 border collie\n")
    assert read_classes(path) == ClassTable(("sky", "border collie"), ((0, 0), (1, 1)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 a\n1-9 b\nborder c\nborder d\n", r"wanted one line `border name`, got .*classes.txt line 4: border d"),
        ("0 a\n1-9 b\nborder b\n", r"each class name once, got .*classes.txt line 2: `b` again"),
        ("0 a\n1 b\nborder c\n", r"a range of values that number objects, got .*classes.txt with only a border"),
        ("0 a\n1-9 b\nborder ignore\n", r"one line `border name`, got .*line 3: border ignore"),
    ],
)
def test_faulty_borders_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "classes.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_classes(path)


def test_tables_with_borders_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(InputError, match=r"got only the border c\nhint: give the objects a range"):
        ClassTable(("a", "b", "c"), ((0, 0), (1, 1)), border=True)
    with pytest.raises(InputError, match="got the names a, b, b"):
        ClassTable(("a", "b", "b"), ((0, 0), (1, 9)), border=True)
    with pytest.raises(InputError, match="got 2 names and 3 ranges"):
        ClassTable(("a", "b"), ((0, 0), (1, 9)), border=True)


def test_encoding_gives_background_object_and_border() -> None:
    stored = np.array([[0, 7, 7, 300, 300, 0, 0, 9]], np.uint16)
    for dtype in (np.uint16, np.int32, np.int64):
        ids = NUCLEI.encode(stored.astype(dtype), "a.png")
        assert ids.dtype == np.uint8
        assert ids.tolist() == [[0, 1, 2, 2, 1, 0, 0, 1]]
    assert NUCLEI.encode(np.zeros((0, 4), np.uint16), "a.png").shape == (0, 4)


def test_objects_of_two_classes_touch_and_ignored_pixels_stay_ignored() -> None:
    table = ClassTable(("none", "cell", "blood", "edge"), ((0, 0), (1, 99), (100, 199)), ignore=(200, 201), border=True)
    stored = np.array([[5, 5, 150, 150, 200, 5, 201]], np.uint8)
    assert table.encode(stored, "").tolist() == [[1, 3, 3, 2, 255, 1, 255]]
    assert table.object_classes == ("cell", "blood")
    found = table.objects(stored, "")
    assert {name: each.tolist() for name, each in found.items()} == {
        "cell": [[5, 5, 0, 0, 0, 5, 0]],
        "blood": [[0, 0, 150, 150, 0, 0, 0]],
    }


def test_values_of_no_class_are_named_as_ever() -> None:
    table = ClassTable(("none", "cell", "edge"), ((0, 0), (1, 9)), border=True)
    with pytest.raises(InputError, match=r"classes 0 none, 1-9 cell, border edge; ignore: 255, got a.png with 12 in 1"):
        table.encode(np.array([[0, 12]]), "a.png")
    with pytest.raises(InputError, match=r"a.png with 12 in 1"):
        table.objects(np.array([[0, 12]]), "a.png")
    assert table.name_of(3) == "cell"
    assert table.unknown([0, 9, 12]) == (12,)


def test_json_brings_borders_back_and_leaves_other_tables_as_they_were() -> None:
    assert ClassTable.from_json(NUCLEI.to_json()) == NUCLEI
    plain = ClassTable(("a", "b"), ((0, 0), (1, 9)), (11,))
    assert plain.to_json() == '{"names": ["a", "b"], "values": [[0, 0], [1, 9]], "ignore": [11]}'
    assert ClassTable.from_json(plain.to_json()) == plain
    assert plain.object_classes == ()
