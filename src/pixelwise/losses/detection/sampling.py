"""Which of the matched boxes a loss asks about: a fixed number, with at most a share of objects among them.

Nearly all anchors are background, and a loss over all of them would teach nothing else (Girshick 2015, section 2.3;
Ren et al. 2015, section 3.1.3).
"""

from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.matching import BELOW


class Sampling(NamedTuple):
    """How boxes are matched with true ones and drawn, for one image."""

    number: int
    """Boxes drawn at most."""
    share: float
    """Of objects among them, at most."""
    high: float
    """Least intersection over union of an object."""
    low: float
    """Intersection over union below which a box is background; between the two it is left out."""
    least: float = 0.0
    """Background must overlap a true box at least so much: Fast R-CNN's search for hard examples takes 0.1."""


REGIONS = Sampling(256, 0.5, 0.7, 0.3)
"""Of anchors (Ren et al. 2015, sections 3.1.2 and 3.1.3)."""

PROPOSALS = Sampling(512, 0.25, 0.5, 0.5)
"""Of proposals, for Faster and Mask R-CNN (Lin et al. 2017, section 5.2; He et al. 2017, section 3.1)."""

FAST_PROPOSALS = Sampling(64, 0.25, 0.5, 0.5, least=0.1)
"""Of proposals, for Fast R-CNN (Girshick 2015, section 2.3: 128 from two images)."""

WINDOWS = Sampling(128, 0.25, 0.5, 0.5)
"""Of proposals, for R-CNN (Girshick et al. 2014, section 2.3: 32 objects and 96 of background)."""


class Drawn(NamedTuple):
    """The boxes a loss asks about."""

    positive: Int64[Tensor, " P"]
    """Places of those with an object."""
    negative: Int64[Tensor, " M"]
    """Places of those without."""


def draw_boxes(
    matches: Int64[Tensor, " N"], count: int, share: float | int, generator: torch.Generator | None = None
) -> Drawn:
    """Places of boxes drawn by lot: objects first, up to their share, then background until there are `count`.

    Where one kind is rare the other does not fill its place among objects; background fills every place that objects
    leave. Objects are drawn before background, as in torchvision, so that the same random
    state gives the same boxes as there.

    Args:
        matches: of `pixelwise.ops.match_boxes`: numbers of true boxes, `BELOW` for background, others left out.
        count: boxes at most.
        share: of objects, at most.
        generator: where the draws come from; a generator of another device draws there, so that one on the CPU gives
            the same boxes on every device. None is torch's own.

    Raises:
        InputError: a negative count, or a share outside 0..1.

    >>> drawn = draw_boxes(torch.tensor([-1, 0, -2, -1, 3]), count=3, share=0.5)
    >>> len(drawn.positive), drawn.negative.tolist() in ([0, 3], [3, 0])
    (1, True)
    """
    if count < 0 or not 0 <= share <= 1:
        raise InputError(
            "a count of at least 0 and a share from 0 to 1", f"{count} and {share}", hint="256 and 0.5 are usual"
        )
    objects, background = (mark.nonzero().squeeze(1) for mark in (matches >= 0, matches == BELOW))
    positive = _some(objects, int(count * share), generator)
    return Drawn(positive, _some(background, count - len(positive), generator))


def _some(places: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    device = places.device if generator is None else generator.device
    return places[torch.randperm(len(places), generator=generator, device=device)[:count].to(places.device)]
