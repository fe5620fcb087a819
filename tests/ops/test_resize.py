"""Resizing against its definitions, published figures for MATLAB's, label maps, dtypes, tracing and refusals."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.matlab_resize import resize_matlab
from pixelwise.ops.resize import resize
from references.resize import matlab_by_hand, resize_by_hand

BLENDED = [
    (mode, corners, smooth) for mode in ("bilinear", "bicubic") for corners in (False, True) for smooth in (False, True)
]
WAYS = [*((mode, False, False) for mode in ("nearest", "nearest-exact", "area")), *BLENDED]
BOTH = (
    ("bilinear", True, True),
    ("bicubic", True, True),
)  # torch's own definition of the two switches together is not written down


@pytest.mark.parametrize(("mode", "corners", "smooth"), [way for way in WAYS if way not in BOTH])
@pytest.mark.parametrize("size", [(3, 4), (14, 9), (1, 1), (7, 10)])
def test_the_result_equals_the_definition(mode: str, corners: bool, smooth: bool, size: tuple[int, int]) -> None:
    image = torch.rand(7, 5, dtype=torch.float64)
    result = resize(image, size, mode, align_corners=corners, antialias=smooth)
    assert_close(result, resize_by_hand(image, size, mode, corners, smooth))


def test_nearest_modes_differ_by_half_a_pixel() -> None:
    row = torch.arange(6)[None]
    assert resize(row, (1, 3), "nearest").tolist() == [[0, 2, 4]]
    assert resize(row, (1, 3), "nearest-exact").tolist() == [[1, 3, 5]]


def test_nearest_is_exact_where_a_rounded_ratio_is_not() -> None:
    # Enlarging k times must repeat every pixel k times; torch's ratio in float32 misses that at 2 to 82.
    for length, times in [(2, 41), (2, 47), (1000, 23)]:
        row = torch.arange(length)[None]
        for mode in ("nearest", "nearest-exact"):
            assert torch.equal(resize(row, (1, length * times), mode), row.repeat_interleave(times, 1))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64, torch.bool])
def test_label_maps_keep_labels_and_dtype(dtype: torch.dtype) -> None:
    labels = torch.tensor([[0, 1], [1, 0]]).to(dtype)
    large = resize(labels, (4, 4), "nearest-exact")
    assert large.dtype == dtype
    assert torch.equal(resize(large, (2, 2), "nearest-exact"), labels)


@pytest.mark.parametrize(("mode", "corners", "smooth"), WAYS)
def test_any_leading_axes_layout_and_half_precision(mode: str, corners: bool, smooth: bool) -> None:
    def to_new_size(images: torch.Tensor) -> torch.Tensor:
        return resize(images, (4, 9), mode, corners, smooth)

    images = torch.rand(2, 3, 6, 7)
    result = to_new_size(images)
    assert_close(to_new_size(images[0, 0]), result[0, 0])
    assert_close(to_new_size(images[0]), result[0])
    assert_close(to_new_size(images[None]), result[None])
    assert_close(to_new_size(images.to(memory_format=torch.channels_last)), result)
    half = to_new_size(images.half())
    assert half.dtype == torch.float16
    assert torch.equal(half, to_new_size(images.half().float()).half())
    assert to_new_size(images[:0]).shape == (0, 3, 4, 9)
    assert to_new_size(images[:, :0]).shape == (2, 0, 4, 9)


@pytest.mark.parametrize(("mode", "corners", "smooth"), WAYS)
def test_gradients_are_exact(mode: str, corners: bool, smooth: bool) -> None:
    images = torch.rand(1, 3, 4, dtype=torch.float64, requires_grad=True)
    for size in ((2, 2), (5, 6)):
        assert torch.autograd.gradcheck(lambda i, s=size: resize(i, s, mode, corners, smooth), (images,))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "area"])
def test_labels_are_not_blended(mode: str) -> None:
    with pytest.raises(
        InputError, match=f"wanted float images for {mode} values, got torch.uint8\nhint: label maps: mo"
    ):
        resize(torch.zeros(2, 2, dtype=torch.uint8), (4, 4), mode)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area"])
@pytest.mark.parametrize("switch", ["align_corners", "antialias"])
def test_switches_without_effect_are_refused(mode: str, switch: str) -> None:
    with pytest.raises(InputError, match=f"only with bilinear and bicubic, got mode {mode}\nhint: leave them out"):
        resize(torch.zeros(2, 2), (4, 4), mode, **{switch: True})


def test_sizes_of_zero_are_refused() -> None:
    for shape, size in [((0, 2), (4, 4)), ((2, 2), (0, 4)), ((2, 2), (-1, 4))]:
        with pytest.raises(InputError, match="wanted images with pixels and a size of at least 1x1, got shape"):
            resize(torch.zeros(shape), size, "area")


@pytest.mark.parametrize("scale", [1 / 2, 1 / 3, 1 / 4, 0.37, 1, 1.7, 2, 4])
@pytest.mark.parametrize("size", [(9, 13), (1, 6), (5, 1)])
def test_matlab_equals_the_definition(size: tuple[int, int], scale: float) -> None:
    image = torch.rand(size, dtype=torch.float64)
    expected = matlab_by_hand(image, scale)
    assert_close(resize_matlab(image, scale), expected)
    assert torch.equal(
        resize_matlab((image * 255).round().byte(), scale),
        (matlab_by_hand((image * 255).round(), scale) + 0.5 + 1e-9).floor().clamp(0, 255).byte(),
    )


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_matlab_is_torchs_antialiased_cubic_on_a_mirrored_picture(scale: int) -> None:
    image = torch.rand(1, 1, 8 * scale, 6 * scale, dtype=torch.float64)
    margin = 4 * scale  # the reach of the widened kernel on both sides, in old pixels
    mirrored = torch.cat([image[:, :, :margin].flip(2), image, image[:, :, -margin:].flip(2)], 2)
    mirrored = torch.cat([mirrored[..., :margin].flip(3), mirrored, mirrored[..., -margin:].flip(3)], 3)
    shrunk = F.interpolate(mirrored, scale_factor=1 / scale, mode="bicubic", antialias=True)
    assert_close(resize_matlab(image, 1 / scale), shrunk[..., 4:-4, 4:-4])


@pytest.mark.data
@pytest.mark.parametrize(("scale", "published"), [(2, 33.66), (3, 30.39), (4, 28.42)])
def test_set5_gets_the_published_bicubic_figures(real_data: Path, scale: int, published: float) -> None:
    # Set5, luma, `scale` pixels cropped: the row "bicubic" of every table since Timofte et al. 2014.
    ratios = []
    for path in sorted((real_data / "sr_set5").glob("*.png")):
        red, green, blue = np.asarray(Image.open(path).convert("RGB"), dtype=np.float64).transpose(2, 0, 1)
        luma = torch.from_numpy(16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255).round().byte()
        luma = luma[: len(luma) // scale * scale, : luma.shape[1] // scale * scale]
        again = resize_matlab(resize_matlab(luma, 1 / scale), scale)
        error = (again.double() - luma.double())[scale:-scale, scale:-scale].square().mean()
        ratios.append(10 * torch.log10(255**2 / error).item())
    assert np.mean(ratios) == pytest.approx(published, abs=0.01)


def test_matlab_keeps_dtype_axes_gradients_and_empty_batches() -> None:
    images = torch.rand(2, 3, 6, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda i: resize_matlab(i, 0.5), (images,), fast_mode=True)
    assert_close(resize_matlab(images[1, 2], 0.5), resize_matlab(images, 0.5)[1, 2])
    assert resize_matlab(images.detach().half(), 2).dtype == torch.float16
    assert resize_matlab(images[:0], 2).shape == (0, 3, 12, 16)
    assert resize_matlab(images[:, :0], 0.5).shape == (2, 0, 3, 4)


@pytest.mark.parametrize("scale", [0, -1.0, float("nan"), float("inf")])
def test_matlab_refuses_scales_that_are_none(scale: float) -> None:
    with pytest.raises(
        InputError, match=r"wanted images with pixels and a positive scale, got shape \(2, 2\) and scale"
    ):
        resize_matlab(torch.zeros(2, 2), scale)


def test_matlab_refuses_labels_and_empty_pictures() -> None:
    with pytest.raises(InputError, match=r"wanted float or uint8 images, got torch.int64\nhint: labels: resize"):
        resize_matlab(torch.zeros(2, 2, dtype=torch.int64), 2)
    with pytest.raises(InputError, match=r"wanted images with pixels and a positive scale, got shape \(0, 2\)"):
        resize_matlab(torch.zeros(0, 2), 2)


@pytest.mark.compile
def test_unknown_modes_are_refused() -> None:
    with pytest.raises(
        InputError, match="wanted a mode of nearest-exact, nearest, bilinear, bicubic, area, got 'cubic'"
    ):
        resize(torch.zeros(2, 2), (4, 4), "cubic")  # type: ignore[arg-type]


@pytest.mark.compile
@pytest.mark.parametrize(("mode", "corners", "smooth"), [*WAYS, ("matlab", False, False)])
def test_compile_and_export_pass_through(mode: str, corners: bool, smooth: bool) -> None:
    class Resize(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if mode == "matlab":
                return resize_matlab(images, 0.5)
            return resize(images, (5, 9), mode, corners, smooth)

    torch._dynamo.reset()  # each case is another program
    images = torch.rand(2, 3, 8, 6)
    expected = Resize()(images)
    assert_close(torch.compile(Resize(), fullgraph=True, backend="aot_eager")(images), expected)
    program = torch.export.export(Resize(), (images,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    other = torch.rand(3, 3, 8, 6)
    assert_close(program.module()(other), Resize()(other))
