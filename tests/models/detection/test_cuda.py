"""Detectors on a GPU find and learn what they do in main memory. Skipped where there is no GPU."""

import copy

import pytest
import torch
from torch import Tensor, nn

from pixelwise.data.detection.objects import Objects, objects_of
from pixelwise.models.detection.decode import decode
from pixelwise.models.detection.detect import detect
from pixelwise.models.detection.detector_losses import Lesson, detector_losses
from pixelwise.models.detection.fast_rcnn import fast_rcnn_resnet18_c4
from pixelwise.models.detection.folding import fold_detector
from pixelwise.models.detection.mask_rcnn import MaskRCNN, mask_rcnn_resnet18_fpn, mask_rcnn_resnet18_one_level
from pixelwise.models.detection.rcnn import rcnn_outputs, rcnn_resnet18
from pixelwise.ops.run_lengths import encode_mask

DEVICE = "cuda"

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

ANCHORS = (8, 16, 32, 64, 128)
SIZES = ((60, 90), (64, 64), (60, 90))

EXACT = 1e-8
"""In float64, where sums differ by their order alone."""


def tiny(one_level: bool = False) -> MaskRCNN:
    """A small Mask R-CNN with random weights, in float64."""
    if one_level:
        return mask_rcnn_resnet18_one_level(3, width=8, anchor_sizes=ANCHORS, resize=None, norms="frozen").double()
    return mask_rcnn_resnet18_fpn(
        3, width=8, fpn_channels=16, anchor_sizes=ANCHORS, resize=None, norms="frozen"
    ).double()


def images_and_truth() -> tuple[list[Tensor], list[Objects]]:
    """Random images; the second one has no object."""
    truth = []
    for number, size in enumerate(SIZES):
        boxes = torch.tensor([[5.0, 6.0, 40.0, 44.0], [20.0, 10.0, 55.0, 50.0]])[: 0 if number == 1 else 2]
        masks = []
        for x0, y0, x1, y1 in boxes.int().tolist():
            mask = torch.zeros(size, dtype=torch.bool)
            mask[y0:y1, x0:x1] = True
            masks.append(encode_mask(mask.numpy()))
        truth.append(objects_of(boxes, torch.tensor([1, 2])[: len(boxes)], size, tuple(masks)))
    return [torch.rand(3, *size, dtype=torch.float64) for size in SIZES], truth


def on_device(images: list[Tensor]) -> list[Tensor]:
    return [image.to(DEVICE) for image in images]


@pytest.mark.parametrize("one_level", [False, True])
@pytest.mark.parametrize("folded", [False, True])
def test_the_same_objects_are_found(one_level: bool, folded: bool) -> None:
    model = tiny(one_level).eval()
    if folded:
        model = fold_detector(model)
    images, _ = images_and_truth()
    expected = detect(model, images, score_threshold=0.0, most=30)
    found = detect(copy.deepcopy(model).to(DEVICE), on_device(images), score_threshold=0.0, most=30)
    for one, other in zip(found, expected, strict=True):
        assert one.boxes.device.type == DEVICE
        assert len(other) > 0
        assert torch.equal(one.labels.cpu(), other.labels)
        torch.testing.assert_close(one.boxes.cpu(), other.boxes, atol=1e-5, rtol=0)
        torch.testing.assert_close(one.scores.cpu(), other.scores, atol=EXACT, rtol=0)
        assert int((one.masks.full("cpu") != other.masks.full()).sum()) <= 2


@pytest.mark.parametrize("one_level", [False, True])
def test_the_same_losses_and_gradients(one_level: bool) -> None:
    model = tiny(one_level)
    images, truth = images_and_truth()
    lesson = Lesson(proposed=100)
    gradients = []
    for network, given in ((model, images), (copy.deepcopy(model).to(DEVICE), on_device(images))):
        # A generator in main memory draws the same boxes for every device.
        losses = detector_losses(network, given, truth, torch.Generator().manual_seed(0), lesson=lesson)
        total: Tensor = sum(losses.values(), torch.zeros((), device=given[0].device))
        total.backward()
        gradients.append((losses, [one.grad for one in network.parameters() if one.grad is not None]))
    (expected, wanted), (found, got) = gradients
    for name, value in expected.items():
        torch.testing.assert_close(found[name].cpu(), value, atol=1e-6, rtol=1e-6)
    assert len(wanted) == len(got) > 0
    for one, other in zip(got, wanted, strict=True):
        scale = max(1e-3, float(other.abs().max()))
        torch.testing.assert_close(one.cpu(), other, atol=1e-4 * scale, rtol=0)


def test_bfloat16_trains_and_predicts_there() -> None:
    model: nn.Module = tiny().float().to(DEVICE, memory_format=torch.channels_last)
    images, truth = images_and_truth()
    given = [image.float() for image in on_device(images)]
    with torch.autocast(DEVICE, torch.bfloat16):
        losses = detector_losses(model, given, truth, lesson=Lesson(proposed=100))
    sum(losses.values()).backward()
    assert all(bool(torch.isfinite(one.grad).all()) for one in model.parameters() if one.grad is not None)
    found = detect(fold_detector(model).bfloat16(), given, score_threshold=0.0)
    assert all(len(one) and bool(torch.isfinite(one.boxes).all()) for one in found)


def test_given_proposals_are_judged_alike() -> None:
    images, truth = images_and_truth()
    proposals = [one.boxes for one in truth]
    fast = fast_rcnn_resnet18_c4(3, width=8, resize=None).double().eval()
    regions = rcnn_resnet18(3, width=8, crop=64).double().eval()
    with torch.no_grad():
        expected = fast(images, proposals), rcnn_outputs(regions, images, proposals)
        there = on_device(images)
        found = fast.to(DEVICE)(there, proposals), rcnn_outputs(regions.to(DEVICE), there, proposals)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.scores.logits.cpu(), other.scores.logits, atol=1e-5, rtol=1e-5)
        assert [len(each) for each in decode(one)] == [len(each) for each in decode(other)]
