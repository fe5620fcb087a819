"""All pairs of a group at once give what the compiled loop and the slow definition give, on any device."""

import pytest
import torch
from torch import Tensor

from pixelwise.ops import nms_dense, nms_rounds
from pixelwise.ops.nms import _ranked
from references.nms import nms_by_hand

NAN, INF = float("nan"), float("inf")


def crowd(count: int) -> Tensor:
    """Boxes by falling score, of which many overlap."""
    start = torch.rand(count, 2) * 120 - 60
    return torch.cat([start, start + torch.rand(count, 2) * 60 + 2], dim=1)


def kept(boxes: Tensor, threshold: float, groups: Tensor | None = None) -> list[int]:
    return nms_dense.survivors(_ranked(boxes, groups), threshold, len(boxes)).nonzero().squeeze(1).tolist()


@pytest.mark.parametrize("at_once", [nms_dense.AT_ONCE, 500, 1])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_the_definition(threshold: float, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nms_dense, "AT_ONCE", at_once)
    boxes = crowd(200)
    scores = torch.linspace(1, 0, 200)
    assert kept(boxes, threshold) == nms_by_hand(boxes.tolist(), scores.tolist(), threshold)


@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_groups_of_any_size_stay_apart(threshold: float) -> None:
    boxes, groups = crowd(400), (torch.rand(400) ** 3 * 6).long() * 7 - 3
    expected = []
    for group in groups.unique():
        rows = (groups == group).nonzero().squeeze(1)
        chosen = nms_by_hand(boxes[rows].tolist(), torch.linspace(1, 0, len(rows)).tolist(), threshold)
        expected += rows[chosen].tolist()
    assert kept(boxes, threshold, groups) == sorted(expected)


def test_long_chains_are_settled() -> None:
    """Each box overlaps the next: every second one stays, after as many rounds as there are boxes."""
    boxes = torch.tensor([[float(x), 0, x + 10.0, 10] for x in range(0, 600, 4)])
    assert kept(boxes, 0.4) == list(range(0, 150, 2))


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_boxes_without_area_overlap_nothing(threshold: float) -> None:
    odd = [[5.0, 5, 5, 5], [9, 1, 1, 9], [NAN, 0, 10, 10], [-INF, -INF, INF, INF], [0, 0, INF, 10], [0, 0, 1e30, 1e30]]
    boxes = torch.tensor([*odd, [0.0, 0, 10, 10], [0.0, 0, 10, 10]])
    assert kept(boxes, threshold) == [*range(7), *([] if threshold < 1 else [7])]


def test_many_pairs_are_compared_in_parts_and_too_many_only_between_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes, groups = crowd(300), torch.randint(0, 3, (300,))
    expected = kept(boxes, 0.5, groups)
    asked: list[int] = []
    rounds = nms_rounds.survivors
    monkeypatch.setattr(nms_rounds, "survivors", lambda *given: asked.append(1) or rounds(*given))
    monkeypatch.setattr(nms_dense, "HELD", 20_000)  # of one group of 100 boxes, not of two
    assert kept(boxes, 0.5, groups) == expected and not asked
    monkeypatch.setattr(nms_dense, "HELD", 1000)
    assert kept(boxes, 0.5, groups) == expected and len(asked) == 1
    monkeypatch.setattr(nms_dense, "HELD", 1 << 26)
    monkeypatch.setattr(nms_dense, "MOST_PAIRS", 20_000)
    assert kept(boxes, 0.5, groups) == expected and len(asked) == 2
