"""Features and results as tables with one row per pixel or bin, all channels side by side, from and to any layout."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor


def is_channels_last(features: Float[Tensor, "B C H W"]) -> bool:
    """Whether the channels of a pixel lie side by side; a tensor that is also contiguous counts as that."""
    return not features.is_contiguous() and features.is_contiguous(memory_format=torch.channels_last)


def pixel_table(features: Float[Tensor, "B C H W"], dtype: torch.dtype) -> Float[Tensor, "P C"]:
    """One row per pixel, in the order image, row, column; a view where layout and dtype allow it."""
    batch, channels, height, width = features.shape
    if features.is_contiguous(memory_format=torch.channels_last):
        return features.permute(0, 2, 3, 1).reshape(-1, channels).to(dtype)
    table = features.new_empty((batch, height * width, channels), dtype=dtype)
    for image, rows in zip(features, table, strict=True):
        # torch transposes plain matrices in blocks, three times as fast as it permutes a batch.
        rows.copy_(image.to(dtype).reshape(channels, height * width).t())
    return table.flatten(0, 1)


def features_from_table(
    table: Float[Tensor, "P C"], shape: Sequence[int], like: torch.dtype, channels_last: bool
) -> Float[Tensor, "B C H W"]:
    """The table as features of the given shape: the inverse of `pixel_table`."""
    batch, channels, height, width = shape
    table = table.to(like).view(batch, height * width, channels)
    if channels_last:
        return table.view(batch, height, width, channels).permute(0, 3, 1, 2)
    features = table.new_empty(shape)
    for image, rows in zip(features, table, strict=True):
        image.view(channels, height * width).copy_(rows.t())
    return features


def bin_rows(taps: Shaped[Tensor, "N bins T"], channels_last: bool) -> Shaped[Tensor, "M T"]:
    """One row per bin, in the order in which results of this memory format are made.

    That is region, bin for channels-last results, and bin, region for others: putting those in place is then one
    plain transpose.
    """
    return taps.flatten(0, 1) if channels_last else taps.transpose(0, 1).flatten(0, 1)


def put_bins(
    rows: Float[Tensor, "M C"], out: Float[Tensor, "K C h w"], part: slice | Integer[Tensor, " N"], channels_last: bool
) -> None:
    """Writes the bins of some regions into `out`.

    Args:
        rows: one per bin, in the order of `bin_rows`.
        out: the bins of all regions.
        part: which regions.
        channels_last: the memory format of `out`.
    """
    _, channels, height, width = out.shape
    number = len(rows) // (height * width)
    if channels_last:
        out[part] = rows.view(number, height, width, channels).permute(0, 3, 1, 2).to(out.dtype)
        return
    values = out[part] if isinstance(part, slice) else torch.empty_like(out[:number])
    values.view(number * channels, height * width).copy_(rows.to(out.dtype).view(height * width, -1).t())
    if not isinstance(part, slice):
        out[part] = values


def rows_from_bins(values: Float[Tensor, "N C h w"], dtype: torch.dtype, channels_last: bool) -> Float[Tensor, "M C"]:
    """One row per bin in the order of `bin_rows`."""
    channels = values.shape[1]
    values = values.to(dtype)
    if channels_last:
        return values.permute(0, 2, 3, 1).reshape(-1, channels)
    matrix = values.reshape(values.shape[0] * channels, -1)
    return matrix.t().contiguous().view(-1, channels)
