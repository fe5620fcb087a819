"""Where a model looks: attributions of a score to pixels, summarised as the part of them inside the object.

Sources: Sundararajan, Taly, Yan 2017, "Axiomatic Attribution for Deep Networks" (integrated gradients); Zeiler and
Fergus 2014, "Visualizing and Understanding Convolutional Networks" (occlusion). An attribution says what moves a score,
not why; the swap of backgrounds is the test, this is the picture.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pixelwise.audits.intervals import Interval
from pixelwise.audits.shortcuts.cases import Case, Cases
from pixelwise.audits.shortcuts.effects import difference
from pixelwise.data.transforms.compositing import UNKNOWN
from pixelwise.shapes import Image, Images

Score = Callable[[Images], Float[Tensor, " B"]]
"""From images to the one number of each that is to be explained, such as the true class's score, or its mean over an
object's pixels."""

AT_ONCE = 8
"""Points in one batch: as many images as a training batch holds."""

STEPS = 32
"""Points of the path. The sum of the attributions missed the score's change by 1 to 4 % in the middle of 40 scenes, and
by 27 % at worst (networks of experiments/planted_shortcut.py); twice the points take twice the time."""


def integrated_gradients(score: Score, image: Image, steps: int = STEPS) -> Float[Tensor, "H W"]:
    """How much each pixel adds to the score on the way from a grey picture to the image, summed over the channels.

    The path is straight, its integral taken by the midpoint rule. The sum over all pixels is the score of the image
    minus that of the grey picture, but for the rule's error.

    Args:
        score: differentiable.
        image: RGB 0..1.
        steps: points on the path.
    """
    baseline = torch.full_like(image, UNKNOWN)
    change = image - baseline
    places = (torch.arange(steps, device=image.device) + 0.5) / steps
    total = torch.zeros_like(image)
    for part in torch.split(places, AT_ONCE):
        points = (baseline + part[:, None, None, None] * change).requires_grad_()
        total += torch.autograd.grad(score(points).sum(), points)[0].sum(0)
    return (total * change / steps).sum(0)


def occlusion(score: Score, image: Image, window: int) -> Float[Tensor, "H W"]:
    """How much the score falls when the square around a pixel is grey; squares of `window` pixels side by side.

    Args:
        score: need not be differentiable.
        image: RGB 0..1.
        window: side of the squares; those at the right and lower border may be smaller.
    """
    height, width = image.shape[1:]
    falls = torch.zeros(height, width)
    with torch.inference_mode():
        whole = float(score(image[None])[0])
        for top in range(0, height, window):
            for left in range(0, width, window):
                hidden = image.clone()
                hidden[:, top : top + window, left : left + window] = UNKNOWN
                falls[top : top + window, left : left + window] = whole - float(score(hidden[None])[0])
    return falls


def energy_inside(attribution: Float[Tensor, "H W"], mask: Tensor) -> float:
    """The part of an attribution's absolute values that lies inside the mask, 0..1; NaN where it is 0 everywhere."""
    energy = attribution.abs().double()
    total = float(energy.sum())
    return float(energy[mask.to(energy.device)].sum()) / total if total > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class Looking:
    """For each object the part of the attribution inside it, and the part of the picture that it covers.

    A model that looks everywhere alike has as much inside as the object covers.
    """

    inside: Float64[np.ndarray, " N"]
    area: Float64[np.ndarray, " N"]

    def lift(self, rng: np.random.Generator, level: float = 0.95) -> Interval:
        """How much more lies inside objects than their area, with an interval for pairs."""
        return difference(self.inside, self.area, rng, level)


def looking(attribute: Callable[[Case], Float[Tensor, "H W"]], cases: Cases) -> Looking:
    """The part of the attribution inside each object.

    Args:
        attribute: the attribution of one case, such as one of this module's with the score of its class.
        cases: the objects.
    """
    inside = [energy_inside(attribute(case), case.mask) for case in cases.cases]
    area = [float(case.mask.float().mean()) for case in cases.cases]
    return Looking(np.array(inside, dtype=np.float64), np.array(area, dtype=np.float64))
