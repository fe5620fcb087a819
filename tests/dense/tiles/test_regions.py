"""Arrays of any kind as images, read region by region."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import zarr

from pixelwise.dense.tiles.regions import SlicedArray, as_regions, read_mirrored
from pixelwise.errors import InputError

PIXELS = np.arange(3 * 9 * 11, dtype=np.uint8).reshape(9, 11, 3)
EXPECTED = torch.from_numpy(PIXELS).movedim(-1, 0).float() / 255


def test_all_kinds_of_arrays_read_alike(tmp_path: Path):
    first = np.ascontiguousarray(np.moveaxis(PIXELS, -1, 0))
    mapped = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=PIXELS.shape)
    mapped[...] = PIXELS
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, tile=(16, 16), photometric="rgb")
    stored = zarr.array(PIXELS, chunks=(4, 4, 3), store=str(tmp_path / "a.zarr"))
    with tifffile.imread(tmp_path / "a.tif", aszarr=True) as store:
        arrays = [PIXELS, first, mapped, stored, zarr.open_array(store, mode="r"), torch.from_numpy(first)]
        for array in arrays:
            regions = as_regions(array)
            assert regions.size == (9, 11)
            assert torch.equal(regions.read(2, 3, 4, 5), EXPECTED[:, 2:6, 3:8])
            assert torch.equal(read_mirrored(regions, (-2, 3), (9, 13))[:, 2:, :2], EXPECTED[:, :3, 9:])


def test_reading_a_map_changes_nothing_in_it(tmp_path: Path):
    for mode in ("w+", "c"):
        mapped = np.memmap(tmp_path / "pixels", np.float32, mode, shape=(200, 300))
        mapped[...] = 7
        part = as_regions(mapped[5:]).read(0, 0, 4, 4)
        assert part.eq(7).all()
        assert (mapped == 7).all()
        part.fill_(1)
        assert (mapped == 7).all()


def test_depths_are_scaled_and_floats_are_not():
    deep = np.array([[0, 65535], [32768, 1]], np.uint16)
    for array in (deep, deep.astype(">u2"), torch.from_numpy(deep.astype(np.int32)).to(torch.uint16)):
        image = SlicedArray(array, "none").read(0, 0, 2, 2)
        torch.testing.assert_close(image, torch.tensor([[[0, 1], [32768 / 65535, 1 / 65535]]]))
    for number_type in (np.float32, np.float64, np.float16, ">f4"):
        values = (np.arange(6.0).reshape(2, 3) - 3).astype(number_type)
        assert as_regions(values).read(0, 0, 2, 3).tolist() == [values.tolist()]


def test_gray_arrays_have_one_channel():
    assert as_regions(PIXELS[..., 0]).read(1, 2, 3, 4).shape == (1, 3, 4)


def refusal(image: object) -> str:
    with pytest.raises(InputError) as error:
        as_regions(image)
    return str(error.value)


def test_what_is_no_image_is_refused():
    assert "shape (3, 9, 4)" in refusal(np.zeros((3, 9, 4)))
    assert 'SlicedArray(array, channels="first") or channels="last"' in refusal(np.zeros((30, 9, 40)))
    assert SlicedArray(np.zeros((3, 9, 4)), "last").size == (3, 9)
    assert "one of int32" in refusal(np.zeros((9, 9), np.int32))
    assert "one of bool" in refusal(np.zeros((9, 9), bool))
    assert "one of torch.int64" in refusal(torch.zeros(3, 9, 9, dtype=torch.int64))
    assert "pass the images of a batch one by one" in refusal(np.zeros((2, 3, 9, 9)))
    assert "got a str" in refusal("image.png")
    assert "one without pixels, of shape (0, 9, 3)" in refusal(np.zeros((0, 9, 3)))


def test_an_image_that_lies_about_its_size_is_named():
    class Short:
        size = (20, 20)

        def read(self, top: int, left: int, height: int, width: int) -> torch.Tensor:
            return torch.zeros(3, height, width - 1)

    with pytest.raises(InputError, match=r"check that its size is really 20x20"):
        read_mirrored(as_regions(Short()), (0, 5), (0, 5))
