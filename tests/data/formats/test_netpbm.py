"""PPM and PGM come back as they were written, and read as images; damaged ones are named."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pixelwise.data import image_size, read_image
from pixelwise.data.formats.decode import decode
from pixelwise.data.formats.netpbm import write_netpbm
from pixelwise.errors import InputError


@pytest.mark.parametrize("shape", [(5, 7, 3), (5, 7), (1, 1, 3)])
@pytest.mark.parametrize("stored", [np.uint8, np.uint16])
def test_pixels_come_back_exactly(tmp_path: Path, shape: tuple[int, ...], stored: type) -> None:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(stored).max + 1, shape).astype(stored)
    write_netpbm(tmp_path / "a.ppm", pixels)
    raster = decode(tmp_path / "a.ppm")
    assert raster.pixels.dtype == stored
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert raster.traits.colours == ("rgb" if len(shape) == 3 else "gray")
    assert image_size(tmp_path / "a.ppm") == shape[:2]


def test_a_file_by_hand_reads_as_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(b"P6\n# made by hand\n2 1\n#again\n255\n" + bytes([255, 0, 51, 0, 102, 255]))
    wanted = torch.tensor([[[1.0, 0.0]], [[0.0, 0.4]], [[0.2, 1.0]]])
    torch.testing.assert_close(read_image(tmp_path / "a.ppm"), wanted)


def test_fewer_levels_are_stretched_to_the_whole_range(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 15 " + bytes([0, 5, 15]))
    torch.testing.assert_close(read_image(tmp_path / "a.pgm")[0], torch.tensor([[0.0, 1 / 3, 1.0]]))


def test_sixteen_bits_have_the_high_byte_first(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 65535\n" + bytes([1, 2, 0xFF, 0xFF]))
    assert decode(tmp_path / "a.pgm").pixels.tolist() == [[258, 65535]]


GOOD = b"P6\n2 1\n255\n" + bytes(6)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (GOOD[:-1], "cut short"),
        (GOOD + b"x", "goes on after the last pixel"),
        (b"P6\n0 4\n255\n", "claims 4x0 pixels"),
        (b"P6\n-2 1\n255\n" + bytes(6), "no header of a PPM"),
        (b"P6\n2 1\n200\n" + bytes(6), "whose largest value is 2**n - 1"),
        (b"P6\n2 1\n99999\n" + bytes(6), "whose largest value is 2**n - 1"),
        (b"P6\n999999999 999999999\n255\n" + bytes(6), "cut short"),
        (b"P5 2 1 15 " + bytes([3, 16]), "a value of 16 where its header says at most 15"),
        (b"P6", "no header of a PPM"),
        (b"P3\n1 1\n255\n1 2 3\n", "its first bytes are"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "broken.ppm").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_image(tmp_path / "broken.ppm")
    assert text in str(caught.value)
    assert "broken.ppm" in str(caught.value)


@pytest.mark.parametrize("pixels", [np.zeros((2, 2, 4), np.uint8), np.zeros((0, 2), np.uint8), np.zeros((2, 2))])
def test_what_is_no_picture_is_refused(tmp_path: Path, pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match="8-bit or 16-bit pixels"):
        write_netpbm.__wrapped__(tmp_path / "a.ppm", pixels)
    assert list(tmp_path.iterdir()) == []
