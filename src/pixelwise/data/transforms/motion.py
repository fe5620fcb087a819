"""Flow vectors seen through a drawn geometry: both ends of each vector move, so its length and direction change."""

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from pixelwise.data.transforms.geometry import Move, read
from pixelwise.ops.warp import pixel_centres, sample_at
from pixelwise.shapes import Flow, Mask

STEPS = 10
"""At most, of the search for a vector's end; each shrinks the error unless the displacement folds the picture."""

SETTLED = 0.01
"""Pixels: an end that moves less than this is found; errors of flow methods are told apart by tenths of pixels."""


def move_flow(move: Move, flow: Flow, valid: Mask | None) -> tuple[Float[Tensor, "2 h w"], Bool[Tensor, "h w"]]:
    """The flow between the moved images, and where it is known; 0 where it is not.

    The vector at a crop pixel is that of the image pixel it shows (never a blend: two motions on either side of an
    edge have no mean), mapped by the linear part of the move; an elastic move takes the displaced end minus the
    start. Unknown are pixels from outside the image, pixels that were not valid or not finite, and elastic ends that
    cannot be found because the picture folds there. Vectors may end outside the crop.
    """
    vectors = read(move, flow, "nearest", "constant", torch.nan)
    known = vectors.isfinite().all(0)
    if valid is not None:
        known &= read(move, valid[None], "nearest", "constant")[0]
    vectors = vectors.where(known, 0).double()
    if move.displacement is None:
        moved = torch.einsum("ij,jhw->ihw", move.forward.to(flow.device), vectors)
    else:
        moved, found = _displaced(move, vectors)
        known = known & found
    return moved.where(known, 0).to(flow.dtype), known


def _displaced(move: Move, vectors: Float64[Tensor, "2 h w"]) -> tuple[Float64[Tensor, "2 h w"], Bool[Tensor, "h w"]]:
    """Where each vector ends in the crop minus where it starts, and whether that place was found.

    The end q solves centre + matrix (q - crop centre) + displacement(q) = end in the image, by repeated substitution.
    Outside the crop the displacement continues as its mirror image: any smooth continuation will do, since nothing is
    shown there.
    """
    device = vectors.device
    displacement = move.displacement
    assert displacement is not None
    displacement = displacement.to(device)
    centre, crop_centre = move.centre[:, None, None].to(device), move.crop_centre[:, None, None].to(device)
    forward = move.forward.to(device)
    start = pixel_centres(*move.size, like=vectors)
    target = move.places.to(device) + vectors - centre
    end, change = start, torch.full_like(start, torch.inf)
    for _ in range(STEPS):
        shift = sample_at(displacement[None], end[None])[0][0]
        further = crop_centre + torch.einsum("ij,jhw->ihw", forward, target - shift)
        end, change = further, further - end
        if float(change.abs().amax()) < SETTLED:
            break
    return end - start, (change.abs() < SETTLED).all(0)
