"""Whole detectors: one result whatever the batch, any image, and nothing remembered."""

import pytest
import torch
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.detection.detect import detect
from pixelwise.models.detection.faster_rcnn import FasterRCNN, faster_rcnn_resnet18_fpn, faster_rcnn_resnet50_c4
from pixelwise.models.detection.folding import fold_detector
from pixelwise.models.detection.mask_rcnn import MaskRCNN, mask_rcnn_resnet18_fpn, mask_rcnn_resnet18_one_level
from pixelwise.models.detection.propose import propose
from pixelwise.models.detection.resize import Resize
from pixelwise.results import Detections

ANCHORS = (8, 16, 32, 64, 128)


@pytest.fixture(scope="module")
def detector() -> MaskRCNN:
    """Tiny, with random weights; images stay as they are."""
    torch.manual_seed(0)
    return mask_rcnn_resnet18_fpn(3, width=4, fpn_channels=8, anchor_sizes=ANCHORS, resize=None, norms="frozen").eval()


def assert_same(one: Detections, other: Detections, tolerance: float = 1e-6) -> None:
    torch.testing.assert_close(one.boxes, other.boxes, atol=tolerance * 100, rtol=0)
    torch.testing.assert_close(one.scores, other.scores, atol=tolerance, rtol=0)
    assert torch.equal(one.labels, other.labels)
    assert torch.equal(one.masks.full(), other.masks.full())


def test_an_image_has_one_result_whatever_runs_beside_it(detector: MaskRCNN):
    # In float64, because sums of a larger batch are rounded otherwise, and equal scores may then change places.
    precise = fold_detector(detector).double()
    images = [torch.rand(3, *size, dtype=torch.float64) for size in ((50, 70), (33, 96), (100, 40), (64, 90), (20, 20))]
    together = detect(precise, images, score_threshold=0.0, most=20)
    assert sum(map(len, together)) >= 50
    for image, one in zip(images, together, strict=True):
        (alone,) = detect(precise, [image], score_threshold=0.0, most=20)
        assert_same(one, alone, 1e-9)


def test_single_precision_agrees_to_rounding(detector: MaskRCNN):
    images = [torch.rand(3, *size) for size in ((50, 70), (33, 96), (100, 40))]
    with torch.no_grad():
        together = detector.features(images)
        for number, image in enumerate(images):
            (alone,) = detector.features([image]).groups
            group = next(one for one in together.groups if number in one.numbers)
            place = group.numbers.index(number)
            for level, other in zip(group.levels, alone.levels, strict=True):
                assert float((level[place] - other[0]).abs().max()) <= 1e-5 * float(other.abs().max())


def test_results_do_not_depend_on_what_came_before(detector: MaskRCNN):
    image = torch.rand(3, 60, 90)
    (first,) = detect(detector, [image], score_threshold=0.0)
    detect(detector, [torch.rand(3, 20, 400)])
    (second,) = detect(detector, [image], score_threshold=0.0)
    assert_same(first, second, 0.0)


def test_training_and_evaluation_give_the_same_outputs(detector: MaskRCNN):
    image = torch.rand(3, 40, 60)
    evaluated = detector([image])
    trained = detector.train()([image])
    detector.eval()
    torch.testing.assert_close(evaluated.boxes.scores.logits, trained.boxes.scores.logits, atol=0, rtol=0)
    torch.testing.assert_close(evaluated.boxes.proposals[0], trained.boxes.proposals[0], atol=0, rtol=0)


def test_boxes_lie_in_the_image_and_scores_fall(detector: MaskRCNN):
    images = [torch.rand(3, 45, 70), torch.rand(3, 90, 30)]
    for image, found in zip(images, detect(detector, images, score_threshold=0.0), strict=True):
        height, width = image.shape[-2:]
        assert found.size == (height, width)
        assert 0 < len(found) <= 100
        assert (found.boxes >= 0).all()
        assert (found.boxes <= torch.tensor([width, height, width, height])).all()
        assert (found.scores.diff() <= 0).all()
        assert set(found.labels.tolist()) <= {1, 2}
        assert found.masks.full().shape == (len(found), height, width)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (8, 500)])
def test_any_size_gives_results_with_and_without_resizing(detector: MaskRCNN, size: tuple[int, int]):
    image = torch.rand(3, *size)
    for rule in (None, Resize(40, 80)):
        with torch.no_grad():
            features = detector.features([image], rule)
            proposals = propose(detector.rpn(features))
            scores = detector.box_scores(features, proposals)
        assert len(scores.logits) == len(proposals[0])
        assert scores.logits.isfinite().all()
    (found,) = detect(detector, [image], score_threshold=0.0)
    assert found.boxes.isfinite().all()


