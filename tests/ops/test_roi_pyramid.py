"""A pyramid read in one go gives what `roi_align` reads level by level: values, gradients, order, refusals."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops import roi_pyramid
from pixelwise.ops.pyramid import pyramid_levels
from pixelwise.ops.roi_align import roi_align
from pixelwise.ops.roi_boxes import known_images
from pixelwise.ops.roi_pyramid import roi_align_together

SCALES = (1 / 4, 1 / 8, 1 / 16, 1 / 32)


def pyramid(dtype: torch.dtype = torch.float64, layout: torch.memory_format = torch.contiguous_format) -> list[Tensor]:
    return [torch.rand(2, 3, 64 >> k, 80 >> k, dtype=dtype).contiguous(memory_format=layout) for k in range(4)]


def some_regions(number: int) -> Tensor:
    """For two images; some reach over the border, are inverted, or are not finite."""
    start, sides = torch.rand(number, 2) * 100, 2 ** (torch.rand(number, 1) * 7 + 3) * (0.5 + torch.rand(number, 2))
    regions = torch.cat([torch.arange(number)[:, None] % 2, start - 20, start + sides], 1).double()
    regions[3, 1:] = torch.tensor([50.0, 60, 20, 10])
    regions[4, 2] = torch.nan
    regions[5, 3] = torch.inf
    return regions


def images_of(regions: Tensor) -> Tensor:
    return regions[:, 0].long()


def level_by_level(
    features: Sequence[Tensor], regions: Tensor, levels: Tensor, bins: tuple[int, int], ratio: int, aligned: bool
) -> Tensor:
    rows = [
        roi_align(features[level], regions[row : row + 1], bins, SCALES[level], ratio, aligned)
        for row, level in enumerate(levels.tolist())
    ]
    return torch.cat(rows)


@pytest.mark.parametrize("most", [roi_pyramid.MOST_TAPS, 3000])
@pytest.mark.parametrize("bins", [(3, 3), (2, 5)])
@pytest.mark.parametrize(("ratio", "aligned"), [(2, False), (1, True)])
def test_values_and_gradients(
    ratio: int, aligned: bool, bins: tuple[int, int], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roi_pyramid, "MOST_TAPS", most)
    regions = some_regions(40)
    levels = pyramid_levels(regions[:, 1:]) - 2
    assert len(levels.unique()) == 4
    ours, others = ([one.requires_grad_() for one in levels_of] for levels_of in twice(pyramid()))
    found = roi_align_together(ours, regions, images_of(regions), levels, bins, SCALES, ratio, aligned)
    expected = level_by_level(others, regions, levels, bins, ratio, aligned)
    assert found.shape == expected.shape and found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    weights = torch.rand_like(found)
    gradients = [torch.autograd.grad((out * weights).sum(), maps) for out, maps in ((found, ours), (expected, others))]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


def twice(levels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    return [one.clone() for one in levels], [one.clone() for one in levels]


def test_no_regions_have_gradients_of_zero() -> None:
    features = [one.requires_grad_() for one in pyramid()]
    found = roi_align_together(
        features, torch.zeros(0, 5), torch.zeros(0).long(), torch.zeros(0).long(), (3, 3), SCALES, 2, False
    )
    assert found.shape == (0, 3, 3, 3)
    found.sum().backward()
    assert all(bool((one.grad == 0).all()) for one in features)


def test_half_precision_is_summed_in_float32() -> None:
    features, regions = pyramid(torch.bfloat16, torch.channels_last), some_regions(30).float()
    levels = pyramid_levels(regions[:, 1:]) - 2
    found = roi_align_together(features, regions, images_of(regions), levels, (3, 3), SCALES, 2, False)
    assert found.dtype == torch.bfloat16
    exact = level_by_level([one.double() for one in features], regions.double(), levels, (3, 3), 2, False)
    torch.testing.assert_close(found.double(), exact, atol=2**-8, rtol=0)


def test_features_without_channels_have_results_without() -> None:
    features, regions = [one[:, :0] for one in pyramid()], some_regions(9)
    levels = pyramid_levels(regions[:, 1:]) - 2
    found = roi_align_together(features, regions, images_of(regions), levels, (3, 3), SCALES, 2, False)
    assert found.shape == (9, 0, 3, 3)


@pytest.mark.compile
def test_what_a_device_runs_compiles_and_exports() -> None:
    class Head(torch.nn.Module):
        def forward(self, features: list[Tensor], regions: Tensor) -> Tensor:
            images = known_images(regions, features[0].shape)
            levels = pyramid_levels(regions[:, 1:]) - 2
            return roi_align_together(features, regions, images, levels, (3, 3), SCALES, 2, False)

    features, regions, more = pyramid(torch.float32), some_regions(9).float(), some_regions(21).float()
    torch.compiler.reset()
    compiled = torch.compile(Head(), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(features, regions), Head()(features, regions))
    shapes = {"features": [None] * 4, "regions": {0: torch.export.Dim("number")}}
    program = torch.export.export(Head(), (features, regions), dynamic_shapes=shapes)
    torch.testing.assert_close(program.module()(features, more), Head()(features, more))
    more[2, 0] = 2
    with pytest.raises(InputError, match=r"image numbers from 0 to 1.*2 in row 2"):
        compiled(features, more)
