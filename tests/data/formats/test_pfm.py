"""Float maps come back bit by bit, in either byte order and the right way up; damaged ones are named."""

from pathlib import Path

import numpy as np
import pytest

from pixelwise.data.formats.pfm import read_pfm, write_pfm
from pixelwise.errors import InputError


@pytest.mark.parametrize("channels", [1, 3])
def test_values_come_back_bit_by_bit(tmp_path: Path, channels: int) -> None:
    values = np.random.default_rng(0).normal(0, 1e3, (5, 7, channels)).astype(np.float32)
    values[2, 3] = np.inf
    write_pfm(tmp_path / "a.pfm", values)
    assert read_pfm(tmp_path / "a.pfm").tobytes() == values.tobytes()


@pytest.mark.parametrize(("scale", "order"), [(b"-1.0", "<f4"), (b"1", ">f4"), (b"-0.5e1", "<f4")])
def test_the_lowest_row_comes_first_in_either_byte_order(tmp_path: Path, scale: bytes, order: str) -> None:
    rows = np.array([[5, 6, 7, 8], [1, 2, 3, 4]], dtype=order)
    (tmp_path / "a.pfm").write_bytes(b"Pf\n4 2\n" + scale + b"\n" + rows.tobytes())
    assert read_pfm(tmp_path / "a.pfm")[..., 0].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_a_view_is_written_as_it_looks(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 4, 3)[:, ::-1]
    write_pfm(tmp_path / "a.pfm", values)
    np.testing.assert_array_equal(read_pfm(tmp_path / "a.pfm"), values)


GOOD = b"PF\n2 1\n-1.0\n" + bytes(24)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "begins with PF or Pf"),
        (b"P6\n2 1\n255\n" + bytes(6), "begins with PF or Pf"),
        (GOOD[:-1], "cut short"),
        (GOOD + b"x", "goes on after the last pixel"),
        (b"PF\n0 4\n-1.0\n", "has no pixels"),
        (b"PF\n2 1\n0\n" + bytes(24), "a scale other than 0"),
        (b"PF\n2 1\n-e\n" + bytes(24), "a scale other than 0"),
        (b"PF\n2 1\n1e999\n" + bytes(24), "a scale other than 0"),
        (b"PF\n999999999 999999999\n-1\n", "cut short"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "broken.pfm").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_pfm(tmp_path / "broken.pfm")
    assert text in str(caught.value)
    assert "broken.pfm" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.pfm, which is not there"):
        read_pfm(tmp_path / "nowhere.pfm")


@pytest.mark.parametrize("shape", [(2, 2, 2), (0, 2, 3)])
def test_what_the_format_cannot_hold_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="1 or 3 channels"):
        write_pfm(tmp_path / "a.pfm", np.zeros(shape, np.float32))
    assert list(tmp_path.iterdir()) == []
