"""Label maps: what is stored is what is read, and what is written is what is stored."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelwise.data import read_label_map, write_label_map
from pixelwise.errors import InputError
from references.sample_files import deep_png, paletted, pillow_file, smooth, tiff_file


def saved(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


LABELS = smooth(11, 13, 1, np.uint8) % 5


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("gray.png", pillow_file(LABELS, "PNG"), LABELS),
        ("palette.png", paletted(LABELS, smooth(5, 3, 1, np.uint8)), LABELS),
        ("palette4.png", paletted(LABELS, smooth(5, 3, 1, np.uint8), bits=4), LABELS),
        ("bits.png", pillow_file(LABELS > 2, "PNG"), LABELS > 2),
        ("deep.png", deep_png(LABELS.astype(np.uint16) * 9000), LABELS.astype(np.uint16) * 9000),
        ("deep.tif", tiff_file(LABELS.astype(np.uint16) * 9000, compression="zlib"), LABELS.astype(np.uint16) * 9000),
        ("int.tif", tiff_file(LABELS.astype(np.int32) * 9000), LABELS.astype(np.int32) * 9000),
        ("same.png", pillow_file(np.stack([LABELS] * 3, -1), "PNG"), LABELS),
        ("alpha.png", pillow_file(np.stack([LABELS, LABELS + 250], -1), "PNG"), LABELS),
        ("indices.tif", tiff_file(LABELS, photometric="palette", colormap=smooth(3, 256, 1, np.uint16)), LABELS),
        ("white.tif", tiff_file(LABELS, photometric="miniswhite"), LABELS),
    ],
)
def test_stored_values_are_read(tmp_path: Path, name: str, content: bytes, expected: np.ndarray):
    found = read_label_map(saved(tmp_path, name, content))
    assert found.dtype in (np.uint8, np.uint16)
    np.testing.assert_array_equal(found, expected)


def test_four_bit_gray_is_not_stretched(tmp_path: Path):
    labels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    ramp = np.repeat(np.arange(16)[:, None] * 17, 3, axis=1)
    content = paletted(labels, ramp, bits=4)
    gray = bytearray(content)
    gray[25] = 0  # colour type gray instead of palette: the same pixel data
    gray[29:33] = zlib.crc32(bytes(gray[12:29])).to_bytes(4, "big")
    start = gray.index(b"PLTE") - 4
    del gray[start : start + 12 + int.from_bytes(gray[start : start + 4], "big")]
    with Image.open(saved(tmp_path, "a.png", bytes(gray))) as picture:
        assert picture.mode == "L"
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.png"), labels)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jpg", pillow_file(LABELS, "JPEG"), "a lossless label map, got .*a.jpg: a JPEG"),
        ("a.png", pillow_file(smooth(4, 4, 3, np.uint8), "PNG"), r"one value per pixel, got .*a.png: an RGB picture"),
        ("a.tif", tiff_file(LABELS.astype(np.float32)), "whole numbers .*a.tif: values of float32"),
        ("b.tif", tiff_file(LABELS.astype(np.int32) - 1), "b.tif: int32 values from -1 to 3"),
        ("c.tif", tiff_file(LABELS.astype(np.uint32) * 70000), "c.tif: uint32 values from 0 to 280000"),
    ],
)
def test_what_is_no_label_map_is_refused(tmp_path: Path, name: str, content: bytes, words: str):
    with pytest.raises(InputError, match=words) as caught:
        read_label_map(saved(tmp_path, name, content))
    assert "PNG" in caught.value.hint


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.TIFF"])
@pytest.mark.parametrize("largest", [1, 255, 256, 65535])
def test_written_maps_come_back(tmp_path: Path, name: str, largest: int):
    labels = np.random.default_rng(0).integers(0, largest, (7, 9), endpoint=True)
    labels[0, 0] = largest
    write_label_map(tmp_path / name, labels)
    found = read_label_map(tmp_path / name)
    np.testing.assert_array_equal(found, labels)
    assert found.dtype == (np.uint8 if largest < 256 else np.uint16)
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_palette_colours_the_file_and_not_its_values(tmp_path: Path, name: str):
    palette = smooth(5, 3, 1, np.uint8)
    write_label_map(tmp_path / name, LABELS, palette)
    np.testing.assert_array_equal(read_label_map(tmp_path / name), LABELS)
    with Image.open(tmp_path / name) as picture:
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), palette[LABELS])


@pytest.mark.parametrize(
    ("name", "labels", "palette", "words"),
    [
        ("a.jpg", LABELS, None, r"ending in .png, .tif or .tiff, got .*a.jpg"),
        ("a.png", LABELS[None], None, r"two axes \(H, W\), got uint8 of shape \(1, 11, 13\)"),
        ("a.png", LABELS.astype(float), None, "got float64"),
        ("a.png", LABELS[:0], None, r"shape \(0, 13\)"),
        ("a.png", LABELS.astype(int) - 1, None, "labels in 0..65535, got -1 to 3"),
        ("a.png", LABELS.astype(int) * 300, np.zeros((4, 3), np.uint8), "a palette of N x 3 colours"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_no_file(tmp_path: Path, name, labels, palette, words):
    with pytest.raises(InputError, match=words):
        write_label_map(tmp_path / name, labels, palette)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_label_map(tmp_path / "a.png", LABELS)

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        write_label_map(tmp_path / "a.png", LABELS * 0)
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.png"), LABELS)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
