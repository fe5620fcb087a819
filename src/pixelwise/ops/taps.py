"""Weighted sums over rows of a table: what bilinear gathers are made of, with parallel code and autograd from torch."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor


def blend_rows(
    table: Float[Tensor, "P C"], places: Integer[Tensor, "M T"], weights: Float[Tensor, "M T"]
) -> Float[Tensor, "M C"]:
    """For each of M results the sum of T rows of the table, each times its weight.

    Differentiable in the table and the weights, once. The gradient of the table is summed in a fixed order.

    Args:
        table: one row per pixel, such as images in channels-last order flattened over batch, height and width.
        places: rows of the table, 0 <= place < P, as int32 or int64; T may be 0, which gives zeros.
        weights: of the table's dtype; a tap that shall not count has weight 0 and any valid place.
    """
    if not places.shape[1]:  # embedding_bag refuses it
        return table.new_zeros((places.shape[0], table.shape[1]))
    return F.embedding_bag(places, table, mode="sum", per_sample_weights=weights)


def spread_rows(
    rows: Float[Tensor, "M C"],
    places: Integer[Tensor, "M T"],
    weights: Float[Tensor, "M T"],
    table: Float[Tensor, "P C"],
) -> None:
    """Adds to each row of the table the weighted sum of the results that read it: the transpose of `blend_rows`.

    Each sum runs in the order of the results, on every device. Several times as fast as the gradient that torch
    derives for `blend_rows`, because the taps are sorted by place and then summed like any others.

    Args:
        rows: the gradient of each result.
        places: as given to `blend_rows`; int32 sorts twice as fast as int64.
        weights: as given to `blend_rows`; taps of weight 0 add nothing, and cost nothing in main memory.
        table: the gradient of the table, changed in place.
    """
    if table.device.type != "cpu":
        table += _sums_for_all(rows, places, weights, len(table))
        return
    used = weights.flatten().nonzero().squeeze(1).to(places.dtype)
    touched, order = places.flatten().index_select(0, used).sort(stable=True)
    used = used.index_select(0, order)
    # Only rows that are read become sums: with many empty ones the threads' shares of the work would be uneven.
    touched, counts = torch.unique_consecutive(touched, return_counts=True)
    sums = F.embedding_bag(
        used // max(1, places.shape[1]),
        rows,
        F.pad(counts.cumsum(0), (1, 0)).to(places.dtype),
        mode="sum",
        per_sample_weights=weights.flatten().index_select(0, used),
        include_last_offset=True,
    )
    table.index_add_(0, touched, sums)


def summed_rows(
    rows: Float[Tensor, "M C"], places: Integer[Tensor, "M T"], weights: Float[Tensor, "M T"], pixels: int
) -> Float[Tensor, "P C"]:
    """What `spread_rows` adds, as a new table of so many rows."""
    if rows.device.type != "cpu":
        return _sums_for_all(rows, places, weights, pixels)
    table = rows.new_zeros(pixels, rows.shape[1])
    spread_rows(rows, places, weights, table)
    return table


def _sums_for_all(rows: Tensor, places: Tensor, weights: Tensor, pixels: int) -> Tensor:
    """The sums for every row of the table, empty ones too: no step has to wait for the device to count them."""
    # Taps without weight go to a row beyond the table, as 0 times an infinite gradient would be NaN.
    touched, order = places.where(weights != 0, pixels).flatten().sort(stable=True)
    order = order.to(places.dtype)
    every = torch.arange(pixels + 2, dtype=places.dtype, device=places.device)
    sums = F.embedding_bag(
        order // max(1, places.shape[1]),
        rows,
        torch.searchsorted(touched, every, out_int32=places.dtype == torch.int32),
        mode="sum",
        per_sample_weights=weights.flatten().index_select(0, order),
        include_last_offset=True,
    )
    return sums[:pixels]
