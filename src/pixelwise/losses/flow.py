"""Losses of optical flow: end-point errors at several resolutions, in the two forms that published trainings have."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.end_point import end_point_error

Reduction = Literal["sum", "mean"]
"""Over the places of a level: added and divided by the pairs of the batch; or averaged."""

SUM_WEIGHTS = (0.005, 0.01, 0.02, 0.08, 0.32)
"""Of strides 4 to 64, for sums (the authors' Caffe layers, FlowNetPytorch, mmflow)."""

MEAN_WEIGHTS = (0.32, 0.16, 0.08, 0.04, 0.02)
"""Of strides 4 to 64, for means (NVIDIA's flownet2-pytorch, ptlflow)."""

WEIGHTS: dict[Reduction, tuple[float, ...]] = {"sum": SUM_WEIGHTS, "mean": MEAN_WEIGHTS}

Flows = Sequence[Float[Tensor, "B 2 _ _"]]


def multiscale_epe(
    flows: Flows,
    truth: Float[Tensor, "B 2 H W"],
    valid: Bool[Tensor, "B H W"] | None = None,
    reduction: Reduction = "sum",
    weights: Sequence[float | int] | None = None,
    unit: float | int = 20.0,
) -> Float[Tensor, ""]:
    """The weighted end-point errors of flows at several strides, in units of `unit` pixels; 0 or more.

    The end-point error is the length of the difference of two vectors. The truth of a coarse place is the mean of the
    known pixels it covers, and a place that covers none does not count.

    The trap: with "sum", a level's errors are added over its places and divided by the pairs of the batch, and each
    finer level has four times as many places. The published weights 0.005 to 0.32 belong to it: they rise 64-fold from
    fine to coarse, yet together with the places the finest level weighs 4 : 2 : 1 : 1 : 1. Under a mean the same
    numbers would leave the finest level nearly untrained. For "mean" (over all counted places of a level in the batch)
    the published ones fall from fine to coarse, 16 : 8 : 4 : 2 : 1. So the weights follow the reduction unless given.
    A sum also grows with the crop, as a learning rate does; Adam does not mind.

    No counted place anywhere gives 0, with zero gradients. Where prediction and truth are equal the gradient is 0.

    Source: Dosovitskiy et al. 2015, section 4; `l2_per_location` with num normalisation in the authors' Caffe layers.

    Args:
        flows: predictions in units of `unit` pixels, of strides that divide the image's extended size; finest first.
        truth: (dx, dy) in pixels; what it says of unknown pixels does not matter, and may be not-a-number.
        valid: where the truth is known; None means everywhere.
        reduction: "sum" or "mean", see above.
        weights: one of each level; None takes those that belong to the reduction, which are for five levels.
        unit: pixels per unit of the predictions.

    Raises:
        InputError: an unknown reduction, other numbers of weights and levels, a negative weight, or a flow whose size
            is not that of the truth divided by a whole stride.
    """
    chosen = _weights(reduction, weights, len(flows))
    known = torch.ones_like(truth[:, 0], dtype=torch.bool) if valid is None else valid
    total = truth.new_zeros(())
    for flow, weight in zip(flows, chosen, strict=True):
        wanted, counted = pooled_flow(truth, known, _stride(flow, truth))
        errors = end_point_error(flow, wanted / unit).where(counted, 0).sum()
        places = counted.sum().clamp(min=1) if reduction == "mean" else len(flow)
        total = total + weight * errors / places
    return total


def pooled_flow(
    truth: Float[Tensor, "B 2 H W"], valid: Bool[Tensor, "B H W"], stride: int
) -> tuple[Float[Tensor, "B 2 h w"], Bool[Tensor, "B h w"]]:
    """The mean truth of each place of stride x stride pixels, over its known ones; and where there are any.

    The last row and column of places may reach beyond the image; only pixels of the image count. 0 where unknown.
    """
    below, right = -truth.shape[-2] % stride, -truth.shape[-1] % stride
    known = F.pad(valid[:, None].to(truth.dtype), (0, right, 0, below))
    values = F.pad(truth.where(valid[:, None], 0), (0, right, 0, below))
    share = F.avg_pool2d(known, stride)
    return F.avg_pool2d(values, stride) / share.clamp(min=0.5 / stride**2), share[:, 0] > 0


def _stride(flow: Tensor, truth: Tensor) -> int:
    """The stride at which the truth has the flow's size."""
    rows, columns = truth.shape[-2:]
    height, width = flow.shape[-2:]
    stride = 1
    while -(-rows // stride) > height or -(-columns // stride) > width:
        stride *= 2
    if (-(-rows // stride), -(-columns // stride)) != (height, width):
        raise InputError(
            "a flow of the truth's size, halved some times and rounded up",
            f"{height}x{width} for {rows}x{columns}",
            hint="pass the truth at the size of the images that the network saw",
        )
    return stride


def _weights(reduction: str, weights: Sequence[float | int] | None, levels: int) -> Sequence[float | int]:
    if reduction not in get_args(Reduction):
        raise InputError('a reduction "sum" or "mean"', repr(reduction), hint="FlowNet's own is the sum")
    chosen = WEIGHTS[reduction] if weights is None else weights  # type: ignore[index]  # checked above
    if len(chosen) != levels or not all(0 <= weight < float("inf") for weight in chosen):
        raise InputError(
            f"{levels} weights of at least 0, one of each flow",
            str(tuple(chosen)),
            hint="leave the weights out for five flows, or give one of each, the finest first",
        )
    return chosen
