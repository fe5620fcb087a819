"""R-CNN and Fast R-CNN on given proposals: crops against warped pixels, decoding, losses, and what does not fit."""

import pytest
import torch
from torch import Tensor

from pixelwise.data.detection.objects import Objects, objects_of
from pixelwise.errors import InputError
from pixelwise.losses.detection.sampling import Sampling
from pixelwise.models.detection.batching import MEAN
from pixelwise.models.detection.decode import decode
from pixelwise.models.detection.fast_rcnn import (
    FastRCNN,
    fast_rcnn_losses,
    fast_rcnn_resnet18_c4,
    fast_rcnn_vgg16,
)
from pixelwise.models.detection.rcnn import RCNN, cut_crops, rcnn_losses, rcnn_outputs, rcnn_resnet18, rcnn_vgg16

SIZE = (64, 64)
EMPTY = torch.zeros(0, 4)


def scene(boxes: list[list[float]], labels: list[int]) -> Objects:
    return objects_of(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), torch.tensor(labels, dtype=torch.int64), SIZE
    )


@pytest.fixture(scope="module")
def fast() -> FastRCNN:
    torch.manual_seed(0)
    return fast_rcnn_resnet18_c4(3, width=4, resize=None, norms="frozen").eval()


@pytest.fixture(scope="module")
def slow() -> RCNN:
    torch.manual_seed(0)
    return rcnn_resnet18(3, width=4, crop=32, context=4).eval()


def test_a_region_fills_its_crop_but_for_the_context():
    image = torch.zeros(3, 40, 40)
    image[:, 10:20, 10:30] = 1  # 10 high and 20 wide
    crop = cut_crops(image, torch.tensor([[10.0, 10, 30, 20]]), 32, 6)[0, 0]
    # 20 pixels of the crop show the region: the border between both lies between two pixels.
    assert crop[7:25, 7:25].min() > 0.99
    assert max(crop[:5].max(), crop[27:].max(), crop[:, :5].max(), crop[:, 27:].max()) < 1e-6


def test_beyond_the_image_crops_show_the_mean_colour():
    crop = cut_crops(torch.ones(3, 20, 20), torch.tensor([[0.0, 0, 20, 20], [3, 3, 3, 9]]), 32, 8)
    torch.testing.assert_close(crop[0, :, :6, :6], torch.tensor(MEAN).view(3, 1, 1).expand(3, 6, 6))
    torch.testing.assert_close(crop[0, :, 9:23, 9:23], torch.ones(3, 14, 14))
    torch.testing.assert_close(crop[1], torch.tensor(MEAN).view(3, 1, 1).expand(3, 32, 32))


def test_crops_without_context_of_the_whole_image_are_the_image():
    image = torch.rand(3, 32, 32)
    torch.testing.assert_close(cut_crops(image, torch.tensor([[0.0, 0, 32, 32]]), 32, 0)[0], image)


def test_a_region_that_shrinks_is_averaged_over_all_its_pixels():
    image = (torch.arange(64) % 2).float().expand(3, 64, 64)
    crop = cut_crops(image, torch.tensor([[0.0, 0, 64, 64]]), 16, 0)
    torch.testing.assert_close(crop, torch.full((1, 3, 16, 16), 0.5), atol=1e-6, rtol=0)


@torch.no_grad()
def test_proposals_become_detections_in_the_images_own_pixels(fast: FastRCNN, slow: RCNN):
    images = [torch.rand(3, 64, 64), torch.rand(3, 50, 90)]
    proposals = [torch.tensor([[4.0, 4, 30, 40], [20, 10, 70, 60]]), torch.tensor([[10.0, 5, 90, 45]])]
    for outputs in (fast(images, proposals), rcnn_outputs(slow, images, proposals)):
        assert outputs.scores.logits.shape == (3, 3) and outputs.scores.deltas.shape == (3, 3, 4)
        assert outputs.proposals[0].tolist() == [[4, 4, 30, 40], [20, 10, 64, 60]]  # cut to the image
        found = decode(outputs, ("background", "cell", "fly"), score_threshold=0.0)
        assert [one.size for one in found] == [(64, 64), (50, 90)]
        assert all(len(one) > 0 and bool((one.boxes >= 0).all()) for one in found)


@torch.no_grad()
def test_proposals_are_brought_to_the_resized_image():
    model = fast_rcnn_resnet18_c4(3, width=4, resize=(128, 200), norms="frozen").eval()
    outputs = model([torch.rand(3, 64, 64)], [torch.tensor([[4.0, 8, 30, 40]])])
    assert outputs.proposals[0].tolist() == [[8, 16, 60, 80]]


@torch.no_grad()
def test_an_image_without_proposals_has_no_detections(fast: FastRCNN, slow: RCNN):
    images, none = [torch.rand(3, 64, 64)] * 2, [EMPTY, EMPTY]
    for outputs in (fast(images, none), rcnn_outputs(slow, images, none)):
        assert outputs.scores.logits.shape == (0, 3)
        assert [len(one) for one in decode(outputs)] == [0, 0]


