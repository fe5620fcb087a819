"""The same random weights in torchvision's detectors and ours, where torchvision with its operators can be imported."""

import pytest
import torch
from torch import Tensor, nn

from pixelwise.backbones import load_weights_into
from pixelwise.models.detection import faster_rcnn, mask_rcnn
from pixelwise.models.detection.detect import detect
from pixelwise.results import Detections

torchvision = pytest.importorskip("torchvision", exc_type=ImportError)

SIDES = (240, 400)
"""Small enough for one thread; the published 800 and 1333 are compared by the slow test."""

NARROW = 9
"""Classes; the heads' other widths are the published ones."""


def shaken(network: nn.Module) -> nn.Module:
    """Statistics and outputs unlike those at the start, so that scores differ and boxes move."""
    norms = (nn.BatchNorm2d, torchvision.ops.FrozenBatchNorm2d)
    for name, part in network.named_modules():
        if isinstance(part, norms):
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            # Kept small at the end of a block, or 16 additions make the features grow without bound.
            nn.init.uniform_(part.weight, *((0.1, 0.3) if name.endswith("bn3") else (0.5, 1.0)))
            nn.init.normal_(part.bias, std=0.1)
        elif name.endswith(("cls_logits", "cls_score")):
            nn.init.normal_(part.weight, std=0.3 if name.endswith("cls_logits") else 0.5)
        elif name.endswith("bbox_pred"):
            nn.init.normal_(part.weight, std=0.05)
    return network.eval()


def frozen_pair(masks: bool, sides: tuple[int, int], pad_to: str = "image") -> tuple[nn.Module, nn.Module]:
    """Both first versions as with published weights: frozen batch normalisation, eps 0."""
    detection = torchvision.models.detection
    body = torchvision.models.resnet50(norm_layer=torchvision.ops.FrozenBatchNorm2d)
    backbone = detection.backbone_utils._resnet_fpn_extractor(body, 3)
    kind = detection.MaskRCNN if masks else detection.FasterRCNN
    theirs = kind(backbone, NARROW, min_size=sides[0], max_size=sides[1], box_score_thresh=0.0)
    detection._utils.overwrite_eps(theirs, 0.0)
    builder = mask_rcnn.mask_rcnn_resnet50_fpn if masks else faster_rcnn.faster_rcnn_resnet50_fpn
    return theirs, builder(NARROW, norms="published", resize=sides, pad_to=pad_to)


def second_pair(masks: bool, sides: tuple[int, int], pad_to: str = "image") -> tuple[nn.Module, nn.Module]:
    """Both second versions."""
    detection = torchvision.models.detection
    kind = detection.maskrcnn_resnet50_fpn_v2 if masks else detection.fasterrcnn_resnet50_fpn_v2
    settings = {"min_size": sides[0], "max_size": sides[1], "box_score_thresh": 0.0}
    theirs = kind(weights=None, weights_backbone=None, num_classes=NARROW, **settings)
    builder = mask_rcnn.mask_rcnn_resnet50_fpn_v2 if masks else faster_rcnn.faster_rcnn_resnet50_fpn_v2
    return theirs, builder(NARROW, resize=sides, pad_to=pad_to)


def their_results(theirs: nn.Module, images: list[Tensor]) -> tuple[list[Tensor], list[dict[str, Tensor]], Tensor]:
    """Their proposals, detections and the soft masks before pasting."""
    kept: dict[str, list[Tensor]] = {}
    hooks = [theirs.rpn.register_forward_hook(lambda *call: kept.update(proposals=call[2][0]))]
    predictor = getattr(theirs.roi_heads, "mask_predictor", None)
    if predictor is not None:
        hooks.append(predictor.register_forward_hook(lambda *call: kept.update(masks=call[2])))
    found = theirs(images)
    for hook in hooks:
        hook.remove()
    return kept["proposals"], found, kept.get("masks", torch.zeros(0))


def apart(first: Tensor, second: Tensor) -> float:
    """How far the loneliest row of either table is from the nearest one of the other, in its most different column.

    Rows are not compared by their place: scores that are equal but for rounding may change places.
    """
    assert first.shape == second.shape
    between = torch.cdist(first.double(), second.double(), p=torch.inf)
    return float(torch.maximum(between.amin(0).max(), between.amin(1).max()))


