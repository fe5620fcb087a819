"""Different large images that all shrink to the same small one: what a super-resolver had to choose between.

A small image fixes only part of a large one. Whoever shows one large image shows a choice; these are others, each as
good an explanation of the input, made to look like any picture one likes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pixelwise.audits.superres_honesty.shrinking import Shrinking
from pixelwise.errors import InputError

LEVELS = 255
"""Deviations are told in levels of 8-bit images: below 0.5 the rounded small images are the same but for ties."""

CLOSE = 0.25
"""Levels at which an explanation is good enough: half of what rounding to 8 bits moves."""

ROUNDS = 500
"""Scenes of Pasture come as close within about ten; the rest is for inputs at the ends of 0..1."""


@dataclass(frozen=True, eq=False)
class Explanations:
    """Large images (K, C, H, W) in 0..1, and how far each one, made small, is from the input, in levels (K,)."""

    images: Float64[Tensor, "K C H W"]
    off: Float64[Tensor, " K"]

    def good(self, levels: float = 0.5) -> Float64[Tensor, "N C H W"]:
        """Those that explain the input but for rounding."""
        return self.images[self.off <= levels]


def explain(
    small: Float[Tensor, "channels h w"], towards: Float[Tensor, "K C H W"], way: Shrinking, rounds: int = ROUNDS
) -> Explanations:
    """For each picture a large image close to it, in least squares, that shrinks to the small one and lies in 0..1.

    By alternating projections (Dykstra 1983) between the images that shrink to the small one and those in 0..1, ended
    when all are close enough. The last step is into 0..1, so that `off` says how much is missing to the small one;
    more rounds do not mend it where no large image in 0..1 has that small one, as may happen to sharpened inputs.

    Args:
        small: the input, in 0..1.
        towards: pictures the explanations should look like.
        way: how large images become small.
        rounds: at most so many.

    Raises:
        InputError: sizes that do not fit, or values that are not numbers in 0..1.
    """
    _check(small, towards, way)
    wanted = small.double()
    images = towards.double()
    corrections = torch.zeros_like(images)
    for _ in range(rounds):
        exact = images - way.plainest(way.down(images) - wanted)
        images = (exact + corrections).clamp(0, 1)
        corrections = exact + corrections - images
        off = LEVELS * (way.down(images) - wanted).abs().flatten(1).amax(1)
        if bool((off <= CLOSE).all()):
            break
    return Explanations(images, off)


def peak_ratios(images: Float[Tensor, "K C H W"]) -> Float64[Tensor, " pairs"]:
    """PSNR in dB of every pair of images in 0..1, the difference taken over all channels; inf for equal ones.

    20 is a difference plain to see, 40 one that is hard to see.
    """
    first, second = torch.triu_indices(len(images), len(images), offset=1)
    squares = (images.double()[first] - images.double()[second]).square().flatten(1).mean(1)
    return -10 * squares.log10()


def _check(small: Tensor, towards: Tensor, way: Shrinking) -> None:
    height, width = way.size
    made = (way.rows.shape[0], way.columns.shape[0])
    if tuple(towards.shape[-2:]) != way.size or tuple(small.shape[-2:]) != made or small.shape[0] != towards.shape[1]:
        raise InputError(
            f"pictures of {height}x{width} and a small image of {made[0]}x{made[1]}, with as many channels",
            f"{tuple(towards.shape)} and {tuple(small.shape)}",
            hint="build the shrinking for the size of the large images",
        )
    for name, images in (("small image", small), ("pictures", towards)):
        # Not within 0..1 also where a value is NaN.
        if not bool(((images >= 0) & (images <= 1)).all()):
            raise InputError(
                f"a {name} with values in 0..1", "others", hint="divide bytes by 255; clamp overshoot first"
            )
