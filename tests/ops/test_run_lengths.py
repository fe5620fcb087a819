"""Masks survive COCO's run lengths, and area, box and overlap need no decoding."""

from inspect import unwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import Rle, decode_mask, encode_mask, read_runs, rle_area, rle_boxes, rle_iou
from references.masks import mask_box, mask_iou
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


@given(MASKS)
def test_the_decoded_window_is_the_box_around_the_mask(mask: np.ndarray) -> None:
    runs = read_runs(encode_mask(mask))
    x0, y0, x1, y1 = runs.box
    assert [x0, y0, x1, y1] == mask_box(mask)
    np.testing.assert_array_equal(runs.window(), mask[y0:y1, x0:x1])


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
        ("P" * 12 + "0", "more than 12 characters"),
        (b"5\xff", "at place 1"),
        ([5, 8], "sum 13 in a.json, annotation 3"),
        ([-1, 13], "at least 0"),
        ([2**80], "list in a.json"),
        ([1.5], "list in a.json"),
        ([[1, 2, 3, 4]], "a polygon must be drawn first"),
        (None, "NoneType in a.json"),
        ([2**61] * 8 + [12], "the sum 18446744073709551628"),
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


@pytest.mark.parametrize("size", [None, [3], [3, 4, 5], [3, -4], [3.0, 4], "34", [True, 12]])
def test_broken_sizes_are_named(size) -> None:
    with pytest.raises(InputError, match=r"a size of height and width, got .* in b\.json"):
        unwrap(decode_mask)({"size": size, "counts": "<"}, "b.json")


def test_a_mask_too_large_to_decode_still_has_area_and_box() -> None:
    huge: Rle = {"size": [100_000, 100_000], "counts": [2 * 10**9, 10**9, 7 * 10**9]}
    with pytest.raises(InputError, match="100000x100000 in a mask"):
        decode_mask(huge)
    assert rle_area(huge) == 10**9
    assert rle_boxes([huge]).tolist() == [[20_000, 0, 30_000, 100_000]]
    assert rle_iou([huge], [huge]).tolist() == [[1]]


def test_hostile_numbers_end_quickly() -> None:
    with pytest.raises(InputError, match="more than 12 characters"):
        decode_mask({"size": [3, 4], "counts": "o" * 1_000_000 + "0"})


@given(MASKS)
def test_text_bytes_and_plain_lengths_are_the_same_mask(mask: np.ndarray) -> None:
    rle = encode_mask(mask)
    for counts in (rle["counts"].encode(), run_lengths(mask)):
        other: Rle = {"size": rle["size"], "counts": counts}
        np.testing.assert_array_equal(decode_mask(other), mask)
        assert rle_area(other) == mask.sum()


def test_literals_of_crowds_and_of_coco_tools() -> None:
    # The first by hand; the texts as pycocotools 2.0.11 writes them for the same masks.
    crowd: Rle = {"size": [4, 3], "counts": [2, 3, 0, 1, 6]}
    assert decode_mask(crowd).astype(int).tolist() == [[0, 1, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]]
    ring = np.zeros((9, 70), dtype=np.bool_)
    ring[1:8, 5:60] = True
    ring[3:6, 20:40] = False
    assert encode_mask(ring)["counts"] == ("^172" + "0" * 28 + "K1" + "0O01" * 19 + "0O5" + "0" * 38 + "i2")


@pytest.mark.parametrize("corner", [(-1, 0), (0, 3), (8, 0)])
def test_a_window_that_leaves_the_image_is_named(corner: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="one of 4x5 at row"):
        encode_mask(np.zeros((4, 5), dtype=np.bool_), (9, 7), corner)


def test_images_without_pixels() -> None:
    for shape in ((0, 0), (0, 3), (3, 0)):
        rle = encode_mask(np.zeros(shape, dtype=np.bool_))
        assert decode_mask(rle).shape == shape
        assert rle_boxes([rle]).tolist() == [[0] * 4]
        assert rle_area(rle) == 0
    assert rle_boxes([]).shape == (0, 4)
    assert rle_iou([], [encode_mask(np.ones((2, 2), dtype=np.bool_))]).shape == (0, 1)


STACKS = arrays(np.bool_, st.tuples(st.integers(0, 5), st.integers(1, 9), st.integers(1, 9)))


@given(STACKS, st.integers(0, 5), st.integers(0, 31))
def test_boxes_and_overlaps_equal_those_of_decoded_masks(masks: np.ndarray, split: int, marks: int) -> None:
    rles = [encode_mask(mask) for mask in masks]
    assert rle_boxes(rles).tolist() == [mask_box(mask) for mask in masks]
    crowd = [bool(marks >> place & 1) for place in range(len(rles[split:]))]
    expected = [[mask_iou(a, b, c) for b, c in zip(masks[split:], crowd, strict=True)] for a in masks[:split]]
    assert rle_iou(rles[:split], rles[split:], crowd).tolist() == expected


def test_overlaps_of_masks_that_do_not_belong_together_are_named() -> None:
    small, large = (encode_mask(np.ones((side, side), dtype=np.bool_)) for side in (2, 3))
    with pytest.raises(InputError, match="compare masks of one image at a time"):
        rle_iou([small], [large])
    with pytest.raises(InputError, match="1 masks and 2 marks"):
        rle_iou([small], [small], [True, False])


def test_agreement_with_coco_tools() -> None:
    tools = pytest.importorskip("pycocotools.mask")
    draws = np.random.default_rng(0)
    masks = [draws.random((33, 47)) < draws.random() for _ in range(12)]
    ours = [encode_mask(mask) for mask in masks]
    theirs = [tools.encode(np.asfortranarray(mask)) for mask in masks]
    assert [rle["counts"] for rle in ours] == [rle["counts"].decode() for rle in theirs]
    crowd = [place % 3 == 0 for place in range(12)]
    np.testing.assert_array_equal(rle_iou(ours, ours, crowd), np.array(tools.iou(theirs, theirs, crowd)))
    corners = tools.toBbox(theirs)
    corners[:, 2:] += corners[:, :2]
    np.testing.assert_array_equal(rle_boxes(ours), corners)
