"""What every network of the catalog that finds objects promises, whichever it is."""

import inspect
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pixelwise.data.detection.objects import objects_of
from pixelwise.inference.detector import Network
from pixelwise.losses.detection.sampling import Sampling
from pixelwise.models import catalog
from pixelwise.models.catalog import by_task
from pixelwise.models.detection.detect import detect
from pixelwise.models.detection.detector_losses import Lesson, detector_losses
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.ops.run_lengths import encode_mask

DETECTORS = by_task["detection"]
SMALL = {"width": 4, "fpn_channels": 8, "anchor_sizes": (8, 16, 32, 64, 128)}
WIDE = tuple(name for name in DETECTORS if "resnet50" in name)
"""Networks of full width, which take seconds for each step; each has a narrower relative here."""

LESSON = Lesson(Sampling(32, 0.5, 0.7, 0.3), Sampling(16, 0.25, 0.5, 0.5), proposed=100)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.slow) if name in WIDE else name for name in DETECTORS])
def model(request: pytest.FixtureRequest) -> Network:
    builder = DETECTORS[request.param]
    accepted = inspect.signature(builder).parameters
    torch.manual_seed(0)
    network: Network = builder(3, resize=None, **{name: value for name, value in SMALL.items() if name in accepted})
    return network


def images(*sizes: tuple[int, int]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(3, *size, generator=generator) for size in sizes]


def truth(size: tuple[int, int]) -> object:
    inside = torch.zeros(size, dtype=torch.bool)
    inside[8:40, 10:50] = True
    box = torch.tensor([[10.0, 8, 50, 40]])
    return objects_of(box, torch.tensor([2]), size, (encode_mask(inside.numpy()),))


def test_names_of_tasks_do_not_meet() -> None:
    assert len(catalog) == sum(map(len, by_task.values()))
    assert all(next(iter(inspect.signature(builder).parameters)) == "num_classes" for builder in DETECTORS.values())


def test_any_size_works_and_a_batch_equals_its_images_one_by_one(model: Network) -> None:
    model.eval().double()
    pictures = [image.double() for image in images((1, 1), (33, 65), (64, 64), (7, 200))]
    with torch.no_grad():
        together = model(pictures)
        singly = [model([image]) for image in pictures]
    for number, (proposals, alone) in enumerate(zip(together.boxes.proposals, singly, strict=True)):
        torch.testing.assert_close(proposals, alone.boxes.proposals[0], rtol=0, atol=1e-6)
        assert together.features.frames[number] == alone.features.frames[0]
    logits = torch.cat([alone.boxes.scores.logits for alone in singly])
    torch.testing.assert_close(together.boxes.scores.logits, logits, rtol=0, atol=1e-6)
    found = detect(model, pictures, score_threshold=0.0, most=3)
    assert all(one.scores.isfinite().all() and one.boxes.isfinite().all() for one in found)
    assert all((one.masks is not None) == isinstance(model, MaskRCNN) for one in found)


def test_every_parameter_learns_and_losses_exist_in_evaluation(model: Network) -> None:
    size = (64, 80)
    pictures, objects = images(size, size), [truth(size), truth(size)]
    losses = detector_losses(model.train(), pictures, objects, torch.Generator().manual_seed(0), None, LESSON)
    assert set(losses) == {"objectness", "rpn_box", "class", "box"} | (
        {"mask"} if isinstance(model, MaskRCNN) else set()
    )
    torch.stack(list(losses.values())).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    with torch.no_grad():
        resting = detector_losses(model.eval(), pictures, objects, torch.Generator().manual_seed(0), None, LESSON)
    assert set(resting) == set(losses)
    assert all(bool(loss.isfinite()) for loss in resting.values())


def test_images_without_objects_teach_no_box_and_give_no_nan(model: Network) -> None:
    size = (64, 64)
    nothing = objects_of(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), size, ())
    losses = detector_losses(model.train(), images(size, size), [nothing, nothing], None, None, LESSON)
    assert losses["box"] == losses["rpn_box"] == 0
    assert all(bool(loss.isfinite()) for loss in losses.values())


def test_weights_survive_safetensors(model: Network, tmp_path: Path) -> None:
    pictures = images((48, 64))
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    before = model.eval()(pictures).boxes.scores.logits
    for weight in model.parameters():
        torch.nn.init.zeros_(weight)
    model.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(model(pictures).boxes.scores.logits, before)
