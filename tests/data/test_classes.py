"""Class tables: what a class file says, what stored values become, and what is refused, by file and line."""

from pathlib import Path

import numpy as np
import pytest

from pixelwise.data import ClassTable, infer_classes, read_classes
from pixelwise.errors import InputError


def classes_file(folder: Path, text: str) -> Path:
    path = folder / "classes.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_three_kinds_of_lines(tmp_path: Path):
    names = read_classes(classes_file(tmp_path, "# street\nsky\n\ntraffic light  # red too\nignore\n"))
    assert names == ClassTable(("sky", "traffic light"), ((0, 0), (1, 1)), (2,))
    values = read_classes(classes_file(tmp_path, "\ufeff7 sky\n3 traffic light\n11 ignore\n12 ignore\n"))
    assert values == ClassTable(("sky", "traffic light"), ((7, 7), (3, 3)), (11, 12))
    ranges = read_classes(classes_file(tmp_path, "0 background\n1-65535 nucleus\n"))
    assert ranges == ClassTable(("background", "nucleus"), ((0, 0), (1, 65535)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 sky\n0 road\n", r"classes.txt line 2: 0, taken by line 1"),
        ("0-9 sky\n5-12 road\n", r"classes.txt line 2: 5, taken by line 1"),
        ("0 sky\n1 sky\n", r"classes.txt line 2: `sky` again"),
        ("0 sky\n9-5 road\n", r"rising stored values in 0..65535, got .*classes.txt line 2: 9-5"),
        ("70000 sky\n", r"classes.txt line 1: 70000-70000"),
        ("sky\n12\n", r"a class name, got .*classes.txt line 2: '12'"),
        ("sky\n1-4\n", r"classes.txt line 2: '1-4'"),
        ("sky\n\0road\n", r"classes.txt line 2"),
        ("# nothing\n", r"1 to 255 classes, got .*classes.txt with 0"),
        ("".join(f"class {n}\n" for n in range(256)), r"classes.txt with 256"),
    ],
)
def test_faults_name_file_and_line(tmp_path: Path, text: str, words: str):
    with pytest.raises(InputError, match=words) as caught:
        read_classes(classes_file(tmp_path, text))
    assert "name" in caught.value.hint


def test_a_missing_or_binary_file_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"none.txt: No such file"):
        read_classes(tmp_path / "none.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"in UTF-8, got .*b.txt"):
        read_classes(tmp_path / "b.txt")


def test_encode_by_the_obvious_loop():
    table = ClassTable(("a", "b", "c"), ((4, 4), (10, 300), (0, 2)), ignore=(7,))
    raw = np.random.default_rng(0).choice([0, 1, 2, 4, 7, 10, 200, 255, 300], (20, 20)).astype(np.uint16)

    def one(value: int) -> int:
        for index, (first, last) in enumerate(table.values):
            if first <= value <= last:
                return index
        return 255

    expected = [[one(value) for value in row] for row in raw.tolist()]
    for dtype in (np.uint16, np.int32, np.int64):
        ids = table.encode(raw.astype(dtype), "a.png")
        assert ids.dtype == np.uint8
        assert ids.tolist() == expected


def test_255_is_ignored_unless_a_class_claims_it():
    raw = np.array([[0, 255]], np.uint8)
    assert ClassTable(("a",), ((0, 0),)).encode(raw, "").tolist() == [[0, 255]]
    assert ClassTable(("a", "b"), ((0, 0), (255, 255))).encode(raw, "").tolist() == [[0, 1]]
    assert ClassTable(("a", "b"), ((0, 0), (1, 65535))).encode(raw, "").tolist() == [[0, 1]]


def test_values_of_no_class_are_counted_in_the_error():
    table = ClassTable(("sky", "road"), ((0, 0), (1, 3)), ignore=(11,))
    raw = np.array([[0, 12, 12, 3, 255, 11, 13]])
    with pytest.raises(InputError) as caught:
        table.encode(raw, "masks/a.png")
    assert str(caught.value) == (
        "wanted label values of the classes 0 sky, 1-3 road; ignore: 11, 255, "
        "got masks/a.png with 12 in 2 pixels, 13 in 1 pixels\n"
        "hint: add `12 some name` or `12 ignore` to the classes file, or correct the label map"
    )
    for strange in (-1, -5, 65536, 10**9):
        with pytest.raises(InputError, match="in 1 pixels"):
            table.encode(np.array([[0, strange]]), "a.png")
    with pytest.raises(InputError, match=r"whole numbers .* got a.png with float64"):
        table.encode(np.zeros((2, 2)), "a.png")


def test_json_brings_the_table_back():
    table = ClassTable(("a", "ü"), ((0, 0), (9, 65535)), (7,))
    assert ClassTable.from_json(table.to_json()) == table
    for text in ("", "[]", "{}", '{"names": ["a"], "values": [3], "ignore": []}'):
        with pytest.raises(InputError, match="a class table in JSON"):
            ClassTable.from_json(text)


@pytest.mark.parametrize(
    ("names", "values", "ignore", "words"),
    [
        (("a", "a"), ((0, 0), (1, 1)), (), "the names a, a"),
        (("a", "b"), ((0, 4), (4, 5)), (), "ranges 0-4, 4-5"),
        (("a",), ((5, 4),), (), "ranges 5-4"),
        (("a",), ((0, 0), (1, 1)), (), "1 names and 2 ranges"),
        ((), (), (), "0 names"),
        (("a",), ((0, 9),), (4,), "4 both ignored and in a class"),
        (("a",), ((0, 9),), (-4,), "-4"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(names, values, ignore, words):
    with pytest.raises(InputError, match=words):
        ClassTable(names, values, ignore)


def test_infer_names_each_value():
    assert infer_classes([3, 0, 255, 3]) == ClassTable(("class 0", "class 3"), ((0, 0), (3, 3)))
    with pytest.raises(InputError, match=r"374, from 0 to 374: it looks like an instance map") as caught:
        infer_classes([*range(255), *range(256, 375), 374])
    assert "1-65535 object" in caught.value.hint
    with pytest.raises(InputError, match=r"besides 255 .*, got 0, 255") as caught:
        infer_classes([0, 255])
    assert "`255 object`" in caught.value.hint
    with pytest.raises(InputError, match="got no label maps"):
        infer_classes([])
