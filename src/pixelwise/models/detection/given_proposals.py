"""Proposals that come from outside, checked and brought into the frame in which a network sees its images."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.models.detection.outputs import Frame
from pixelwise.models.detection.propose import clipped, image_limits


def check_proposals(
    proposals: Sequence[Float[Tensor, "_ 4"]], frames: Sequence[Frame], like: Tensor
) -> list[Float[Tensor, "_ 4"]]:
    """The proposals of each image in pixels of the resized one, cut to it, without gradient.

    Args:
        proposals: of each image, in its pixels; possibly none.
        frames: the sizes of the images.
        like: a tensor whose device the proposals take.

    Raises:
        InputError: not one tensor of boxes for each image, or one with a coordinate that is NaN or infinite.
    """
    if len(proposals) != len(frames):
        raise InputError(
            f"proposals for each of {len(frames)} images",
            f"{len(proposals)} tensors",
            hint="pass torch.zeros(0, 4) for an image without proposals",
        )
    for number, boxes in enumerate(proposals):
        if not bool(boxes.isfinite().all()):
            raise InputError(
                "proposals with finite coordinates", f"NaN or infinity in image {number}", hint="leave such boxes out"
            )
    return [
        clipped(
            frame.to_resized(boxes.detach().to(like.device).float()),
            image_limits([frame.resized], boxes)[0].to(like.device),
        )
        for boxes, frame in zip(proposals, frames, strict=True)
    ]
