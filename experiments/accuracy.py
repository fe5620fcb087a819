"""Mean IoU of predictions, over all pixels or near the true boundaries only."""

import torch.nn.functional as F
from torch import Tensor

from experiments.contest import Round
from pixelwise.metrics import confusion_matrix, mean_iou
from pixelwise.shapes import IGNORE


def score(predictions: Tensor, truth: Tensor, num_classes: int) -> float:
    """The mean IoU over all scenes together."""
    return float(mean_iou(confusion_matrix(predictions, truth, num_classes)))


def scores(rounds: list[Round], num_classes: int) -> dict[str, list[float]]:
    """For each network its mean IoU in each round."""
    names = rounds[0].predictions
    return {name: [score(each.predictions[name], each.truth, num_classes) for each in rounds] for name in names}


def near_boundary(truth: Tensor, distance: int) -> Tensor:
    """Where a pixel of another class lies within so many rows and columns; true or false, (N, H, W).

    The band in which a trimap measures (Kohli, Ladicky, Torr 2009, section 5).
    """
    values = truth[:, None].float()
    side = 2 * distance + 1
    highest = F.max_pool2d(values, side, 1, distance)
    lowest = -F.max_pool2d(-values, side, 1, distance)
    return (highest != lowest)[:, 0]


def band_scores(rounds: list[Round], num_classes: int, distance: int) -> dict[str, list[float]]:
    """Like `scores`, counting only pixels near the true boundaries."""
    banded = [Round(each.truth.where(near_boundary(each.truth, distance), IGNORE), each.predictions) for each in rounds]
    return scores(banded, num_classes)


def share_near_boundary(rounds: list[Round], better: str, worse: str, distance: int) -> tuple[list[float], list[float]]:
    """Per round: of the errors that one network makes less than another, the share near boundaries; and of all pixels.

    The first is not-a-number in a round in which it makes no fewer errors.
    """
    gains, areas = [], []
    for each in rounds:
        near = near_boundary(each.truth, distance)
        saved = (each.predictions[worse] != each.truth).long() - (each.predictions[better] != each.truth).long()
        total = int(saved.sum())
        gains.append(int(saved[near].sum()) / total if total > 0 else float("nan"))
        areas.append(float(near.float().mean()))
    return gains, areas
