"""Which image sizes a network accepts, found without computing a pixel."""

import copy

import torch
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.shapes import Size

LARGEST_SEARCH = 1024
"""Sizes tried past the one asked for: twice the coarsest grid in common use (512 px)."""


class AcceptedSizes:
    """Answers for one network, by running its shapes alone on the meta device (no memory, about a millisecond each)."""

    def __init__(self, model: nn.Module, channels: int = 3) -> None:
        # In float32 whatever the weights are: sizes do not depend on the type of the numbers.
        self._model = copy.deepcopy(model).to("meta", torch.float32).eval()
        self._channels = channels
        self._refusal = ""
        self._margin: Size | None = None

    def expect(self, margin: Size) -> None:
        """From now on, sizes whose scores are not smaller by this on each side count as refused.

        Poolings without padding drop the last rows of images that are no multiple of their stride.
        """
        self._margin = margin

    def scores_size(self, size: Size) -> Size | None:
        """Height and width of the scores for an image of this size, or None where the network refuses it.

        Raises:
            InputError: the network returns something else than one tensor (1, K, H, W).
        """
        try:
            with torch.inference_mode():
                scores = self._model(torch.empty(1, self._channels, *size, device="meta"))
        except Exception as refusal:  # any kind: networks refuse sizes by assertions and index errors, too
            self._refusal = f"{type(refusal).__name__}: {str(refusal).partition(chr(10))[0]}"
            return None
        if not isinstance(scores, Tensor) or scores.ndim != 4 or scores.shape[0] != 1:
            kind = f"a tensor {tuple(scores.shape)}" if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
            raise InputError(
                "a network that returns one tensor of scores, (1, K, H, W) for one image",
                f"{kind} from {type(self._model).__name__}",
                "wrap it in a module whose forward returns the scores alone",
            )
        found = scores.shape[-2], scores.shape[-1]
        if self._margin is not None and found != (size[0] - 2 * self._margin[0], size[1] - 2 * self._margin[1]):
            self._refusal = f"scores of {found[0]}x{found[1]} for an image of {size[0]}x{size[1]}"
            return None
        return found if min(found) > 0 else None

    def smallest(self, at_least: Size) -> Size:
        """The smallest accepted size that is not below `at_least` in either direction.

        Raises:
            InputError: none was found up to `LARGEST_SEARCH` pixels more.
        """
        height, width = at_least
        for side in range(max(at_least), max(at_least) + LARGEST_SEARCH):
            if self.scores_size((side, side)) is not None:
                break
        else:
            raise self._refused(f"{height}x{width}")
        # The square's side is right for the longer direction; the other direction may do with less.
        if height < width:
            return next(h for h in range(height, side + 1) if self.scores_size((h, side)) is not None), side
        return side, next(w for w in range(width, side + 1) if self.scores_size((side, w)) is not None)

    def strip(self, thin: Size, axis: int, at_least: int) -> Size:
        """The smallest accepted size that is `at_least` long along one axis and as `thin` across it.

        Raises:
            InputError: none was found up to `LARGEST_SEARCH` pixels more.
        """
        for length in range(at_least, at_least + LARGEST_SEARCH):
            size = (length, thin[1]) if axis == 0 else (thin[0], length)
            if self.scores_size(size) is not None:
                return size
        raise self._refused(f"{at_least}x{thin[1]}" if axis == 0 else f"{thin[0]}x{at_least}")

    def _refused(self, size: str) -> InputError:
        return InputError(
            f"a network that accepts some image size from {size} up",
            f"refusals of {LARGEST_SEARCH} sizes, the last one with {self._refusal}",
            "call the model on an image of that size; constant tensors must be registered as buffers, and its size "
            "must not be fixed",
        )
