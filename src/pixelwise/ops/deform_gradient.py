"""How the gradient of blended pixels reaches the pixels, the positions and the masks of a deformable convolution."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pixelwise.ops.deform_samples import Samples


def add_to_pixels(grad_table: Float[Tensor, "B h w C"], samples: Samples, grad_blends: Float[Tensor, "N c"]) -> None:
    """Adds to every pixel the gradients of the blends that read it, each times its weight, in a fixed order.

    Args:
        grad_table: what is added to, in the layout of the bordered table.
        samples: which pixels the blends read.
        grad_blends: of the channels of one offset group, c = C / groups.
    """
    # Not `taps.spread`, which is for sums of any length: four taps each are twice as fast so, with the same bits.
    rows = grad_table.view(-1, grad_blends.shape[1])
    # A stable sort keeps the samples of one pixel in their order, so that the sum is the same each time.
    places, order = samples.places.flatten().sort(stable=True)
    low, high = places[[0, -1]].tolist()
    pixels = torch.arange(low, high + 2, device=places.device, dtype=places.dtype)
    starts = torch.searchsorted(places, pixels)
    blend = order.div(samples.places.shape[1], rounding_mode="floor")
    rows[low : high + 1] += F.embedding_bag(
        blend,
        grad_blends,
        starts,
        mode="sum",
        per_sample_weights=samples.weights().flatten()[order],
        include_last_offset=True,
    )


def sample_gradients(
    samples: Samples, table: Float[Tensor, "B h w C"], grad_blends: Float[Tensor, "N c"]
) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"], Float[Tensor, " N"]]:
    """The gradients of moving each position down, of moving it right, and of its mask.

    The value between four pixels is bilinear, so its slopes are differences of the pixels. On a pixel's row or column,
    where the slope jumps, it is the one towards the larger coordinate.
    """
    top_left, top_right, bottom_left, bottom_right = _pixel_products(samples, table, grad_blends).unbind(1)
    down = torch.lerp(bottom_left - top_left, bottom_right - top_right, samples.right)
    right = torch.lerp(top_right - top_left, bottom_right - bottom_left, samples.down)
    top = torch.lerp(top_left, top_right, samples.right)
    strength = torch.lerp(top, torch.lerp(bottom_left, bottom_right, samples.right), samples.down)
    if samples.strength is not None:
        down, right = down * samples.strength, right * samples.strength
    return down, right, strength


def _pixel_products(samples: Samples, table: Tensor, grad_blends: Tensor) -> Tensor:
    """The product of each of the four pixels with the gradient of their blend, summed over the channels."""
    blends, count = samples.places.shape
    places = samples.places.flatten()
    starts = torch.arange(0, len(places), count, device=places.device, dtype=places.dtype)
    blend = torch.arange(blends, device=places.device, dtype=places.dtype).repeat_interleave(count)
    rows = table.view(-1, grad_blends.shape[1])
    # What autograd calls for the weights of embedding_bag. Called by name, because autograd is off inside a custom
    # operation; gathering the four pixels and multiplying took five times as long.
    products: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        grad_blends, rows, places, starts, blend, 0
    )
    return products.view(blends, count)
