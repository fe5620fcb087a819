"""Motion: sums of end-point errors over the pixels of each image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.audits.statistics.judge import UnusableError
from pixelwise.audits.statistics.samples import Sample
from pixelwise.audits.statistics.table import Task
from pixelwise.errors import InputError
from pixelwise.metrics import FLOW_GROUPS, FLOW_SUMS, flow_sums

Sums = Float64[np.ndarray, " S"]


class FlowJudge:
    """Keeps the array `sums` (N, 7): `pixelwise.metrics.FLOW_SUMS` over all pixels of each image with known motion.

    An answer is a flow (2, H, W), or a record that has one as `flow`. An error cannot be invented for an image without
    an answer, so its sums are 0 and it counts in "answered" alone.
    """

    task: Task = "flow"
    classes: tuple[str, ...] = ()

    def judge(self, sample: Sample, answer: Any) -> Sums:
        """The sums of one image.

        Raises:
            UnusableError: no flow, another size, or NaN where the motion is known.
            InputError: the truth is no flow.
        """
        truth = sample.read_truth()
        if not isinstance(truth, Tensor) or truth.ndim != 3 or len(truth) != 2:
            raise InputError(
                f"a flow (2, H, W) as the truth of {sample.name}", f"{type(truth).__name__}", hint="see Sample"
            )
        found = getattr(answer, "flow", answer)
        if not isinstance(found, Tensor | np.ndarray):
            raise UnusableError(f"{type(answer).__name__} is no flow")
        flow = torch.as_tensor(found).detach().cpu()
        if flow.shape != truth.shape or not flow.is_floating_point():
            raise UnusableError(f"a flow {tuple(flow.shape)} of {flow.dtype} for frames of {tuple(truth.shape[1:])}")
        try:
            sums = flow_sums(flow, truth)
        except InputError as problem:
            raise UnusableError(problem.got) from problem
        return sums[FLOW_GROUPS.index("all")].numpy()

    def unanswered(self, sample: Sample) -> Sums:
        """No pixels."""
        return np.zeros(len(FLOW_SUMS))

    def arrays(self, rows: Sequence[Sums]) -> dict[str, NDArray[Any]]:
        """The sums of all images."""
        return {"sums": np.stack(rows)}
