"""Scores of optical flow, in two steps: sums per image, then ratios of (sums of) them.

Sums of images add up, so `flow_scores` of the summed table is the pooled score, every known pixel counting alike, and
the mean of `flow_scores` over images is the score per image. Programs of the field print one or the other under one
name, and for the same flows they differ by some percent; `named_flow_scores` prints both, named. The sums take any
leading axes: a stack of resampled tables gives as many scores in one call. Scores are float64; NaN says that there was
nothing to measure.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.end_point import end_point_error
from pixelwise.shapes import Flow

FLOW_GROUPS = ("all", "0-10", "10-40", "40+", "visible", "occluded")
"""Which pixels: all known ones; those whose true motion is below 10, from 10 on, or from 40 pixels on (the bins of the
Sintel benchmark, Butler et al. 2012); those that are seen, or hidden, in the second image."""

FLOW_SUMS = ("pixels", "error", "angle", "over_1", "over_3", "over_5", "outliers")
"""What is added up: pixels, end-point errors, angles, and the pixels with errors above a number of pixels."""

FLOW_MEASURES = ("epe", "angular_error", "over_1px", "over_3px", "over_5px", "fl")
"""Mean end-point error in pixels; mean angle in degrees; and shares of pixels, 0..1: with an error above 1, 3 and 5
pixels, and KITTI's outliers."""

OUTLIER_PIXELS, OUTLIER_SHARE = 3.0, 0.05
"""KITTI 2015 counts an error as an outlier that exceeds both (Menze and Geiger 2015)."""

Sums = Float64[Tensor, "*rows 6 7"]


def flow_sums(
    flow: Flow,
    truth: Flow,
    valid: Bool[Tensor, "H W"] | None = None,
    occluded: Bool[Tensor, "H W"] | None = None,
) -> Float64[Tensor, "6 7"]:
    """The sums of `FLOW_SUMS` (columns) over the pixels of each of `FLOW_GROUPS` (rows), of one image.

    Angles are between (dx, dy, 1) of flow and truth, in degrees (Fleet and Jepson 1990): the 1 keeps a still pixel from
    having none, and makes errors of large motions small.

    Args:
        flow: the answer, (dx, dy) in pixels.
        truth: what is right; unknown pixels may hold anything.
        valid: where the truth is known; None counts the pixels whose truth is finite.
        occluded: where a pixel is hidden in the second image; None leaves the groups "visible" and "occluded" empty.

    Raises:
        InputError: the sizes differ, or the answer is not finite at a counted pixel.
    """
    _check_size(flow, truth)
    counted = truth.isfinite().all(0) if valid is None else valid
    answer, right = (each.double().where(counted, 0) for each in (flow, truth))
    if not bool(answer.isfinite().all()):
        raise InputError(
            "finite flow at every pixel whose truth is known",
            f"{int((~answer.isfinite().all(0)).sum())} pixels with infinite values or not-a-number",
            hint="look for what the model divides by, or leave these pixels out of `valid`",
        )
    error, length = end_point_error(answer, right), right.norm(dim=0)
    outlier = (error > OUTLIER_PIXELS) & (error > OUTLIER_SHARE * length)
    columns = [torch.ones_like(error), error, _angle(answer, right)]
    columns += [(error > pixels).double() for pixels in (1, 3, 5)]
    values = torch.stack([*columns, outlier.double()])
    none = torch.zeros_like(counted)
    seen, hidden = (none, none) if occluded is None else (~occluded, occluded)
    groups = [torch.ones_like(counted), length < 10, (length >= 10) & (length < 40), length >= 40, seen, hidden]
    return torch.stack([(values * (group & counted)).sum((1, 2)) for group in groups])


def flow_scores(sums: Sums) -> Float64[Tensor, "*rows 6 6"]:
    """`FLOW_MEASURES` (columns) of each of `FLOW_GROUPS` (rows): the sums divided by the number of pixels."""
    return sums[..., 1:] / sums[..., :1]


def named_flow_scores(images: Float64[Tensor, "N 6 7"]) -> Mapping[str, float]:
    """Every score of a data set under a name that says how it is averaged.

    "epe_pooled" and "epe_per_image" of all pixels, the same for the other measures, and "epe_pooled/40+" and so on for
    the other groups. A group that no image has is left out; the mean over images runs over those that have it.

    Args:
        images: `flow_sums` of each image.
    """
    pooled, single = flow_scores(images.sum(0)), flow_scores(images).nanmean(0)
    named = {}
    for row, group in enumerate(FLOW_GROUPS):
        if not images[:, row, 0].any():
            continue
        suffix = "" if group == "all" else f"/{group}"
        for column, measure in enumerate(FLOW_MEASURES):
            named[f"{measure}_pooled{suffix}"] = float(pooled[row, column])
            named[f"{measure}_per_image{suffix}"] = float(single[row, column])
    return named


def _angle(flow: Float[Tensor, "2 H W"], truth: Float[Tensor, "2 H W"]) -> Float[Tensor, "H W"]:
    # By both the cross and the scalar product: near 0 degrees the arc cosine alone loses half the digits.
    (u, v), (p, q) = flow, truth
    cross = ((v - q).square() + (p - u).square() + (u * q - v * p).square()).sqrt()
    return torch.atan2(cross, u * p + v * q + 1).rad2deg()


def _check_size(flow: Tensor, truth: Tensor) -> None:
    if flow.shape != truth.shape:
        raise InputError(
            f"a flow of the truth's shape {tuple(truth.shape)}",
            str(tuple(flow.shape)),
            hint="compare at the size of the truth; a resized flow must have its vectors scaled, too",
        )
