"""Weighted sums over rows of a table: what bilinear gathers are made of, with parallel code and autograd from torch."""

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
