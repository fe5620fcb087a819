"""Detections from raw outputs."""

import pytest
import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.models.detection.decode import decode
from pixelwise.models.detection.outputs import BoxOutputs, BoxScores, Frame
from pixelwise.ops import paste_masks
from references.detection_steps import detections_by_hand

FRAME = Frame((60, 50), (60, 50), (64, 64))
ENLARGED = Frame((20, 40), (40, 80), (64, 96))


def random_outputs(counts: tuple[int, ...] = (7, 0, 5), classes: int = 4) -> BoxOutputs:
    frames = (FRAME, FRAME, ENLARGED)[: len(counts)]
    proposals = []
    for count in counts:
        corners = torch.rand(count, 2) * 30
        proposals.append(torch.cat([corners, corners + 5 + torch.rand(count, 2) * 20], dim=1))
    total = sum(counts)
    return BoxOutputs(proposals, BoxScores(torch.randn(total, classes), torch.randn(total, classes, 4)), frames)


@pytest.mark.parametrize(("threshold", "most"), [(0.05, 100), (0.3, 100), (0.0, 3)])
def test_detections_are_those_of_the_definition(threshold: float, most: int):
    outputs = random_outputs()
    found = decode(outputs, score_threshold=threshold, most=most)
    start = 0
    for regions, frame, one in zip(outputs.proposals, outputs.frames, found, strict=True):
        here = slice(start, start + len(regions))
        start += len(regions)
        logits, deltas = outputs.scores.logits[here].tolist(), outputs.scores.deltas[here].tolist()
        wanted = detections_by_hand(regions.tolist(), logits, deltas, frame.resized, threshold, 0.5, most)
        assert one.labels.tolist() == [label for _, _, label in wanted]
        torch.testing.assert_close(one.scores, torch.tensor([score for _, score, _ in wanted]))
        boxes = torch.tensor([box for box, _, _ in wanted]).reshape(-1, 4)
        torch.testing.assert_close(one.boxes, frame.to_original(boxes), atol=1e-4, rtol=1e-5)
        assert one.size == frame.original
        assert one.masks is None
    assert len(found[0]) > 0
    assert len(found[1]) == 0


def test_boxes_of_an_enlarged_image_are_in_pixels_of_the_given_one():
    regions = torch.tensor([[10.0, 10, 30, 30]])
    scores = BoxScores(torch.tensor([[0.0, 9.0]]), torch.zeros(1, 2, 4))
    (found,) = decode(BoxOutputs([regions], scores, (ENLARGED,)))
    assert found.boxes.tolist() == [[5, 5, 15, 15]]


def same_place(logits: Tensor) -> BoxOutputs:
    regions = torch.tensor([[10.0, 10, 30, 30]])
    return BoxOutputs([regions], BoxScores(logits, torch.zeros(1, logits.shape[1], 4)), (FRAME,))


def test_classes_suppress_each_other_on_request_only():
    outputs = same_place(torch.tensor([[0.0, 1.0, 0.5]]))
    assert decode(outputs)[0].labels.tolist() == [1, 2]
    assert decode(outputs, class_agnostic=True)[0].labels.tolist() == [1]


def test_images_do_not_suppress_each_other():
    one = same_place(torch.tensor([[0.0, 3.0]]))
    both = BoxOutputs(
        one.proposals * 2,
        BoxScores(one.scores.logits.repeat(2, 1), one.scores.deltas.repeat(2, 1, 1)),
        (FRAME, FRAME),
    )
    for class_agnostic in (False, True):
        assert [len(found) for found in decode(both, class_agnostic=class_agnostic)] == [1, 1]


def test_a_score_must_be_above_the_threshold():
    outputs = same_place(torch.zeros(1, 2))
    assert len(decode(outputs, score_threshold=0.5)[0]) == 0
    assert len(decode(outputs, score_threshold=0.49)[0]) == 1


def test_nothing_above_the_threshold_gives_empty_results():
    found = decode(random_outputs(), score_threshold=1.0, mask_scores=lambda boxes: torch.zeros(0, 4, 28, 28))
    for one in found:
        assert one.boxes.shape == (0, 4)
        assert one.scores.shape == one.labels.shape == (0,)
        assert one.labels.dtype == torch.int64
        assert one.masks.full().shape == (0, *one.size)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_give_no_objects_that_are_not(value: float):
    outputs = random_outputs((6,))
    outputs.scores.logits[0, 1] = value
    outputs.scores.deltas[1, :, 0] = value
    outputs.scores.deltas[2, :, 3] = value
    (found,) = decode(outputs, score_threshold=0.0)
    assert len(found) > 0
    assert found.boxes.isfinite().all()
    assert found.scores.isfinite().all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    outputs.scores.logits[:] = torch.nan
    assert len(decode(outputs, score_threshold=0.0)[0]) == 0


def test_a_thousand_objects_are_kept_on_request():
    y, x = torch.meshgrid(torch.arange(25.0), torch.arange(40.0), indexing="ij")
    corners = torch.stack([x, y], dim=-1).reshape(-1, 2) * 10
    regions = torch.cat([corners, corners + 8], dim=1)
    scores = BoxScores(torch.tensor([[0.0, 5.0]]).repeat(1000, 1), torch.zeros(1000, 2, 4))
    frame = Frame((250, 400), (250, 400), (256, 416))
    outputs = BoxOutputs([regions], scores, (frame,))
    assert len(decode(outputs)[0]) == 100
    (found,) = decode(outputs, most=1000, mask_scores=lambda boxes: torch.ones(len(boxes[0]), 2, 28, 28))
    assert len(found) == len(found.masks) == 1000


def test_masks_are_those_of_the_label_pasted_in_the_given_image():
    outputs = random_outputs((6, 0, 4))
    given: list[list[Tensor]] = []

    def logits(boxes: list[Tensor]) -> Tensor:
        given.append(boxes)
        return torch.randn(sum(map(len, boxes)), 4, 28, 28, generator=torch.Generator().manual_seed(1))

    found = decode(outputs, mask_scores=logits)
    total = torch.randn(sum(map(len, given[0])), 4, 28, 28, generator=torch.Generator().manual_seed(1))
    row = 0
    for one, boxes, frame in zip(found, given[0], outputs.frames, strict=True):
        torch.testing.assert_close(frame.to_original(boxes), one.boxes)
        for number, label in enumerate(one.labels.tolist()):
            wanted = paste_masks(total[row, label].sigmoid()[None], one.boxes[number : number + 1], frame.original)
            assert torch.equal(one.masks.windows[number], wanted.windows[0])
            assert one.masks.corners[number] == wanted.corners[0]
            row += 1
    assert row == len(total) > 0


def test_classes_are_named_and_counted():
    outputs = same_place(torch.tensor([[0.0, 1.0]]))
    assert decode(outputs)[0].classes == ("background", "1")
    assert decode(outputs, ["background", "cow"])[0].classes == ("background", "cow")
    with pytest.raises(InputError, match="names of the model's 2 classes"):
        decode(outputs, ["cow"])
