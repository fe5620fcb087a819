"""All-pairs correlation and its lookup against a definition without a volume, in corners, and refusals."""

import pytest
import torch
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.all_pairs import all_pairs_correlation, lookup_correlation
from pixelwise.ops.correlation import correlation
from pixelwise.ops.warp import pixel_centres
from references.correlation import look_up_by_hand


@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 4), (1, 1)])
def test_the_lookup_equals_the_definition(size: tuple[int, int]) -> None:
    first, second = torch.randn(2, 2, 3, *size, dtype=torch.float64)
    # Inside, outside, and on whole and half pixels.
    coordinates = torch.rand(2, 2, *size, dtype=torch.float64) * 12 - 3
    coordinates[1] = (coordinates[1] * 2).round() / 2
    result = lookup_correlation(all_pairs_correlation(first, second, levels=3), coordinates, radius=1)
    assert_close(result, look_up_by_hand(first, second, coordinates, radius=1, levels=3))


def test_at_the_pixel_centres_it_is_the_local_correlation() -> None:
    first, second = torch.randn(2, 1, 16, 7, 9)
    centres = pixel_centres(7, 9, like=first)[None]
    result = lookup_correlation(all_pairs_correlation(first, second, levels=1), centres, radius=2)
    assert_close(result, correlation(first, second, 2, 1) * 16 / 4, atol=1e-4, rtol=0)


def test_coarse_cells_lie_where_they_average() -> None:
    # A picture that is its own x: level 1, read anywhere inside, still says x.
    ramp = pixel_centres(8, 8, like=torch.zeros(1))[:1].expand(1, 1, 8, 8)
    ones = torch.ones(1, 1, 8, 8)
    coordinates = torch.full((1, 2, 8, 8), 3.3)
    values = lookup_correlation(all_pairs_correlation(ones, ramp, levels=2), coordinates, radius=0)
    assert_close(values, torch.full((1, 2, 8, 8), 3.3))


def test_the_second_map_may_have_another_size() -> None:
    first, second = torch.randn(1, 4, 3, 2), torch.randn(1, 4, 5, 6)
    (volume,) = all_pairs_correlation(first, second, levels=1)
    assert volume.shape == (1, 3, 2, 5, 6)
    assert_close(volume[0, 2, 1, 4, 3], (first[0, :, 2, 1] * second[0, :, 4, 3]).sum() / 2)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e30, -1e30])
def test_positions_nowhere_read_zero(bad: float) -> None:
    first, second = torch.randn(2, 1, 2, 4, 4)
    coordinates = torch.full((1, 2, 4, 4), bad)
    assert (lookup_correlation(all_pairs_correlation(first, second), coordinates) == 0).all()


def test_gradients_of_features_and_positions() -> None:
    first, second = (torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    # Away from pixel centres of both levels, where bilinear values have a kink.
    coordinates = (torch.randint(-1, 4, (1, 2, 3, 4)).double() + 0.8).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b, c: lookup_correlation(all_pairs_correlation(a, b, 2), c, 1),
        (first, second, coordinates),
        fast_mode=True,
    )


def test_repeated_runs_agree_bit_for_bit() -> None:
    first, second = (torch.randn(1, 8, 9, 10, requires_grad=True) for _ in range(2))
    coordinates = torch.rand(1, 2, 9, 10) * 10
    runs = []
    for _ in range(2):
        result = lookup_correlation(all_pairs_correlation(first, second), coordinates)
        runs.append((result, *torch.autograd.grad(result.square().sum(), (first, second))))
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    first, second = torch.randn(2, 1, 64, 4, 5, dtype=dtype)
    pyramid = all_pairs_correlation(first, second, levels=1)
    coordinates = torch.rand(1, 2, 4, 5) * 4
    result = lookup_correlation(pyramid, coordinates, radius=1)
    assert result.dtype == pyramid[0].dtype == dtype
    exact = lookup_correlation(all_pairs_correlation(first.float(), second.float(), levels=1), coordinates, radius=1)
    assert_close(result.float(), exact, atol=0.05, rtol=0.02)


