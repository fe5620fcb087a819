"""The level a box is read from, and the reading."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.pyramid import pyramid_levels, pyramid_roi_align
from pixelwise.ops.roi_align import roi_align

SCALES = (1 / 4, 1 / 8, 1 / 16, 1 / 32)


def pyramid(images: int = 2, channels: int = 3, layout: torch.memory_format = torch.contiguous_format) -> list[Tensor]:
    return [torch.rand(images, channels, 64 >> k, 80 >> k).contiguous(memory_format=layout) for k in range(4)]


def some_regions(number: int) -> Tensor:
    start, sides = torch.rand(number, 2) * 100, 2 ** (torch.rand(number, 1) * 7 + 3) * (0.5 + torch.rand(number, 2))
    return torch.cat([torch.arange(number)[:, None] % 2, start, start + sides], 1)


@pytest.mark.parametrize(
    ("side", "level"), [(0.0, 2), (1, 2), (111.9, 2), (112, 3), (223.9, 3), (224, 4), (448, 5), (896, 5), (1e9, 5)]
)
def test_levels_follow_the_paper(side: float, level: int) -> None:
    boxes = torch.tensor([[3.0, 5, 3, 5]]) + torch.tensor([[0, 0, side, side]])
    boxes = boxes.double() if side in (112, 224, 448) else boxes
    assert pyramid_levels(boxes).tolist() == [level]


def test_every_whole_box_of_the_same_area_has_the_same_level() -> None:
    boxes = torch.tensor([[0.0, 0, 224, 224], [0, 0, 112, 448], [7, 9, 7 + 56, 9 + 896]])
    assert pyramid_levels(boxes).tolist() == [4, 4, 4]
    assert pyramid_levels(boxes.half()).tolist() == [4, 4, 4]


def test_strange_boxes_go_to_the_ends() -> None:
    inf, nan = torch.inf, torch.nan
    boxes = torch.tensor([[nan, 0, 9, 9], [9, 9, 0, 0], [0, 0, inf, inf], [0, 0, inf, 0], [-inf, 0, -inf, 9]])
    assert pyramid_levels(boxes).tolist() == [2, 2, 5, 2, 2]
    assert pyramid_levels(boxes, 3, 4).tolist() == [3, 3, 4, 3, 3]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_results_come_in_the_order_of_the_boxes(layout: torch.memory_format) -> None:
    features, regions = pyramid(layout=layout), some_regions(40)
    out = pyramid_roi_align(features, regions, 3, SCALES)
    assert out.is_contiguous(memory_format=layout)
    levels = pyramid_levels(regions[:, 1:])
    assert len(levels.unique()) == 4
    for number, level in enumerate(levels.tolist()):
        single = roi_align(features[level - 2], regions[number : number + 1], 3, SCALES[level - 2], 2)
        assert_close(out[number], single[0])


def test_a_list_of_boxes_one_level_and_no_boxes() -> None:
    features, regions = pyramid(), some_regions(7)
    boxes = [regions[regions[:, 0] == image, 1:] for image in range(2)]
    sorted_regions = regions[regions[:, 0].argsort(stable=True)]
    assert torch.equal(
        pyramid_roi_align(features, boxes, 3, SCALES), pyramid_roi_align(features, sorted_regions, 3, SCALES)
    )
    assert torch.equal(
        pyramid_roi_align(features[:1], regions, 3, (1 / 4,)), roi_align(features[0], regions, 3, 1 / 4, 2)
    )
    assert pyramid_roi_align(features, torch.zeros(0, 5), 3, SCALES).shape == (0, 3, 3, 3)


def test_images_of_another_shape_change_nothing() -> None:
    features, regions = pyramid(), some_regions(10)
    before = pyramid_roi_align(features, regions, 3, SCALES)
    pyramid_roi_align([torch.rand(2, 3, 3, 500 >> k) for k in range(4)], regions, 3, SCALES)
    assert torch.equal(pyramid_roi_align(features, regions, 3, SCALES), before)


def test_every_level_gets_its_gradient() -> None:
    features = [level.double().requires_grad_() for level in pyramid(channels=1)]
    regions = some_regions(12).double()
    pyramid_roi_align(features, regions, 2, SCALES).sum().backward()
    # Weights of a bin that lies inside the features sum to 1.
    inside = pyramid_roi_align([torch.ones_like(level) for level in features], regions, 2, SCALES).sum()
    assert_close(sum(level.grad.sum() for level in features), inside)


def test_refusals() -> None:
    regions = some_regions(2)
    for scales in ((1 / 4, 1 / 8), (1 / 4, 1 / 8, 1 / 16, 1 / 20), (0.3, 0.15, 0.075, 0.0375)):
        with pytest.raises(InputError, match="one scale for each level, powers of 1/2"):
            pyramid_roi_align(pyramid(), regions, 3, scales)
    with pytest.raises(InputError, match="got 0 levels"):
        pyramid_roi_align([], regions, 3, ())
    with pytest.raises(InputError, match=r"same number of channels, got \[3, 3, 3, 4\]"):
        pyramid_roi_align([*pyramid()[:3], torch.rand(2, 4, 8, 10)], regions, 3, SCALES)
    with pytest.raises(InputError, match=r"levels of the same images, got \[2, 2, 2, 1\] images"):
        pyramid_roi_align([*pyramid()[:3], torch.rand(1, 3, 8, 10)], regions, 3, SCALES)


@pytest.mark.compile
def test_exports_with_any_number_of_boxes() -> None:
    class Head(torch.nn.Module):
        def forward(self, features: list[Tensor], boxes: Tensor) -> Tensor:
            return pyramid_roi_align(features, boxes, 3, SCALES)

    features, number = pyramid(), torch.export.Dim("number")
    program = torch.export.export(
        Head(), (features, some_regions(9)), dynamic_shapes={"features": [None] * 4, "boxes": {0: number}}
    )
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert calls.count(torch.ops.pixelwise.roi_align.default) == 4
    regions = some_regions(21)
    assert_close(program.module()(features, regions), pyramid_roi_align(features, regions, 3, SCALES))


@pytest.mark.compile
def test_compiles_without_a_break() -> None:
    features, regions = pyramid(), some_regions(9)
    torch.compiler.reset()
    # How many boxes a level gets is known only when it runs.
    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        compiled = torch.compile(pyramid_roi_align, fullgraph=True, backend="aot_eager")
        found = compiled(features, regions, 3, SCALES)
    assert_close(found, pyramid_roi_align(features, regions, 3, SCALES))


def test_agrees_with_torchvision() -> None:
    torchvision = pytest.importorskip("torchvision")
    features, regions = pyramid(), some_regions(60)
    boxes = [regions[regions[:, 0] == image, 1:] for image in range(2)]
    pooler = torchvision.ops.MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)
    expected = pooler({str(k): level for k, level in enumerate(features)}, boxes, [(256, 320)] * 2)
    assert_close(pyramid_roi_align(features, boxes, 7, SCALES), expected, atol=1e-5, rtol=0)
