"""Anchors as published: literals of the five levels, order, placement, several sizes, the half offset."""

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.ops.anchors import anchors
from references import boxes as slow

# Corners of the anchors around 0 as (x1, y1) for the ratios 0.5, 1, 2: the levels of torchvision's published weights.
PUBLISHED = {
    32: [(23, 11), (16, 16), (11, 23)],
    64: [(45, 23), (32, 32), (23, 45)],
    128: [(91, 45), (64, 64), (45, 91)],
    256: [(181, 91), (128, 128), (91, 181)],
    512: [(362, 181), (256, 256), (181, 362)],
}


@pytest.mark.parametrize("size", PUBLISHED)
def test_published_levels(size: int) -> None:
    (level,) = anchors([(1, 1)], (64, 64), sizes=[size])
    assert level.tolist() == [[-x, -y, x, y] for x, y in PUBLISHED[size]]
    assert level.dtype == torch.float32


def test_all_levels_of_a_pyramid_at_once() -> None:
    image = (800, 1088)
    features = [(200, 272), (100, 136), (50, 68), (25, 34), (13, 17)]
    levels = anchors(features, image, sizes=list(PUBLISHED))
    assert [len(level) for level in levels] == [3 * h * w for h, w in features]
    # Level 4 has stride 800 // 13 = 61 downwards and 64 across.
    assert levels[4][3 * (17 * 2 + 5)].tolist() == [5 * 64 - 362, 2 * 61 - 181, 5 * 64 + 362, 2 * 61 + 181]
    for level, feature, size in zip(levels[3:], features[3:], (256, 512), strict=True):
        assert level.tolist() == slow.anchor_grid(feature, image, [size], [0.5, 1, 2], 0)


def test_a_grid_of_nine() -> None:
    (level,) = anchors([(3, 3)], (15, 15), sizes=[(10,)], ratios=(1,))
    corners = [(-5, -5), (0, -5), (5, -5), (-5, 0), (0, 0), (5, 0), (-5, 5), (0, 5), (5, 5)]
    assert level.tolist() == [[x, y, x + 10, y + 10] for x, y in corners]


@pytest.mark.parametrize("offset", [0, 0.5])
def test_several_sizes_with_and_without_half_offset(offset: float) -> None:
    (level,) = anchors([(1, 2)], (4, 8), sizes=[(32, 64)], ratios=(0.25, 1, 4), offset=offset)
    around_zero = [(32, 8), (64, 16), (16, 16), (32, 32), (8, 32), (16, 64)]
    expected = [[x - a, y - b, x + a, y + b] for x, y in ((0, 0), (4, 0)) for a, b in around_zero]
    assert level.tolist() == [[c + 4 * offset for c in box] for box in expected]


def test_ties_go_to_even_and_rounding_can_be_left_out() -> None:
    (level,) = anchors([(1, 1)], (8, 8), sizes=[(5, 7, 9)], ratios=(1,))
    assert level[:, 2].tolist() == [2, 4, 4]
    (exact,) = anchors([(1, 1)], (8, 8), sizes=[(5, 7, 9)], ratios=(1,), rounded=False)
    assert exact[:, 2].tolist() == [2.5, 3.5, 4.5]


def test_maps_without_pixels_and_no_levels() -> None:
    empty, full = anchors([(0, 4), (1, 1)], (8, 8), sizes=[8, 16])
    assert (empty.shape, full.shape) == ((0, 4), (3, 4))
    assert anchors([], (8, 8), sizes=[]) == []


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: anchors([(1, 1)], (8, 8), sizes=[8, 16]), "1 feature maps and sizes for 2"),
        (lambda: anchors([(1, 1)], (8, 8), sizes=[0]), "sizes that are positive and finite, got [0]"),
        (lambda: anchors([(1, 1)], (8, 8), sizes=[float("nan")]), "sizes that are positive"),
        (lambda: anchors([(1, 1)], (8, 8), sizes=[8], ratios=(1, -1)), "ratios that are positive and finite"),
        (lambda: anchors([(9, 1)], (8, 8), sizes=[8]), "a map of 9x1 for an image of 8x8"),
        (lambda: anchors([(-1, 1)], (8, 8), sizes=[8]), "a map of -1x1"),
    ],
)
def test_what_makes_no_anchors_is_named(call, text: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.compile
def test_compile_and_export_pass_through() -> None:
    class Module(torch.nn.Module):
        def forward(self, image: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
            return anchors([features.shape[-2:]], image.shape[-2:], sizes=[(8, 16)])[0]

    image, features = torch.zeros(1, 3, 64, 96), torch.zeros(1, 2, 8, 12)
    expected = Module()(image, features)
    assert torch.equal(torch.compile(Module(), fullgraph=True, backend="aot_eager")(image, features), expected)
    assert torch.equal(torch.export.export(Module(), (image, features)).module()(image, features), expected)


def test_agreement_with_torchvision() -> None:
    pytest.importorskip("torchvision")
    from torchvision.models.detection.anchor_utils import AnchorGenerator  # noqa: PLC0415
    from torchvision.models.detection.image_list import ImageList  # noqa: PLC0415

    sizes = ((32, 40), (64, 90), (125, 511))
    theirs = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 3)
    features = [(20, 25), (10, 13), (5, 7)]
    image = ImageList(torch.zeros(1, 3, 160, 200), [(160, 200)])
    (expected,) = theirs(image, [torch.zeros(1, 1, *feature) for feature in features])
    assert torch.equal(torch.cat(anchors(features, (160, 200), sizes)), expected)
