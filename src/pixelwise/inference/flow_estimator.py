"""A trained flow network, ready to be asked: two images in, the motion of every pixel out."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn

from pixelwise.data.images import read_image
from pixelwise.errors import InputError
from pixelwise.inference.any_image import AnyImage, as_image
from pixelwise.inference.faster import Precision
from pixelwise.inference.run_folder import build_network, load_weights
from pixelwise.inference.run_record import RunRecord
from pixelwise.inference.use import Use
from pixelwise.models.flow.outputs import pixel_flow
from pixelwise.models.normalise import NormalisedPair, channels_last
from pixelwise.ops.consistency import flow_confidence
from pixelwise.results import Flow
from pixelwise.shapes import Image


class FlowEstimator:
    """A trained flow network with its scaling."""

    def __init__(self, model: NormalisedPair, record: RunRecord, precision: str = "32") -> None:
        """Takes the network over and puts it into evaluation mode.

        Args:
            model: the trained network.
            record: what run.json says of it.
            precision: "32" or "bf16".

        Raises:
            InputError: another precision.
        """
        if precision not in get_args(Precision):
            raise InputError("a precision of 32 or bf16", repr(precision), "leave it out for 32")
        self.record = record
        self.model = channels_last(model.eval())
        self.precision = precision

    @property
    def network(self) -> nn.Module:
        """The network whose weights the run folder holds."""
        return self.model.model

    def predict(self, first: AnyImage, second: AnyImage, confidence: bool = False) -> Flow:
        """Where every pixel of the first image is in the second.

        Args:
            first: a path; a tensor (3, H, W) with values 0..1; or an array (H, W, 3), uint8 or float 0..1.
            second: the same, of the same size.
            confidence: also compute the flow back, and how well the two agree.

        Raises:
            InputError: a file cannot be read, an array is no RGB image, or the sizes differ.
        """
        pair = [read_image(Path(each)) if isinstance(each, str | Path) else as_image(each) for each in (first, second)]
        if pair[0].shape != pair[1].shape:
            sizes = [f"{image.shape[-2]}x{image.shape[-1]}" for image in pair]
            raise InputError("two images of one size", " and ".join(sizes), "cut or resize them first, both alike")
        forward = self._flow(pair[0], pair[1])
        if not confidence:
            return Flow(forward)
        backward = self._flow(pair[1], pair[0])
        return Flow(forward, flow_confidence(forward[None], backward[None])[0])

    def _flow(self, first: Image, second: Image) -> Tensor:
        # A plain no_grad: tensors made under inference_mode could not be used in a user's own training.
        with torch.no_grad(), self._arithmetic():
            flows = self.model(first[None], second[None])
        return pixel_flow(tuple(flow.float() for flow in flows), (first.shape[-2], first.shape[-1]))[0]

    def _arithmetic(self) -> AbstractContextManager[object]:
        device = next(self.model.parameters()).device.type
        return torch.autocast(device, torch.bfloat16) if self.precision == "bf16" else nullcontext()


def build_flow_model(record: RunRecord, device: str = "cpu") -> NormalisedPair:
    """The untrained flow network that a record describes, the scaling of its input included.

    Args:
        record: what run.json says.
        device: "meta" makes a network without numbers, to be filled by `load_weights`.

    Raises:
        InputError: the catalog has no such model, or the builder does not take those settings.
    """
    return NormalisedPair(build_network(record, device), record.mean, record.std)


def open_flow_estimator(run: Path, record: RunRecord, use: Use) -> FlowEstimator:
    """The flow estimator of a run folder.

    Raises:
        InputError: no weights, those of another network, or tiles, which would cut motions off.
    """
    if use.tile is not None:
        raise InputError("no tiles for flow", f"tile = {use.tile}", "leave it out: motion reaches across any tile")
    model = build_flow_model(record, "meta")
    load_weights(run, model.model)
    return FlowEstimator(model, record, use.precision)
