"""Hard suppression: its definition, hand-worked cases, classes, tracing."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelwise.ops import nms_pairs, nms_rounds
from pixelwise.ops.nms import batched_nms, nms
from references.nms import nms_by_hand

NAN, INF = float("nan"), float("inf")
BOTH = pytest.mark.parametrize("kernels", ["on", "off"])


@pytest.fixture(autouse=True)
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The implementation that a test asks for with the parameter `kernels`."""
    if "kernels" in request.fixturenames:
        monkeypatch.setenv("PIXELWISE_KERNELS", request.getfixturevalue("kernels"))


def uniform(count: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    corner, side = torch.rand(count, 2, dtype=dtype) * 300 - 150, torch.rand(count, 2, dtype=dtype) * 60 + 5
    return torch.cat([corner, corner + side], dim=1), torch.rand(count, dtype=dtype)


def crowded(count: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    centres = uniform(20, dtype)[0]
    boxes = centres[torch.randint(0, 20, (count,))] + torch.randn(count, 4, dtype=dtype) * 2
    return boxes, torch.rand(count, dtype=dtype)


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("scene", [uniform, crowded])
def test_the_definition(kernels: str, scene: object, threshold: float, dtype: torch.dtype) -> None:
    boxes, scores = scene(250, dtype)  # type: ignore[operator]
    assert nms(boxes, scores, threshold).tolist() == nms_by_hand(boxes.tolist(), scores.tolist(), threshold)


@BOTH
@pytest.mark.parametrize("overlap", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("seed", range(3))
def test_an_overlap_just_above_the_threshold(kernels: str, overlap: float, seed: int) -> None:
    """The last box overlaps the first by the threshold and a little more, as in torchvision's own tests."""
    torch.manual_seed(seed)
    boxes = torch.rand(500, 4) * 100
    boxes[:, 2:] += boxes[:, :2]
    first = boxes[0]
    boxes[-1] = first
    width = first[2] - first[0]
    above = overlap + 1e-5
    boxes[-1, 2] += width * (1 - above) / above  # the union grows by this: intersection / union = above
    scores = torch.rand(500)
    expected = nms_by_hand(boxes.tolist(), scores.tolist(), overlap)
    assert nms(boxes, scores, overlap).tolist() == expected


@BOTH
def test_an_overlap_of_exactly_the_threshold_stays(kernels: str) -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 10, 7]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    assert nms(boxes[:2], scores[:2], 0.5).tolist() == [0, 1]
    assert nms(boxes[::2], scores[::2], 0.7).tolist() == [0, 1]
    assert nms(boxes[::2], scores[::2], 0.69).tolist() == [0]


@BOTH
def test_the_suppressed_do_not_suppress(kernels: str) -> None:
    """A chain: the second falls to the first, so the third stays although it overlaps the second."""
    boxes = torch.tensor([[float(x), 0, x + 10.0, 10] for x in range(0, 40, 4)])
    assert nms(boxes, torch.linspace(1, 0, 10), 0.4).tolist() == [0, 2, 4, 6, 8]


@BOTH
def test_equal_scores_keep_the_lower_index(kernels: str) -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10]]).repeat(5, 1)
    boxes[3:] += 100
    assert nms(boxes, torch.ones(5), 0.5).tolist() == [0, 3]


@BOTH
def test_boxes_without_area_overlap_nothing(kernels: str) -> None:
    sound = [0.0, 0.0, 10.0, 10.0]
    odd = [
        [5.0, 5, 5, 5],
        [5, 5, 5, 5],
        [2, 2, 2, 9],
        [9, 1, 1, 9],  # x1 < x0
        [1, 9, 9, 1],  # y1 < y0
        [9, 9, 1, 1],
        [NAN, 0, 10, 10],
        [0, 0, 10, NAN],
        [NAN] * 4,
        [-INF, -INF, INF, INF],
        [0, 0, INF, 10],
        [INF, 0, 0, 10],
        [0, 0, 1e30, 1e30],  # an area beyond float32
    ]
    boxes = torch.tensor([*odd, sound, sound])
    for threshold in (0.0, 0.5, 1.0):
        kept = nms(boxes, torch.linspace(1, 0, len(boxes)), threshold).tolist()
        assert kept[: len(odd)] == list(range(len(odd)))
        assert kept[len(odd) :] == ([13] if threshold < 1 else [13, 14])


