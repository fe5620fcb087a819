"""Flow files come back bit by bit; broken ones are named, whatever is wrong with them."""

import struct
from pathlib import Path

import numpy as np
import pytest

from pixelwise.data.formats.flo import known, read_flo, write_flo
from pixelwise.errors import InputError


def test_a_flow_comes_back_bit_by_bit(tmp_path: Path) -> None:
    flow = np.random.default_rng(0).normal(0, 30, (5, 7, 2)).astype(np.float32)
    flow[2, 3] = 1e10
    write_flo(tmp_path / "a.flo", flow)
    assert read_flo(tmp_path / "a.flo").tobytes() == flow.tobytes()


def test_the_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    flow = np.array([[[1, -2], [3, 4], [5, 6]]], dtype=np.float32)
    write_flo(tmp_path / "a.flo", flow)
    by_hand = struct.pack("<f", 202021.25) + struct.pack("<ii", 3, 1) + struct.pack("<6f", 1, -2, 3, 4, 5, 6)
    assert (tmp_path / "a.flo").read_bytes() == by_hand


def test_a_flow_in_another_memory_order_is_written_by_rows(tmp_path: Path) -> None:
    flow = np.arange(24, dtype=np.float32).reshape(2, 4, 3).transpose(1, 2, 0)
    write_flo(tmp_path / "a.flo", flow)
    np.testing.assert_array_equal(read_flo(tmp_path / "a.flo"), flow)


GOOD = b"PIEH" + struct.pack("<ii", 2, 1) + bytes(16)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "begins with PIEH"),
        (b"PIEH\x01", "begins with PIEH"),
        (b"HEIP" + GOOD[4:], "begins with PIEH"),
        (GOOD[:-1], "cut short"),
        (GOOD + b"x", "goes on after the last pixel"),
        (b"PIEH" + struct.pack("<ii", 0, 4), "4x0 in the header"),
        (b"PIEH" + struct.pack("<ii", -2, 1) + bytes(16), "1x-2 in the header"),
        (b"PIEH" + struct.pack("<ii", 2**31 - 1, 2**31 - 1), "in the header"),
        (b"PIEH" + struct.pack("<ii", 99_999, 99_999), "cut short"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "broken.flo"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_flo(path)
    assert text in str(caught.value)
    assert "broken.flo" in str(caught.value)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.flo"
    for length in range(len(GOOD)):
        path.write_bytes(GOOD[:length])
        with pytest.raises(InputError, match=r"cut\.flo"):
            read_flo(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.flo, which is not there"):
        read_flo(tmp_path / "nowhere.flo")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_flow_that_is_not_finite_is_refused_and_no_file_is_made(tmp_path: Path, value: float) -> None:
    flow = np.zeros((3, 4, 2), dtype=np.float32)
    flow[1, 2, 0] = value
    with pytest.raises(InputError, match="row 1, column 2"):
        write_flo(tmp_path / "a.flo", flow)
    assert list(tmp_path.iterdir()) == []


def test_flow_without_pixels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0x4"):
        write_flo(tmp_path / "a.flo", np.zeros((0, 4, 2), dtype=np.float32))


def test_values_above_1e9_and_what_is_not_finite_are_unknown() -> None:
    flow = np.array([[[1, 2], [1.001e9, 0], [0, -1e10], [np.nan, 0], [np.inf, 0], [1e9, -1e9]]], dtype=np.float32)
    assert known(flow).tolist() == [[True, False, False, False, False, True]]
