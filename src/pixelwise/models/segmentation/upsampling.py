"""From coarse scores to scores of every pixel: interpolated, learned, or computed for every shift of the image.

Source: Long, Shelhamer, Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation", sections 3.2 and 3.3.
"""

from typing import Literal, get_args

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.dense import densify
from pixelwise.errors import InputError
from pixelwise.ops import bilinear_kernel, read_window
from pixelwise.shapes import Images, Scores

Upsampling = Literal["bilinear", "learned", "shift_and_stitch"]
"""How a network whose scores are coarser than its image gets to the scores of every pixel."""


def check_upsampling(kind: str) -> None:
    """Raises on a word that names no upsampling.

    Raises:
        InputError: `kind` is none of the three.
    """
    if kind not in get_args(Upsampling):
        raise InputError(
            'upsampling "bilinear", "learned" or "shift_and_stitch"', repr(kind), 'leave it out for "learned"'
        )


class Upsample(nn.Module):
    """Scores `factor` times as large, each cell's score at the centre of the pixels it stands for.

    Both kinds start as bilinear interpolation that repeats the edge, and agree to rounding. "learned" is a transposed
    convolution whose kernels are trained. Its input is extended by one cell of its own edge and its output cropped
    by as much, as the plain one fades to 0 within factor / 2 pixels of the border.

    Differs from the paper: one kernel per class instead of one for each pair of classes, of which those between
    different classes start at 0 there.
    """

    def __init__(self, channels: int, factor: int, kind: Literal["bilinear", "learned"] = "learned") -> None:
        """Builds the kernels of the learned kind.

        Args:
            channels: score maps.
            factor: how many times as large the result is.
            kind: "bilinear" has no weights.
        """
        super().__init__()
        self.factor = factor
        self.weight = nn.Parameter(bilinear_kernel(factor, channels)) if kind == "learned" else None

    def forward(self, scores: Float[Tensor, "B K h w"]) -> Scores:
        """The larger scores; height and width are `factor` times those given."""
        if self.weight is None:
            return F.interpolate(scores, scale_factor=self.factor, mode="bilinear", align_corners=False)
        edged = F.pad(scores, (1, 1, 1, 1), mode="replicate")
        # Half a kernel, and the cell by which the input was extended.
        cut = self.factor // 2 + self.factor
        return F.conv_transpose2d(edged, self.weight, stride=self.factor, padding=cut, groups=scores.shape[1])

    def extra_repr(self) -> str:
        """Such as "factor=8, learned"."""
        return f"factor={self.factor}, {'bilinear' if self.weight is None else 'learned'}"


class ShiftAndStitch(nn.Module):
    """A coarse network's scores for every pixel, each from the network itself and none interpolated.

    The score of a pixel is what the network gives in the cell whose `stride` x `stride` pixels lie around it (half a
    pixel up and left of it where the stride is even), for an image shifted so that there is such a cell. All shifts
    are computed in one pass by the dense engine, which spreads the kernels instead (filter rarefaction, section 3.2).
    `pixelwise.dense.shift_and_stitch` needs stride**2 passes for the same numbers, but for those that see padding: at
    the border each of its shifted images has zeros of its own; here there are only those of the image.

    The network's weights are used live and receive gradients. Dropout does nothing and batch normalisation uses its
    stored statistics, in training mode too. Memory and time are those of a network without strides.
    """

    def __init__(
        self, coarse: nn.Module, stride: int, margin: int = 0, border: Literal["replicate", "reflect"] = "replicate"
    ) -> None:
        """Follows the steps of the network; computes nothing.

        Args:
            coarse: from (B, 3, H, W) to (B, K, h, w), with h = (H - 2 margin) / stride where that divides evenly;
                without operations that look at the whole image or make a finer map.
            stride: pixels between its neighbouring scores.
            margin: pixels that its scores are smaller than the image, on each side.
            border: whether images repeat their last pixels outside, or are mirrored.

        Raises:
            NotExact: the network looks at the whole image, or upsamples by itself.
            InputError: torch.export cannot follow the network.
        """
        super().__init__()
        self.margin = margin
        self.stride = stride
        self.border = border
        # Two cells: the steps do not depend on the size, as long as the network has something left to work on.
        self.dense = densify(coarse, 2 * stride + 2 * margin, exact="stride")

    def forward(self, images: Images) -> Scores:
        """The scores, as large as the images."""
        before, after = self.stride // 2 + self.margin, (self.stride - 1) // 2 + self.margin
        if self.border == "reflect":
            size = images.shape[-2] + before + after, images.shape[-1] + before + after
            edged = read_window(images, -before, -before, size, border="reflect")
        else:
            edged = F.pad(images, (before, after, before, after), mode="replicate")
        scores: Tensor = self.dense(edged)
        return scores
