"""The end-point error of flow, which losses and metrics share."""

from jaxtyping import Float
from torch import Tensor


def end_point_error(
    flow: Float[Tensor, "*batch 2 H W"], truth: Float[Tensor, "*batch 2 H W"]
) -> Float[Tensor, "*batch H W"]:
    """The length of flow - truth at each place, in their unit; where they are equal its gradient is 0, not a NaN.

    Source: Otte and Nagel 1994; the usual error of Baker et al. 2011, section 4.1.
    """
    squared = (flow - truth).square().sum(-3)
    same = squared == 0
    return squared.masked_fill(same, 1).sqrt().masked_fill(same, 0)