def partners(one: dict[str, Tensor], other: Detections) -> Tensor:
    """For each of their objects the number of ours that is most like it."""
    tables = [
        # A box counts as the same only with the same label, and a score that is nearly the same.
        torch.cat([boxes, 1e6 * labels[:, None], 100 * scores[:, None]], dim=1).double()
        for boxes, labels, scores in (
            (one["boxes"], one["labels"], one["scores"]),
            (other.boxes, other.labels, other.scores),
        )
    ]
    return torch.cdist(*tables, p=torch.inf).argmin(1)


def deviations(theirs: nn.Module, ours: nn.Module, images: list[Tensor]) -> dict[str, float]:
    """The largest differences; soft masks are compared before pasting, and pixels that differ after it are counted."""
    with torch.inference_mode():
        proposals, found, logits = their_results(theirs, images)
        outputs = ours(images)
        mine = detect(ours, images, score_threshold=0.0)
    result = dict.fromkeys(("boxes", "scores", "labels", "objects", "alone", "pixels"), 0.0)
    pairs = zip(proposals, outputs.boxes.proposals, strict=True)
    result["proposals"] = max(apart(theirs_one, ours_one) for theirs_one, ours_one in pairs)
    boxes = []
    for one, other, frame in zip(found, mine, outputs.features.frames, strict=True):
        order = partners(one, other)
        result["objects"] += len(other)
        result["alone"] += len(other) - len(order.unique())
        result["boxes"] = max(result["boxes"], float((one["boxes"] - other.boxes[order]).abs().max()))
        result["scores"] = max(result["scores"], float((one["scores"] - other.scores[order]).abs().max()))
        result["labels"] += int((one["labels"] != other.labels[order]).sum())
        if other.masks is not None:
            result["pixels"] += float(((one["masks"][:, 0] >= 0.5) != other.masks.full()[order]).sum())
        boxes.append(frame.to_resized(other.boxes[order]))
    if len(logits):
        with torch.inference_mode():
            masks = ours.mask_scores(outputs.features, boxes)
        result["masks"] = float((masks.sigmoid() - logits.sigmoid()).abs().max())
    return result


def assert_close(found: dict[str, float]) -> None:
    assert found["objects"] > 0
    assert found["alone"] == 0  # each of ours is the partner of one of theirs
    assert found["proposals"] <= 1e-3
    assert found["boxes"] <= 1e-3
    assert found["scores"] <= 1e-5
    assert found["labels"] == 0
    assert found.get("masks", 0.0) <= 1e-5
    assert found["pixels"] <= 2


SIZES = [(480, 640), (97, 131), (150, 200), (120, 380)]
"""Heights and widths, enlarged and shrunk, the last one wide."""


@pytest.mark.slow
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("pair", [frozen_pair, second_pair])
def test_detections_are_torchvisions(pair, masks: bool):
    theirs, ours = pair(masks, SIDES)
    load_weights_into(ours, shaken(theirs).state_dict(), "torchvision")
    ours.eval()
    for height, width in SIZES:
        assert_close(deviations(theirs, ours, [torch.rand(3, height, width)]))


@pytest.mark.slow
def test_images_padded_alike_are_torchvisions_batch():
    theirs, ours = frozen_pair(True, SIDES, pad_to="batch")
    load_weights_into(ours, shaken(theirs).state_dict(), "torchvision")
    assert_close(deviations(theirs, ours.eval(), [torch.rand(3, height, width) for height, width in SIZES]))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(480, 640), (600, 1600)])
def test_detections_at_the_published_size_are_torchvisions(size: tuple[int, int]):
    theirs, ours = frozen_pair(True, (800, 1333))
    load_weights_into(ours, shaken(theirs).state_dict(), "torchvision")
    assert_close(deviations(theirs, ours.eval(), [torch.rand(3, *size)]))


@pytest.mark.slow
def test_a_very_wide_image_agrees_once_torchvision_has_seen_another_one():
    theirs, ours = frozen_pair(True, SIDES)
    load_weights_into(ours, shaken(theirs).state_dict(), "torchvision")
    ours.eval()
    wide = [torch.rand(3, 40, 900)]
    # At first torchvision takes the scale of the padded features of this image for twice what it is, and keeps that.
    first = deviations(theirs, ours, wide)
    assert first["proposals"] <= 1e-3
    assert first["boxes"] > 1
    theirs.roi_heads.box_roi_pool.scales = theirs.roi_heads.mask_roi_pool.scales = None
    assert_close(deviations(theirs, ours, [torch.rand(3, 150, 200)]))
    assert_close(deviations(theirs, ours, wide))