@torch.no_grad()
def test_the_number_of_crops_run_together_changes_nothing(slow: RCNN):
    image, boxes = [torch.rand(3, 64, 64)], [torch.rand(7, 4) * 30 + torch.tensor([0.0, 0, 32, 32])]
    all_at_once, singly = rcnn_outputs(slow, image, boxes, 64), rcnn_outputs(slow, image, boxes, 1)
    torch.testing.assert_close(all_at_once.scores.logits, singly.scores.logits, atol=1e-5, rtol=1e-4)


def losses_of(model: FastRCNN | RCNN, images: list[Tensor], truth: list[Objects], boxes: list[Tensor]) -> dict:
    losses = fast_rcnn_losses if isinstance(model, FastRCNN) else rcnn_losses
    sampling = Sampling(16, 0.25, 0.5, 0.5)
    return losses(model, images, boxes, truth, generator=torch.Generator().manual_seed(0), sampling=sampling)


@pytest.mark.parametrize("name", ["fast", "slow"])
def test_losses_exist_in_both_modes_and_without_any_region_are_zero(name: str, request: pytest.FixtureRequest):
    model = request.getfixturevalue(name)
    image, truth = [torch.rand(3, 64, 64)], [scene([[4, 4, 30, 40]], [2])]
    losses = losses_of(model, image, truth, [torch.tensor([[5.0, 5, 30, 38], [40, 40, 60, 60]])])
    assert list(losses) == ["class", "box"] and all(float(one.detach()) > 0 for one in losses.values())
    model.zero_grad()
    losses = losses_of(model, image, [scene([], [])], [EMPTY])
    assert [float(one.detach()) for one in losses.values()] == [0.0, 0.0]
    sum(losses.values()).backward()
    assert all(bool(one.grad.isfinite().all()) for one in model.parameters() if one.grad is not None)


def test_what_does_not_fit_is_named(fast: FastRCNN, slow: RCNN):
    image, lost = [torch.rand(3, 64, 64)], [torch.tensor([[1.0, float("nan"), 5, 5]])]
    for call in (lambda boxes: fast(image, boxes), lambda boxes: rcnn_outputs(slow, image, boxes)):
        with pytest.raises(InputError, match="proposals for each of 1 images, got 2 tensors"):
            call([EMPTY, EMPTY])
        with pytest.raises(InputError, match="finite coordinates, got NaN or infinity in image 0"):
            call(lost)
    with pytest.raises(InputError, match="context of 0 to 15 pixels in crops of 32, got 16"):
        rcnn_resnet18(3, width=4, crop=32, context=16)


@torch.no_grad()
def test_networks_on_vgg_16_judge_regions_of_stride_16():
    image, boxes = [torch.rand(3, 64, 64)], [torch.tensor([[4.0, 4, 40, 40]])]
    for pooling in ("pool", "align"):
        model = fast_rcnn_vgg16(3, width=2, hidden=8, resize=None, pooling=pooling).eval()
        assert model.features(image).groups[0].levels[0].shape == (1, 16, 4, 4)
        assert model(image, boxes).scores.logits.shape == (1, 3)
    assert rcnn_outputs(
        rcnn_vgg16(3, width=2, hidden=8, crop=32, context=4).eval(), image, boxes
    ).scores.deltas.shape == (
        1,
        3,
        4,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fast", "slow"])
def test_two_scenes_are_learned_by_heart(kind: str):
    truth = [scene([[6, 8, 30, 34], [36, 30, 60, 58]], [1, 2]), scene([[30, 4, 58, 28], [4, 36, 26, 60]], [1, 2])]
    images = [torch.rand(3, *SIZE) * 0.2 + 0.4 for _ in truth]
    for image, objects in zip(images, truth, strict=True):
        for (x0, y0, x1, y1), label in zip(objects.boxes.int().tolist(), objects.labels.tolist(), strict=True):
            image[:, y0:y1, x0:x1] = torch.tensor([0.9, 0.1, 0.1] if label == 1 else [0.1, 0.1, 0.9])[:, None, None]
    grid = torch.cartesian_prod(torch.arange(0.0, 41, 8), torch.arange(0.0, 41, 8))
    boxes = [torch.cat([torch.cat([grid, grid + 24], 1), one.boxes]) for one in truth]
    model = fast_rcnn_resnet18_c4(3, width=8, resize=None) if kind == "fast" else rcnn_resnet18(3, None, 8, 32, 4)
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(40):
        optimiser.zero_grad()
        sum(losses_of(model, images, truth, boxes).values()).backward()
        optimiser.step()
    model.eval()
    with torch.no_grad():
        outputs = model(images, boxes) if kind == "fast" else rcnn_outputs(model, images, boxes)
    logits = outputs.scores.logits.view(2, -1, 3)
    assert torch.equal(logits[:, -2:].argmax(dim=2), torch.tensor([[1, 2], [1, 2]]))
    assert float((logits[:, :-2].argmax(dim=2) == 0).float().mean()) > 0.7
