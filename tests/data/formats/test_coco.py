"""Masks survive COCO's run lengths; the file says what the standard says."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pixelwise.data.formats.coco import annotation, decode_mask, encode_mask, write_coco
from pixelwise.errors import InputError
from references.run_lengths import characters, run_lengths

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(MASKS)
def test_a_mask_comes_back(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_mask(encode_mask(mask)), mask)


@given(MASKS)
def test_the_code_equals_the_slow_definition(mask: np.ndarray) -> None:
    assert encode_mask(mask) == {"size": list(mask.shape), "counts": characters(run_lengths(mask))}


@given(MASKS, st.tuples(*[st.integers(0, 9)] * 4))
def test_a_window_equals_the_whole_image(mask: np.ndarray, margins: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = margins
    whole = np.pad(mask, ((top, bottom), (left, right)))
    assert encode_mask(mask, whole.shape, (top, left)) == encode_mask(whole)


def test_large_runs_and_differences_of_both_signs() -> None:
    mask = np.zeros((300, 500), dtype=np.bool_)
    mask[10:290, 3] = mask[0, 100] = mask[:, 200:400] = True
    rle = encode_mask(mask)
    assert rle["counts"] == characters(run_lengths(mask))
    np.testing.assert_array_equal(decode_mask(rle), mask)


@pytest.mark.parametrize("value", [False, True])
def test_an_empty_and_a_full_mask(value: bool) -> None:
    mask = np.full((3, 4), value)
    assert encode_mask(mask)["counts"] == ("0<" if value else "<")
    np.testing.assert_array_equal(decode_mask(encode_mask(mask)), mask)


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ("5", "sum 5 in a.json, annotation 3"),
        ("", "sum 0"),
        ("Oi", "ends within a number"),
        ("5 7", "' ' at place 1"),
        ("5\u20ac", "at place 1"),
        ("L@", "at least 0"),
    ],
)
def test_broken_run_lengths_are_named(counts: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_mask({"size": [3, 4], "counts": counts}, "a.json, annotation 3")
    assert text in str(caught.value)
    assert "a.json, annotation 3" in str(caught.value)


@settings(max_examples=60)
@given(st.text("0123;<?@DOPQ^_`ijno \u20ac", max_size=6))
def test_any_text_is_a_mask_or_an_input_error(counts: str) -> None:
    try:
        mask = decode_mask({"size": [3, 4], "counts": counts})
    except InputError:
        return
    assert mask.shape == (3, 4)


def test_the_file_holds_boxes_as_corner_and_size(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), dtype=np.bool_)
    mask[1:3, 2:7] = True
    one = annotation(1, 0, 2, (2.0, 1.0, 7.0, 3.0), encode_mask(mask), 10)
    image = {"id": 0, "file_name": "000000.png", "height": 6, "width": 8}
    write_coco(tmp_path / "a.json", [image], [one], ("cow", "camel"))
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["categories"] == [{"id": 1, "name": "cow"}, {"id": 2, "name": "camel"}]
    assert content["images"] == [image]
    (found,) = content["annotations"]
    assert (found["bbox"], found["area"], found["iscrowd"], found["category_id"]) == ([2, 1, 5, 2], 10, 0, 2)
    np.testing.assert_array_equal(decode_mask(found["segmentation"]), mask)