@BOTH
def test_a_nan_score_comes_last_and_displaces_nothing(kernels: str) -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [50, 0, 60, 10], [70, 0, 80, 10]])
    scores = torch.tensor([NAN, 0.1, NAN, -INF])
    assert nms(boxes, scores, 0.5).tolist() == [1, 2, 3]


@BOTH
def test_no_boxes(kernels: str) -> None:
    empty = nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert empty.shape == (0,)
    assert empty.dtype == torch.int64
    assert batched_nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0.5).shape == (0,)


@BOTH
@pytest.mark.parametrize("limit", [0, 1, 7, 200, 10_000])
def test_max_output_is_the_beginning_of_all(kernels: str, limit: int) -> None:
    boxes, scores = uniform(2500)
    boxes[::50, 2] = boxes[::50, 0]
    classes = torch.randint(0, 3, (2500,))
    assert torch.equal(nms(boxes, scores, 0.5, limit), nms(boxes, scores, 0.5)[:limit])
    expected = batched_nms(boxes, scores, classes, 0.5)[:limit]
    assert torch.equal(batched_nms(boxes, scores, classes, 0.5, limit), expected)


@BOTH
def test_half_precision_equals_the_same_numbers_in_float32(kernels: str) -> None:
    boxes = torch.tensor(
        [[285.35, 185.58, 1193.0, 851.5], [285.6, 186.0, 1192.0, 852.0], [279.2, 197.9, 1189.5, 849.25]]
    )
    scores = torch.tensor([0.637, 0.7573, 0.6343])
    for dtype in (torch.float16, torch.bfloat16):
        half = boxes.to(dtype), scores.to(dtype)
        assert nms(*half, 0.2).tolist() == nms(half[0].float(), half[1].float(), 0.2).tolist() == [1]
        boxes_many, scores_many = (part.to(dtype) for part in crowded(300))
        assert torch.equal(nms(boxes_many, scores_many, 0.5), nms(boxes_many.float(), scores_many.float(), 0.5))


@BOTH
def test_any_layout(kernels: str) -> None:
    boxes, scores = crowded(100)
    wide = torch.randn(100, 9)
    wide[:, 2:6] = boxes
    expected = nms(boxes, scores, 0.5)
    assert torch.equal(nms(wide[:, 2:6], scores, 0.5), expected)
    assert torch.equal(nms(boxes.T.contiguous().T, torch.stack([scores, scores], 1)[:, 1], 0.5), expected)


@BOTH
def test_inputs_stay_as_they_were_and_need_no_gradient(kernels: str) -> None:
    boxes, scores = (part.requires_grad_() for part in crowded(50))
    before = boxes.detach().clone(), scores.detach().clone()
    kept = nms(boxes, scores, 0.5)
    assert not kept.requires_grad
    assert torch.equal(boxes, before[0])
    assert torch.equal(scores, before[1])


def test_the_plain_rounds_do_not_depend_on_blocks_or_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELWISE_KERNELS", "off")
    boxes, scores = crowded(150)
    boxes[0] = torch.tensor([-1e4, -1e4, 1e4, 1e4])  # one giant, whose window holds everything
    expected = nms_by_hand(boxes.tolist(), scores.tolist(), 0.5)
    for block, portion in ((1, 1), (7, 3), (64, 100), (4096, 2**17)):
        monkeypatch.setattr(nms_rounds, "FIRST_BLOCK", block)
        monkeypatch.setattr(nms_pairs, "CANDIDATES", portion)
        assert nms(boxes, scores, 0.5).tolist() == expected


@BOTH
def test_classes_do_not_meet_even_at_negative_coordinates(kernels: str) -> None:
    """Shifting boxes by class, the usual trick, loses box 2 here: its class is moved onto the other."""
    boxes = torch.tensor([[-100.0, -100, 0, 0], [-99, -99, 1, 1], [0, 0, 1, 1]])
    scores, classes = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 1, 1])
    assert batched_nms(boxes, scores, classes, 0.1).tolist() == [0, 1, 2]
    assert batched_nms(boxes, scores, classes, 0.1, class_agnostic=True).tolist() == [0, 2]


