"""YOLO files: shares of the image become pixels, class numbers labels, polygons masks; and class names from YAML."""

from pathlib import Path

import pytest
import torch

from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.objects import Objects
from pixelwise.data.detection.yaml_names import read_yaml_names
from pixelwise.data.detection.yolo_text import read_yolo
from pixelwise.data.faults import Fault
from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import rle_area


def read(folder: Path, text: str, faults: list[Fault] | None = None, masks: bool = True) -> Objects:
    (folder / "a.txt").write_text(text)
    return read_yolo(folder / "a.txt", (40, 60), (1, 2, 0), Notes("a.txt", faults), masks).objects


def test_centre_and_size_in_shares_become_corners_in_pixels(tmp_path: Path) -> None:
    objects = read(tmp_path, "\ufeff0 0.5 0.5 0.5 0.25\r\n\n1.0 0.1 0.25 0.2 0.5\n")
    torch.testing.assert_close(objects.boxes, torch.tensor([[15.0, 15, 45, 25], [0, 0, 12, 20]]))
    assert (objects.labels.tolist(), objects.masks) == ([1, 2], None)


def test_a_polygon_has_a_box_and_a_mask(tmp_path: Path) -> None:
    text = "0 0.1 0.25 0.5 0.25 0.5 0.75 0.1 0.75\n"
    objects = read(tmp_path, text)
    torch.testing.assert_close(objects.boxes, torch.tensor([[6.0, 10, 30, 30]]))
    assert rle_area((objects.masks or ())[0]) == 24 * 20
    assert read(tmp_path, text, masks=False).masks is None


def test_a_box_among_polygons_is_a_region_to_ignore_for_masks_and_an_object_for_boxes(tmp_path: Path) -> None:
    text = "0 0.1 0.25 0.5 0.25 0.5 0.75\n1 0.5 0.5 0.5 0.5\n"
    assert read(tmp_path, text).crowd.tolist() == [False, True]
    assert read(tmp_path, text, masks=False).crowd.tolist() == [False, False]


def test_an_empty_file_has_no_object(tmp_path: Path) -> None:
    assert len(read(tmp_path, " \n")) == 0


LEFT_OUT = {
    "class past the last": ("3 .5 .5 .1 .1", "unknown-class", "line 1: class '3', there are 0..2"),
    "a negative class": ("-1 .5 .5 .1 .1", "unknown-class", "class '-1'"),
    "a class of many digits": ("9" * 5000 + " .5 .5 .1 .1", "unknown-class", "..."),
    "background": ("2 .5 .5 .1 .1", "background-class", "class background"),
    "pixels": ("0 300 200 50 60", "not-normalised", "300 is no share"),
    "nan": ("0 nan .5 .1 .1", "box-numbers", "line 1: 'nan'"),
    "underscore": ("0 1_0 .5 .1 .1", "box-numbers", "1_0"),
    "three numbers": ("0 .5 .5 .1", "box-numbers", "3 numbers after the class"),
    "a score": ("0 .5 .5 .1 .1 .9", "polygon-points", "5 numbers after the class"),
    "no number": ("0", "box-numbers", "0 numbers"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_a_line_that_cannot_be_read_is_left_out_and_named(case: str, tmp_path: Path) -> None:
    line, kind, words = LEFT_OUT[case]
    faults: list[Fault] = []
    assert len(read(tmp_path, f"{line}\n0 .5 .5 .1 .1\n", faults)) == 1
    assert [fault.kind for fault in faults] == [kind] and words in faults[0].found
    with pytest.raises(InputError, match="line 1"):
        read(tmp_path, line)


def test_another_encoding_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"0 \xff\xfe")
    with pytest.raises(InputError, match=r"a\.txt: another encoding"):
        read_yolo(tmp_path / "a.txt", (4, 4), (1,), Notes("a.txt"), masks=False)


YAMLS = {
    "list": "names: [cow, 'a sheep', \"goat\"]",
    "list over lines": "nc: 3\nnames: [cow,\n  'a sheep',  goat,\n]\nval: x",
    "dashes": "names:\n- cow\n- a sheep # woolly\n- 'goat'\nnc: 3\n",
    "indented dashes": "names:   # three\n  - cow\n\n  - a sheep\n  - goat",
    "numbers": "train: [not, names]\nnames:\n  0: cow\n  2: goat\n  1: a sheep\nother: 1",
    "braces": "names: {0: cow, 1: 'a sheep', 2: goat}",
}


@pytest.mark.parametrize("case", YAMLS)
def test_names_are_read_in_each_usual_form(case: str, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(YAMLS[case])
    assert read_yaml_names(tmp_path / "data.yaml") == ("cow", "a sheep", "goat")


BAD_YAMLS = {
    "none": ("nc: 3\n", "a line `names:`"),
    "a gap": ("names: {0: a, 2: b}", "names numbered 0, 1, 2"),
    "twice": ("names: [a, a]", "names that differ"),
    "empty": ("names: []", "names numbered 0, 1, 2"),
    "an anchor": ("names: *other", "names as a list"),
    "not closed": ("names: [a, b", "names as a list"),
    "nested": ("names: [[a], b]", "names as a list"),
    "nested lines": ("names:\n  - {a: b}\n", "a name on each line"),
    "mixed": ("names: [0: a, b]", "names numbered"),
    "spaces without end": ("names:\n- a" + " " * 50_000 + ":\n", "lines of at most 1000 characters"),
    "control characters": ("names: ['a\x07']", "printable"),
}


@pytest.mark.parametrize("case", BAD_YAMLS)
def test_names_in_other_forms_are_refused_and_not_guessed(case: str, tmp_path: Path) -> None:
    text, words = BAD_YAMLS[case]
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_yaml_names(tmp_path / "data.yaml")
    assert words in str(caught.value) and "data.yaml" in str(caught.value)
