"""A copy of a network to experiment on along one axis: in float64, on the CPU, on thin strips of random pixels."""

import copy

import torch
from torch import Tensor, nn

from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.errors import InputError
from pixelwise.shapes import Size


def double_twin(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode, in float64 on the CPU; the network itself stays as it is.

    Weights that are all zero get small random values: a last layer that starts at zero would make every network look
    constant.
    """
    # float64 exists on every CPU, and on some accelerators only.
    twin = copy.deepcopy(model).to("cpu", torch.float64).eval()
    draws = torch.Generator().manual_seed(0)
    for weight in twin.parameters():
        if weight.is_floating_point() and not weight.any():
            weight.data = torch.empty_like(weight).normal_(std=0.1, generator=draws)
    return twin


class Probe:
    """Runs the copy on strips whose last dimension is the axis under study, whichever of the two that is."""

    def __init__(
        self, twin: nn.Module, sizes: AcceptedSizes, thin: Size, axis: int, margin: int, channels: int
    ) -> None:
        """Chooses the axis.

        Args:
            twin: the copy of the network.
            sizes: the image sizes it accepts.
            thin: the smallest of them, which says how thick strips are.
            axis: 0 along the height, 1 along the width.
            margin: pixels that the scores are smaller than the image at each end of the axis.
            channels: channels of the image.
        """
        self.margin = margin
        self._twin = twin
        self._sizes = sizes
        self._thin = thin
        self._axis = axis
        self._channels = channels
        self._plain: dict[int, tuple[Tensor, Tensor]] = {}

    def length(self, at_least: int) -> int:
        """The smallest accepted length of a strip from `at_least` up."""
        return self._sizes.strip(self._thin, self._axis, at_least)[self._axis]

    def pixels(self, length: int, seed: int = 0) -> Tensor:
        """Random pixels 0..1, (1, C, thin, length)."""
        draws = torch.Generator().manual_seed(seed)
        return torch.rand(1, self._channels, self._thin[1 - self._axis], length, dtype=torch.float64, generator=draws)

    def plain(self, length: int) -> tuple[Tensor, Tensor]:
        """Random pixels of this length and their scores, computed once: several measurements compare with them.

        Raises:
            InputError: a score is NaN.
        """
        if length not in self._plain:
            pixels = self.pixels(length)
            scores = self.scores(pixels)
            if scores.isnan().any():
                raise InputError(
                    "a network whose scores are numbers",
                    "NaN for an image of random pixels",
                    "look for NaN in its weights",
                )
            self._plain[length] = pixels, scores
        return self._plain[length]

    @torch.inference_mode()
    def scores(self, pixels: Tensor) -> Tensor:
        """The scores of a strip: all values of one position in a column, (K * thin, length - 2 margin).

        Raises:
            InputError: the network does not run in float64, or its scores are not as large as its margin says.
        """
        images = pixels if self._axis == 1 else pixels.mT.contiguous()
        try:
            scores: Tensor = self._twin(images)
        except Exception as error:  # a network can fail in any way
            raise InputError(
                "a network that also runs in float64 on the CPU, where it is measured",
                f"{type(error).__name__}: {str(error).partition(chr(10))[0]}",
                "inside the network follow the weights, x.to(weight.device, weight.dtype), not a fixed device or type",
            ) from error
        oriented = scores if self._axis == 1 else scores.mT
        if oriented.shape[-1] != pixels.shape[-1] - 2 * self.margin:
            raise InputError(
                "a network whose scores are as large as its image, or smaller by the same margin on each side",
                f"scores of {scores.shape[-2]}x{scores.shape[-1]} for an image of {images.shape[-2]}x"
                f"{images.shape[-1]}",
                "resize or crop the scores to the image's size inside the network",
            )
        return oriented.flatten(0, -2)