@BOTH
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("kinds", [4, 1200])
def test_each_class_by_itself(kernels: str, kinds: int, dtype: torch.dtype) -> None:
    boxes, scores = (part.to(dtype) for part in crowded(1000))
    classes = torch.randint(0, kinds, (1000,)) * 10**12 - 5  # any integers, far apart
    expected = nms_by_hand(boxes.tolist(), scores.tolist(), 0.6, classes.tolist())
    assert batched_nms(boxes, scores, classes, 0.6).tolist() == expected
    small = torch.randint(0, 100, (1000,), dtype=torch.uint8)
    expected = nms_by_hand(boxes.tolist(), scores.tolist(), 0.6, small.tolist())
    assert batched_nms(boxes, scores, small, 0.6).tolist() == expected


@BOTH
@pytest.mark.data
def test_a_published_case(kernels: str, real_data: Path) -> None:
    """949 proposals of five pyramid levels from mmcv's tests, 554 of which stay, in this order."""
    case = np.load(real_data / "mmcv_batched_nms" / "batched_nms.npz")
    boxes, scores, levels = (torch.from_numpy(case[name]) for name in ("boxes", "scores", "idxs"))
    kept = batched_nms(boxes, scores, levels, 0.7)
    assert len(kept) == 554
    assert kept.tolist() == case["keep"].tolist()


@BOTH
def test_agreement_with_torchvision(kernels: str) -> None:
    torchvision = pytest.importorskip("torchvision")
    for scene in (uniform, crowded):
        boxes, scores = scene(1500)
        for threshold in (0.2, 0.5, 0.7):
            assert torch.equal(nms(boxes, scores, threshold), torchvision.ops.nms(boxes, scores, threshold))
        boxes, classes = boxes + 200, torch.randint(0, 5, (1500,))
        expected = torchvision.ops.batched_nms(boxes, scores, classes, 0.5)
        assert torch.equal(batched_nms(boxes, scores, classes, 0.5), expected)


@BOTH
@pytest.mark.compile
def test_compile_in_one_graph(kernels: str) -> None:
    boxes, scores = crowded(60)
    classes = torch.randint(0, 3, (60,))

    def best(boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        return boxes[nms(boxes, scores, 0.5)], scores[batched_nms(boxes, scores, classes, 0.5, max_output=5)]

    compiled = torch.compile(best, fullgraph=True, backend="aot_eager")
    for ours, expected in zip(compiled(boxes, scores), best(boxes, scores), strict=True):
        assert torch.equal(ours, expected)


@pytest.mark.compile
def test_export_with_any_number_of_boxes() -> None:
    class Best(torch.nn.Module):
        def forward(self, boxes: Tensor, scores: Tensor) -> Tensor:
            return boxes[nms(boxes, scores, 0.5)]

    count = torch.export.Dim("count", min=2, max=10_000)
    program = torch.export.export(Best(), crowded(20), dynamic_shapes={"boxes": {0: count}, "scores": {0: count}})
    assert "pixelwise.nms" in str(program.graph)
    boxes, scores = crowded(300)
    assert torch.equal(program.module()(boxes, scores), Best()(boxes, scores))


@pytest.mark.compile
def test_the_operator_keeps_its_promises() -> None:
    boxes, scores = crowded(30)
    classes = torch.randint(0, 3, (30,))
    tests = ("test_schema", "test_faketensor", "test_aot_dispatch_dynamic")
    for arguments in ((boxes, scores, 0.5), (boxes, scores, 0.5, 4, classes), (boxes.requires_grad_(), scores, 0.5)):
        torch.library.opcheck(torch.ops.pixelwise.nms.default, arguments, test_utils=tests)


def test_repeated_runs_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes, scores = crowded(3000)
    assert os.environ.get("PIXELWISE_KERNELS") is None
    first = nms(boxes, scores, 0.5)
    for kernels in ("on", "off", "off"):
        monkeypatch.setenv("PIXELWISE_KERNELS", kernels)
        assert torch.equal(nms(boxes, scores, 0.5), first)
