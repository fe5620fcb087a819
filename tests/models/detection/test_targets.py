"""What boxes shall learn, the losses of whole detectors, and that no truth makes them NaN."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pixelwise.data.detection.objects import Objects, objects_of
from pixelwise.errors import InputError
from pixelwise.losses.detection.sampling import FAST_PROPOSALS, PROPOSALS, REGIONS
from pixelwise.models.detection.decode import BOX_WEIGHTS
from pixelwise.models.detection.detect import detect
from pixelwise.models.detection.detector_losses import Lesson, detector_losses
from pixelwise.models.detection.faster_rcnn import FasterRCNN, faster_rcnn_resnet18_fpn
from pixelwise.models.detection.mask_rcnn import MaskRCNN, mask_rcnn_resnet18_fpn
from pixelwise.models.detection.outputs import Frame
from pixelwise.models.detection.training_targets import box_targets, matches_of, region_targets, truth_in
from pixelwise.ops import box_iou, decode_boxes, encode_mask

ANCHORS = (8, 16, 32, 64, 128)
SIZE = (64, 64)
FRAME = Frame(SIZE, SIZE, SIZE)


def truth_of(boxes: list[list[float]], labels: list[int] | None = None, masks: bool = True) -> Objects:
    rows = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    full = torch.zeros(len(rows), *SIZE, dtype=torch.bool)
    for mask, (x0, y0, x1, y1) in zip(full, rows.clamp(0, 64).int().tolist(), strict=True):
        mask[y0:y1, x0:x1] = True
    numbers = torch.tensor(labels or [1] * len(rows), dtype=torch.int64)
    return objects_of(rows, numbers, SIZE, tuple(encode_mask(one.numpy()) for one in full) if masks else None)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """With more, networks as small as these wait for each other longer than they compute."""
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(2)


@pytest.fixture(scope="module")
def masker() -> MaskRCNN:
    torch.manual_seed(0)
    return mask_rcnn_resnet18_fpn(3, width=4, fpn_channels=8, anchor_sizes=ANCHORS, resize=None, norms="frozen")


def test_drawn_anchors_lead_to_their_objects_and_every_object_has_one():
    truth = truth_in(truth_of([[3, 4, 13, 20], [30, 30, 33, 60]]), FRAME)
    grid = torch.cartesian_prod(torch.arange(0.0, 64, 8), torch.arange(0.0, 64, 8))
    anchors = torch.cat([grid, grid + 16], dim=1)
    target = region_targets(truth, anchors, REGIONS)
    positive = target.rows[target.objects]
    assert not bool(target.objects[len(target.deltas) :].any())
    own = box_iou(truth.boxes, anchors[positive]).argmax(dim=0)
    torch.testing.assert_close(decode_boxes(target.deltas, anchors[positive]), truth.boxes[own], atol=1e-4, rtol=0)
    assert own.unique().tolist() == [0, 1]
    negative = target.rows[~target.objects]
    assert box_iou(truth.boxes, anchors[negative]).max() < 0.3


def test_true_boxes_are_proposals_too_and_objects_come_first():
    truth = truth_in(truth_of([[3, 4, 13, 20], [30, 30, 50, 60]], [2, 1]), FRAME)
    target = box_targets(truth, torch.tensor([[31.0, 30, 50, 60], [50, 0, 60, 10]]), PROPOSALS)
    assert sorted(zip(target.labels.tolist(), target.boxes.tolist(), strict=True)) == [
        (0, [50, 0, 60, 10]),
        (1, [30, 30, 50, 60]),
        (1, [31, 30, 50, 60]),
        (2, [3, 4, 13, 20]),
    ]
    found = decode_boxes(target.deltas, target.boxes[:3], BOX_WEIGHTS)
    torch.testing.assert_close(found, truth.boxes[target.owners], atol=1e-4, rtol=0)


def test_a_box_in_a_crowd_or_a_difficult_object_is_left_out():
    objects = truth_of([[0, 0, 40, 40], [50, 50, 60, 60]])
    boxes = torch.tensor([[10.0, 10, 20, 20], [35, 35, 60, 60], [50, 50, 60, 61], [41, 0, 60, 20]])
    for mark in ("crowd", "difficult"):
        truth = truth_in(replace(objects, **{mark: torch.tensor([True, False])}), FRAME)
        assert matches_of(truth, boxes, PROPOSALS).tolist() == [-2, -1, 1, -1]
        assert torch.tensor([0.0, 0, 40, 40]).tolist() not in box_targets(truth, boxes, PROPOSALS).boxes.tolist()
    assert matches_of(truth_in(objects, FRAME), boxes, PROPOSALS).tolist() == [-1, -1, 1, -1]


def test_fast_r_cnn_asks_only_background_near_objects():
    truth = truth_in(truth_of([[0, 0, 20, 20]]), FRAME)
    boxes = torch.tensor([[0.0, 0, 20, 19], [10, 0, 30, 20], [40, 40, 60, 60]])
    assert matches_of(truth, boxes, FAST_PROPOSALS).tolist() == [0, -1, -2]


def test_truth_is_brought_to_the_networks_frame():
    frame = Frame(SIZE, (128, 64), (128, 64))
    truth = truth_in(truth_of([[1, 2, 3, 4], [5, 5, 5, 9], [9, 9, 8, 12]]), frame)
    assert truth.boxes.tolist() == [[1, 4, 3, 8]] and truth.numbers.tolist() == [0]


def test_losses_are_the_same_in_training_and_evaluation_and_repeat(masker: MaskRCNN):
    images, truth = (
        [torch.rand(3, *SIZE), torch.rand(3, *SIZE)],
        [truth_of([[5, 5, 30, 30]]), truth_of([[1, 2, 9, 40]])],
    )
    found = []
    for mode in (True, False):
        masker.train(mode)
        with torch.no_grad():
            losses = detector_losses(masker, images, truth, torch.Generator().manual_seed(1))
        found.append([float(one) for one in losses.values()])
    assert list(losses) == ["objectness", "rpn_box", "class", "box", "mask"]
    assert found[0] == found[1] and min(found[0]) > 0


def test_a_batch_of_background_teaches_only_that(masker: MaskRCNN):
    masker.zero_grad()
    losses = detector_losses(masker, [torch.rand(3, *SIZE)] * 2, [truth_of([]), truth_of([], masks=False)])
    assert [float(losses[name].detach()) for name in ("rpn_box", "box", "mask")] == [0.0, 0.0, 0.0]
    assert float(losses["objectness"].detach()) > 0 and float(losses["class"].detach()) > 0
    sum(losses.values()).backward()
    gradients = {name: one.grad for name, one in masker.named_parameters() if one.requires_grad}
    assert all(one is not None and bool(one.isfinite().all()) for one in gradients.values())
    assert all(float(one.abs().max()) == 0 for name, one in gradients.items() if "bbox_pred" in name or "mask_" in name)


def hostile(kind: str) -> Objects:
    many = torch.rand(1000, 2) * 60
    return {
        "thousand": lambda: truth_of(torch.cat([many, many + 1 + torch.rand(1000, 2) * 30], 1).tolist()),
        "pixels": lambda: truth_of([[0, 0, 1, 1], [63, 63, 64, 64], [10, 10, 11, 11]]),
        "degenerate": lambda: truth_of([[5, 5, 5, 20], [9, 9, 3, 3], [0, 0, 1e-6, 1e-6], [20, 20, 40, 40]]),
        "outside": lambda: truth_of([[-50, -50, -10, -10], [100, 100, 1e6, 1e6], [-1e4, -1e4, 1e4, 1e4]]),
        "same": lambda: truth_of([[4, 4, 20, 20]] * 5),
        "crowds": lambda: replace(truth_of([[0, 0, 64, 64]] * 3), crowd=torch.ones(3, dtype=torch.bool)),
    }[kind]()


@pytest.mark.parametrize(
    "kind", [pytest.param("thousand", marks=pytest.mark.slow), "pixels", "degenerate", "outside", "same", "crowds"]
)
def test_no_truth_makes_losses_or_gradients_other_than_finite(masker: MaskRCNN, kind: str):
    masker.zero_grad()
    images, truth = [torch.rand(3, *SIZE), torch.rand(3, *SIZE)], [hostile(kind), truth_of([])]
    losses = detector_losses(masker, images, truth, lesson=Lesson(competition="softmax"))
    assert all(bool(one.isfinite()) for one in losses.values())
    sum(losses.values()).backward()
    assert all(bool(one.grad.isfinite().all()) for one in masker.parameters() if one.grad is not None)


def test_what_does_not_fit_is_named(masker: MaskRCNN):
    image = [torch.rand(3, *SIZE)]
    with pytest.raises(InputError, match="build the model with num_classes=8 or more"):
        detector_losses(masker, image, [truth_of([[1, 1, 30, 30]], [7])])
    with pytest.raises(InputError, match="objects with masks for a Mask R-CNN, got boxes alone"):
        detector_losses(masker, image, [truth_of([[1, 1, 30, 30]], masks=False)])
    with pytest.raises(InputError, match="objects of each of 1 images, got 2"):
        detector_losses(masker, image, [truth_of([]), truth_of([])])
    with pytest.raises(InputError, match="64x64, got objects of 32x64"):
        detector_losses(masker, image, [objects_of(torch.zeros(0, 4), torch.zeros(0).long(), (32, 64))])
    lost = objects_of(torch.tensor([[1.0, float("nan"), 5, 5]]), torch.tensor([1]), SIZE)
    with pytest.raises(InputError, match=r"finite coordinates[\s\S]*repaired"):
        detector_losses(masker, image, [lost])


def faster() -> FasterRCNN:
    return faster_rcnn_resnet18_fpn(3, width=8, fpn_channels=16, anchor_sizes=ANCHORS, resize=None)


@pytest.mark.slow
def test_faster_r_cnn_learns_two_scenes_by_heart():
    images, truth = squares()
    model, draws, lesson = faster(), torch.Generator().manual_seed(0), Lesson(proposed=200)
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(100):  # after 60 the worst overlap is 0.61 to 0.74, depending on seed and machine; now 0.77 to 0.84
        optimiser.zero_grad()
        sum(detector_losses(model, images, truth, draws, lesson=lesson).values()).backward()
        optimiser.step()
    for objects, found in zip(truth, detect(model.eval(), images, score_threshold=0.5), strict=True):
        overlap = box_iou(objects.boxes, found.boxes)
        assert overlap.amax(dim=1).min() > 0.7
        assert torch.equal(found.labels[overlap.argmax(dim=1)], objects.labels)


def squares() -> tuple[list[Tensor], list[Objects]]:
    """Two scenes with a red and a blue rectangle."""
    truth = [truth_of([[6, 8, 30, 34], [36, 30, 60, 58]], [1, 2]), truth_of([[30, 4, 58, 28], [4, 36, 26, 60]], [1, 2])]
    images = []
    for objects in truth:
        image = torch.rand(3, *SIZE) * 0.2 + 0.4
        for (x0, y0, x1, y1), label in zip(objects.boxes.int().tolist(), objects.labels.tolist(), strict=True):
            image[:, y0:y1, x0:x1] = torch.tensor([0.9, 0.1, 0.1] if label == 1 else [0.1, 0.1, 0.9])[:, None, None]
        images.append(image)
    return images, truth