def test_an_image_of_nan_has_no_objects(detector: MaskRCNN):
    found = detect(detector, [torch.full((3, 40, 40), torch.nan), torch.rand(3, 40, 40)], score_threshold=0.0)
    assert len(found[0]) == len(found[0].masks) == 0
    assert len(found[1]) > 0


def test_nothing_above_the_threshold_gives_empty_results(detector: MaskRCNN):
    (found,) = detect(detector, [torch.rand(3, 40, 40)], score_threshold=0.999)
    assert len(found) == 0
    assert found.masks.full().shape == (0, 40, 40)


def test_a_faster_rcnn_gives_no_masks():
    model = faster_rcnn_resnet18_fpn(3, width=4, fpn_channels=8, resize=(64, 96)).eval()
    (found,) = detect(model, [torch.rand(3, 40, 50)], ["background", "cow", "horse"], score_threshold=0.0)
    assert found.masks is None
    assert found.classes == ("background", "cow", "horse")
    assert isinstance(model, FasterRCNN)


def parameters_without_gradient(model: nn.Module, losses: Tensor) -> list[str]:
    losses.backward()
    return [name for name, parameter in model.named_parameters() if parameter.grad is None]


@pytest.mark.parametrize("pooling", ["align", "pool"])
@pytest.mark.parametrize("kind", ["pyramid", "c4", "c5"])
def test_every_parameter_gets_a_gradient(kind: str, pooling: str):
    if kind == "pyramid":
        model = mask_rcnn_resnet18_fpn(3, 4, 8, ANCHORS, None, pooling)
    else:
        model = mask_rcnn_resnet18_one_level(3, 4 if kind == "c4" else 5, 8, ANCHORS, None, pooling)
    features = model.features([torch.rand(3, 64, 64), torch.rand(3, 64, 40)])
    regions = model.rpn(features)
    side = 512.0  # larger than the image, so that the coarsest level of a pyramid is read, too
    sizes = [torch.tensor([[0, 0, 16, 16], [0, 0, 120, 120], [0, 0, 240, 240], [0, 0, side, side]])] * 2
    scores = model.box_scores(features, sizes)
    masks = model.mask_scores(features, sizes)
    assert masks.shape == ((8, 3, 14, 14) if kind == "c4" else (8, 3, 28, 28))
    parts = [scores.logits, scores.deltas, masks, *(one for group in regions.groups for one in group[:2])]
    assert parameters_without_gradient(model, sum(part.square().sum() for part in parts)) == []


def test_c4_runs_the_last_stage_on_each_region():
    with torch.device("meta"):
        model = faster_rcnn_resnet50_c4(5)
    names = set(model.state_dict())
    assert "roi_heads.shared.2.conv3.weight" in names
    assert not any(name.startswith("backbone.body.layer4") for name in names)
    assert model.rpn.head.cls_logits.out_channels == 15


def test_a_folded_detector_gives_the_same_results_and_cannot_be_trained(detector: MaskRCNN):
    for part in detector.modules():
        if hasattr(part, "running_var"):
            part.running_var.uniform_(0.5, 1.5)
            part.running_mean.normal_(std=0.1)
    folded = fold_detector(detector)
    assert not any(hasattr(part, "running_var") for part in folded.modules())
    assert any(hasattr(part, "running_var") for part in detector.modules())
    images = [torch.rand(3, 40, 60)]
    with torch.no_grad():
        first, second = detector.features(images).groups[0].levels, folded.features(images).groups[0].levels
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    with pytest.raises(InputError, match="with its batch normalisation for training"):
        folded.train()


def test_heads_with_normalisation_are_folded_too():
    model = mask_rcnn_resnet18_one_level(3, 4, width=8, anchor_sizes=ANCHORS, resize=None).eval()
    folded = fold_detector(model)
    assert not any(hasattr(part, "running_var") for part in folded.modules())
    image = [torch.rand(3, 48, 64)]
    boxes = [torch.tensor([[3.0, 5, 40, 44]])]
    with torch.no_grad():
        one = model.box_scores(model.features(image), boxes)
        other = folded.box_scores(folded.features(image), boxes)
    torch.testing.assert_close(one.logits, other.logits, atol=1e-5, rtol=1e-4)


def test_mask_rcnn_without_a_mask_branch_is_refused():
    parts = faster_rcnn_resnet18_fpn(3, width=4, fpn_channels=8)
    with pytest.raises(InputError, match="heads with a mask branch"):
        MaskRCNN(parts.preparation, parts.backbone, parts.rpn, parts.roi_heads)
