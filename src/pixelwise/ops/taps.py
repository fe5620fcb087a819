"""Weighted sums over rows of a table: what bilinear gathers are made of, with parallel code from torch."""

from dataclasses import dataclass

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
        places: rows of the table, 0 <= place < P; T may be 0, which gives zeros.
        weights: of the table's dtype; a tap that shall not count has weight 0 and any valid place.
    """
    return F.embedding_bag(places, table, mode="sum", per_sample_weights=weights)


@dataclass(frozen=True)
class Taps:
    """Weighted sums of different lengths: result m adds up the taps from `offsets[m]` to `offsets[m + 1]`."""

    places: Integer[Tensor, " taps"]
    weights: Float[Tensor, " taps"]
    offsets: Integer[Tensor, " results_and_one"]


def blend(table: Float[Tensor, "P C"], taps: Taps) -> Float[Tensor, "M C"]:
    """For each result the sum of its rows of the table, each times its weight; zeros where it has no taps.

    Not differentiable: `spread` is its transpose.
    """
    return F.embedding_bag(
        taps.places, table, taps.offsets, mode="sum", per_sample_weights=taps.weights, include_last_offset=True
    )


def spread(rows: Float[Tensor, "M C"], taps: Taps, table: Float[Tensor, "P C"]) -> None:
    """Adds to each row of the table the weighted sum of the results that read it: the transpose of `blend`.

    Each sum runs in the order of the results, on every device.

    Args:
        rows: the gradient of each result.
        taps: what `blend` read.
        table: the gradient of the table, changed in place.
    """
    used = taps.weights.nonzero().squeeze(1)
    places, sorting = taps.places[used].sort(stable=True)
    used = used[sorting]
    results = torch.searchsorted(taps.offsets, used, right=True) - 1
    touched, counts = places.unique_consecutive(return_counts=True)
    # Only rows that are read become sums: with many empty ones the threads' shares of the work would be uneven.
    sums = blend(rows, Taps(results, taps.weights[used], F.pad(counts.cumsum(0), (1, 0))))
    table.index_add_(0, touched, sums)
