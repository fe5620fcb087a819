"""Pascal VOC files: pixels count from 1 there, and XML can do no harm."""

from pathlib import Path

import pytest

from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.objects import Objects
from pixelwise.data.detection.voc_xml import read_voc, voc_objects
from pixelwise.data.faults import Fault
from pixelwise.errors import InputError
from references.detection_folders import voc_object, voc_text

LABELS = {"cow": 1, "sheep": 2, "background": 0}


def read(folder: Path, objects: str, faults: list[Fault] | None = None) -> Objects:
    (folder / "a.xml").write_text(voc_text(objects))
    return voc_objects(read_voc(folder / "a.xml"), (40, 60), LABELS, Notes("a.xml", faults)).objects


def test_pixels_count_from_one_and_the_last_is_inside(tmp_path: Path) -> None:
    """The development kit's example of a whole image: 1, 1, width, height."""
    objects = read(tmp_path, voc_object("cow", (1, 1, 60, 40)) + voc_object("sheep", ("7.5", 3, 9, 3)))
    assert objects.boxes.tolist() == [[0, 0, 60, 40], [6.5, 2, 9, 3]]
    assert (objects.labels.tolist(), objects.masks) == ([1, 2], None)


def test_a_box_of_one_point_is_read_as_empty(tmp_path: Path) -> None:
    assert read(tmp_path, voc_object("cow", (7, 3, 7, 3))).boxes.tolist() == [[6, 2, 6, 2]]


def test_difficult_objects_are_marked_and_parts_passed_over(tmp_path: Path) -> None:
    more = "<difficult>1</difficult><part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    objects = read(tmp_path, voc_object("cow", (1, 2, 3, 4), more) + voc_object("cow", (1, 2, 3, 5)))
    assert objects.difficult.tolist() == [True, False]


def test_a_size_of_zero_is_not_said(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(voc_text("", (0, 0)))
    assert read_voc(tmp_path / "a.xml").size is None
    (tmp_path / "a.xml").write_text(voc_text("", (40, 60)))
    assert read_voc(tmp_path / "a.xml").size == (40, 60)


LEFT_OUT = {
    "nan": (voc_object("cow", ("nan", 1, 2, 3)), "box-numbers", "object 1 (cow), bndbox: 'nan'"),
    "missing": ("<object><name>cow</name></object>", "box-numbers", "bndbox: ''"),
    "unknown": (voc_object("goat", (1, 1, 2, 3)), "unknown-class", "object 1 (goat): not one of the classes"),
    "no name": (voc_object("", (1, 1, 2, 3)), "unknown-class", "object 1, name"),
    "background": (voc_object("background", (1, 1, 2, 3)), "background-class", "of the class background"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_an_object_that_cannot_be_read_is_left_out_and_named(case: str, tmp_path: Path) -> None:
    text, kind, words = LEFT_OUT[case]
    faults: list[Fault] = []
    assert len(read(tmp_path, text + voc_object("cow", (1, 1, 9, 9)), faults)) == 1
    assert [fault.kind for fault in faults] == [kind] and words in faults[0].found
    with pytest.raises(InputError, match="object 1"):
        read(tmp_path, text)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<annotation><name>&b;</name></annotation>"
)

REFUSED = {
    "an entity bomb": (BOMB, "without a document type or entities"),
    "an external file": (
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>',
        "DOCTYPE",
    ),
    "nesting": ("<annotation>" + "<a>" * 100_000, "at most 32 levels"),
    "another root": ("<html></html>", "an element called 'html'"),
    "no XML": ("hello", "an XML file"),
    "empty": ("", "an XML file"),
    "cut off": ("<annotation><object>", "an XML file"),
    "unknown encoding": ('<?xml version="1.0" encoding="ebcdic-xx"?><annotation/>', "an XML file"),
    "a size of text": ("<annotation><size><width>a</width><height>1</height></size></annotation>", "size: 'a'"),
    "a size of a billion": (voc_text("", (10**9, 10**9)), "a side of 1..16777216 pixels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_voc_file_is_refused_by_name(case: str, tmp_path: Path) -> None:
    text, words = REFUSED[case]
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_voc(tmp_path / "a.xml")
    assert words in str(caught.value) and "a.xml" in str(caught.value)


def test_a_missing_and_a_large_file_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.xml: No such file"):
        read_voc(tmp_path / "a.xml")
    with (tmp_path / "a.xml").open("wb") as file:
        file.truncate(2**25 + 1)
    with pytest.raises(InputError, match="33554433 bytes"):
        read_voc(tmp_path / "a.xml")
