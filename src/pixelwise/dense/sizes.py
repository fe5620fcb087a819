"""Which image sizes a network accepts, found without computing a pixel."""

import copy

import torch
from torch import nn

from pixelwise.errors import InputError
from pixelwise.shapes import Size

LARGEST_SEARCH = 1024
"""Sizes tried past the one asked for: twice the coarsest grid in common use (512 px)."""


class AcceptedSizes:
    """Answers for one network, by running its shapes alone on the meta device (no memory, about a millisecond each)."""

    def __init__(self, model: nn.Module, channels: int = 3) -> None:
        self._model = copy.deepcopy(model).to("meta").eval()
        self._channels = channels

    def scores_size(self, size: Size) -> Size | None:
        """Height and width of the scores for an image of this size, or None where the network refuses it."""
        try:
            with torch.inference_mode():
                scores = self._model(torch.empty(1, self._channels, *size, device="meta"))
        except (RuntimeError, ValueError):  # what torch's own shape checks and InputError raise
            return None
        height, width = scores.shape[-2:]
        return (height, width) if height > 0 and width > 0 else None

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
            raise InputError(
                f"a network that accepts some image size from {height}x{width} up",
                f"refusals up to {max(at_least) + LARGEST_SEARCH} pixels",
                "call the model on an image of that size to see its own error",
            )
        # The square's side is right for the longer direction; the other direction may do with less.
        if height < width:
            return next(h for h in range(height, side + 1) if self.scores_size((h, side)) is not None), side
        return side, next(w for w in range(width, side + 1) if self.scores_size((side, w)) is not None)
