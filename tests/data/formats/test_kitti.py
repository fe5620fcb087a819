"""KITTI's flow: rounded to 1/64 pixel, never clamped, never read from 8 bits."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from pixelwise.data.formats.kitti import read_kitti_flow, write_kitti_flow
from pixelwise.errors import InputError


def everywhere(flow: np.ndarray) -> np.ndarray:
    return np.ones(flow.shape[:2], dtype=np.bool_)


def test_flow_comes_back_rounded_to_the_nearest_step(tmp_path: Path) -> None:
    flow = np.random.default_rng(0).uniform(-511, 511, (40, 50, 2)).astype(np.float32)
    write_kitti_flow(tmp_path / "a.png", flow, everywhere(flow))
    read, known = read_kitti_flow(tmp_path / "a.png")
    assert known.all()
    error = read.astype(np.float64) - flow
    assert np.abs(error).max() <= 1 / 128
    assert abs(error.mean()) < 3e-4  # cutting instead of rounding would shift all by 1/128 = 0.0078


def test_what_fits_exactly_comes_back_exactly(tmp_path: Path) -> None:
    flow = np.array([[[-512, 511.984375], [0, -0.015625], [3.25, 100]]], dtype=np.float32)
    write_kitti_flow(tmp_path / "a.png", flow, everywhere(flow))
    np.testing.assert_array_equal(read_kitti_flow(tmp_path / "a.png")[0], flow)


def test_the_stored_values_are_those_of_the_format(tmp_path: Path) -> None:
    flow = np.array([[[1, -2], [7, 7]]], dtype=np.float32)
    write_kitti_flow(tmp_path / "a.png", flow, np.array([[True, False]]))
    stored = imagecodecs.png_decode((tmp_path / "a.png").read_bytes())
    assert stored.tolist() == [[[32768 + 64, 32768 - 128, 1], [0, 0, 0]]]


def test_unknown_flow_is_0_whatever_it_was(tmp_path: Path) -> None:
    flow = np.array([[[1e10, np.nan], [2, 3]]], dtype=np.float32)
    write_kitti_flow(tmp_path / "a.png", flow, np.array([[False, True]]))
    read, known = read_kitti_flow(tmp_path / "a.png")
    assert known.tolist() == [[False, True]]
    assert read.tolist() == [[[0, 0], [2, 3]]]


@pytest.mark.parametrize("value", [512.0, -512.1, 600.0, np.nan, np.inf])
def test_what_does_not_fit_is_refused_and_no_file_is_made(tmp_path: Path, value: float) -> None:
    flow = np.zeros((3, 4, 2), dtype=np.float32)
    flow[1, 2, 1] = value
    with pytest.raises(InputError, match=r"-512 to 511\.98 pixels") as caught:
        write_kitti_flow(tmp_path / "a.png", flow, everywhere(flow))
    assert "row 1, column 2" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "picture",
    [Image.new("RGB", (4, 3)), Image.new("L", (4, 3)), Image.fromarray(np.zeros((3, 4), np.uint16))],
)
def test_a_picture_without_16_bits_of_colour_is_refused(tmp_path: Path, picture: Image.Image) -> None:
    picture.save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"an RGB PNG of 16 bits a channel, got .*a\.png"):
        read_kitti_flow(tmp_path / "a.png")


def test_a_file_cut_anywhere_is_named(tmp_path: Path) -> None:
    flow = np.random.default_rng(0).uniform(-50, 50, (6, 8, 2)).astype(np.float32)
    write_kitti_flow(tmp_path / "a.png", flow, everywhere(flow))
    content = (tmp_path / "a.png").read_bytes()
    for length in range(0, len(content) - 12, 7):  # the last 12 bytes are the empty end chunk, which decoders forgive
        (tmp_path / "cut.png").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut\.png"):
            read_kitti_flow(tmp_path / "cut.png")


def test_no_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0x4"):
        write_kitti_flow(tmp_path / "a.png", np.zeros((0, 4, 2), np.float32), np.zeros((0, 4), np.bool_))
