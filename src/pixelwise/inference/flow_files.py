"""The files that a flow network leaves for one pair: the motion, and pictures of it."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pixelwise.data.formats.flo import write_flo
from pixelwise.data.formats.kitti import write_kitti_flow
from pixelwise.data.images import read_image
from pixelwise.drawing import flow_with_key, heat_picture, warped_difference, write_picture
from pixelwise.inference.flow_estimator import FlowEstimator
from pixelwise.inference.inputs import Input
from pixelwise.inference.result_files import Outcome, ResultFiles

TRUSTED = 0.5
"""Confidence at which the ways there and back agree within the bound of Sundaram et al. 2010."""


def flow_files(predictor: FlowEstimator, kitti: bool = False) -> ResultFiles:
    """NAME.flo and three pictures; on request NAME.kitti.png, the motion in 16 bits.

    NAME.flow.png shows the motion in colours with their key, NAME.warped.png what it leaves unexplained, and
    NAME.confidence.png where the motion back agrees with it.
    """
    endings = (".flo", ".flow.png", ".warped.png", ".confidence.png", *([".kitti.png"] if kitti else []))
    return ResultFiles(endings, partial(_write_one, predictor), {})


def _write_one(
    predictor: FlowEstimator, source: Input, files: Mapping[str, Path], _: Callable[[int, int], None] | None
) -> Outcome:
    """Writes the files of one pair, by their endings."""
    assert source.second is not None, "find_pairs has found pairs"
    first, second = read_image(source.path), read_image(source.second)
    result = predictor.predict(first, second, confidence=True)
    assert result.confidence is not None, "it was asked for"
    vectors = np.ascontiguousarray(result.vectors.permute(1, 2, 0).numpy())
    files[".flo"].parent.mkdir(parents=True, exist_ok=True)
    if ".kitti.png" in files:
        write_kitti_flow(files[".kitti.png"], vectors, np.ones(vectors.shape[:2], dtype=bool))
    write_picture(files[".flow.png"], flow_with_key(result.vectors))
    write_picture(files[".warped.png"], warped_difference(first, second, result.vectors))
    write_picture(files[".confidence.png"], heat_picture(result.confidence.numpy(), 0, 1))
    write_flo(files[".flo"], vectors)
    length = result.vectors.norm(dim=0)
    trusted = float((result.confidence >= TRUSTED).to(torch.float64).mean())
    return Outcome(
        f"motion {float(length.mean()):.2f} px on average, {float(length.max()):.1f} px at most; "
        f"{trusted:.0%} of pixels agree with the way back"
    )
