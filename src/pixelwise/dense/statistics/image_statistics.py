"""Means, variances and maxima of each channel over an image that is seen in parts."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

BAND = 2**20
"""Values turned into float64 at a time: 8 MB, little beside any tile."""


@dataclass(frozen=True)
class ChannelStatistics:
    """What is known of the cells seen so far, per channel, in float64.

    Attributes:
        count: the number of cells.
        mean: their mean.
        squares: the sum of their squared distances from the mean.
        largest: the largest.
    """

    count: int
    mean: Float[Tensor, " C"]
    squares: Float[Tensor, " C"]
    largest: Float[Tensor, " C"]

    def merged(self, other: "ChannelStatistics") -> "ChannelStatistics":
        """The statistics of the cells of both.

        Nothing cancels, however large the mean is against the spread: Chan, Golub and LeVeque 1979, equation 2.1.
        """
        count = self.count + other.count
        apart = other.mean - self.mean
        return ChannelStatistics(
            count,
            self.mean + apart * (other.count / count),
            self.squares + other.squares + apart.square() * (self.count * other.count / count),
            torch.maximum(self.largest, other.largest),
        )

    def moments(self, groups: int | None = None) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
        """Mean and variance (over the count) of each channel, or of the group of channels it belongs to.

        Args:
            groups: number of groups of neighbouring channels, as in GroupNorm; None for one per channel.
        """
        variance = self.squares / self.count
        if groups is None:
            return self.mean, variance
        means = self.mean.reshape(groups, -1)
        mean = means.mean(1, keepdim=True)
        together = variance.reshape(groups, -1).mean(1, keepdim=True) + means.var(1, correction=0, keepdim=True)
        return mean.expand_as(means).flatten(), together.expand_as(means).flatten()


def channel_statistics(features: Float[Tensor, "1 C h w"]) -> ChannelStatistics | None:
    """The statistics of features of any number type; None where there are no cells."""
    channels, columns = features.shape[1], features.shape[3]
    found = None
    for band in torch.split(features, max(1, BAND // max(1, channels * columns)), dim=2):
        if band.numel() == 0:
            continue
        # Accelerators without float64 leave the sums to the CPU.
        place = "cpu" if band.device.type == "mps" else band.device
        values = band[0].to(place, torch.float64).flatten(1)
        mean = values.mean(1)
        squares = (values - mean[:, None]).square_().sum(1)
        part = ChannelStatistics(values.shape[1], mean, squares, values.amax(1))
        found = part if found is None else found.merged(part)
    return found
