"""Deep supervision: losses of side outputs beside that of the main one, so that early layers get a signal of their own.

Source: Lee et al. 2015, "Deeply-supervised nets"; for segmentation Zhao et al. 2017 (PSPNet).
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError


def deep_supervision(losses: Sequence[Float[Tensor, ""]], weight: float | int) -> Float[Tensor, ""]:
    """The main loss plus `weight` times the sum of the side losses.

    Usual weights: 0.4 (Zhao et al. 2017, PSPNet, one side loss), 0.5 (the reference training of torchvision's
    segmenters). A single loss comes out as it is.

    Args:
        losses: the main loss first, then those of the side outputs.
        weight: 0 or more.

    Raises:
        InputError: no loss at all, or a negative or infinite weight.
    """
    if not losses:
        raise InputError("a main loss, then side losses", "none", hint="pass one loss per output of the network")
    if not 0 <= weight < float("inf"):
        raise InputError("a weight of side losses of at least 0", str(weight), hint="use 0.4")
    main, *sides = losses
    for side in sides:
        main = main + weight * side
    return main