@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 0, 4, 5)])
def test_no_images_or_no_channels(shape: tuple[int, ...]) -> None:
    result = lookup_correlation(
        all_pairs_correlation(torch.ones(shape), torch.ones(shape), 2), torch.ones(shape[0], 2, 4, 5), 1
    )
    assert torch.equal(result, torch.zeros(shape[0], 18, 4, 5))


def test_channels_last_gives_the_same() -> None:
    first, second = torch.randn(2, 2, 3, 4, 5)
    plain = all_pairs_correlation(first, second)
    last = all_pairs_correlation(*(maps.to(memory_format=torch.channels_last) for maps in (first, second)))
    assert_close(plain, last)


def test_bad_lookups_are_refused() -> None:
    pyramid = all_pairs_correlation(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4))
    with pytest.raises(InputError, match="wanted at least one level and a radius of at least 0, got 4 levels and rad"):
        lookup_correlation(pyramid, torch.ones(1, 2, 3, 4), radius=-1)
    with pytest.raises(InputError, match="got 0 levels and radius 4\nhint: pass the tuple"):
        lookup_correlation((), torch.ones(1, 2, 3, 4))


@pytest.mark.parametrize(
    ("first", "second", "levels", "message"),
    [
        (
            (1, 2, 0, 4),
            (1, 2, 3, 4),
            4,
            r"wanted feature maps with pixels and at least one level, got shapes \(1, 2, 0",
        ),
        ((1, 2, 3, 4), (1, 2, 3, 4), 0, "at least one level, got .*, 0 levels\nhint: leave empty images out"),
    ],
)
def test_bad_maps_are_refused(first: tuple[int, ...], second: tuple[int, ...], levels: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        all_pairs_correlation(torch.ones(first), torch.ones(second), levels)


@pytest.mark.compile
def test_what_the_shape_checker_refuses_is_refused_without_it() -> None:
    maps = torch.ones(1, 2, 3, 4)
    for other in (torch.ones(1, 3, 3, 4), torch.ones(2, 2, 3, 4), maps[0], maps.double(), maps.to("meta")):
        with pytest.raises(
            InputError, match="wanted two feature maps B C H W of one batch, channels, dtype and device"
        ):
            all_pairs_correlation(maps, other)
    with pytest.raises(InputError, match=r"wanted float feature maps, got torch.int64"):
        all_pairs_correlation(maps.long(), maps.long())
    with pytest.raises(
        InputError, match=r"wanted coordinates of shape \(1, 2, 3, 4\) on cpu, got \(1, 2, 4, 4\) on cpu"
    ):
        lookup_correlation(all_pairs_correlation(maps, maps), torch.ones(1, 2, 4, 4))


@pytest.mark.compile
def test_compile_and_export_pass_through() -> None:
    class Lookup(torch.nn.Module):
        def forward(self, first: torch.Tensor, second: torch.Tensor, coordinates: torch.Tensor) -> torch.Tensor:
            return lookup_correlation(all_pairs_correlation(first, second, 2), coordinates, 2)

    example = torch.randn(1, 4, 6, 7), torch.randn(1, 4, 6, 7), torch.rand(1, 2, 6, 7) * 6
    assert_close(torch.compile(Lookup(), fullgraph=True, backend="aot_eager")(*example), Lookup()(*example))
    # From three pixels on, as a level of one cell takes torch's shortcuts for sides of 1.
    sizes = {2: torch.export.Dim("height", min=3), 3: torch.export.Dim("width", min=3)}
    program = torch.export.export(Lookup(), example, dynamic_shapes=(sizes, sizes, sizes))
    other = torch.randn(1, 4, 9, 5), torch.randn(1, 4, 9, 5), torch.rand(1, 2, 9, 5) * 9
    assert_close(program.module()(*other), Lookup()(*other))
