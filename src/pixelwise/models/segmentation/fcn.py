"""FCN-32s, FCN-16s and FCN-8s on VGG-16: coarse scores, and skip layers that add the scores of finer features.

Source: Long, Shelhamer, Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation", section 4.
"""

from pathlib import Path
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.backbones import VGG, vgg16
from pixelwise.backbones.vgg import GRID
from pixelwise.errors import InputError
from pixelwise.models.segmentation.upsampling import ShiftAndStitch, Upsample, Upsampling, check_upsampling
from pixelwise.models.segmentation.vgg_layers import extended, pooled_levels, score_head
from pixelwise.shapes import Images, Scores

STRIDE = 32
"""Pixels between the coarsest scores: five poolings by 2."""


class FCN(nn.Module):
    """Class scores for every pixel, from VGG's features and the finer ones of `skips` poolings before the last.

    The scores are as large as the image, for images of any size: heights and widths that are no multiple of 32 are
    extended below and to the right by repeating the last pixels, and the scores are cropped back.

    The fully-connected layers are convolutions with the same weights: away from the border the features after conv7
    are those of `pixelwise.dense.convolutionalize(vgg, 224)`.

    Upsampling is "bilinear" (no weights), "learned" (bilinear at first) or "shift_and_stitch": then nothing is
    interpolated, each of the added scores is computed at every pixel, and dropout does nothing. All three share the
    names of their other weights.

    Differs from the paper:

    - Instead of 100 zeros around the image, conv6 pads its features by 3 cells. Then every cell of every level is
      centred on the pixels it stands for, and there are no offsets to crop by. Scores within half a receptive field
      (202 pixels) of the border see less padding than the paper's.
    - "learned" trains every upsampling, the paper's last one is fixed; and there is one kernel per class.
    - The coarsest score layer starts from small random weights, the paper's from 0, from which no gradient reaches
      the layers below in the first step. The skip layers' scores start at 0 as in the paper.
    """

    def __init__(
        self,
        vgg: VGG,
        num_classes: int,
        skips: int,
        upsampling: Upsampling = "learned",
        dropout: float | int = 0.5,
    ) -> None:
        """Builds the network on a classifier's layers.

        Args:
            vgg: a VGG; its convolutions are used, not copied, its fully-connected layers are copied.
            num_classes: K, the number of score maps.
            skips: how many poolings before the last one are scored, too: 0 for FCN-32s, 1 for 16s, 2 for 8s.
            upsampling: how coarse scores become finer.
            dropout: probability after conv6 and conv7.

        Raises:
            InputError: fewer than one class, or an unknown upsampling.
        """
        super().__init__()
        check_upsampling(upsampling)
        self.features = vgg.features
        self.head = score_head(vgg, num_classes, dropout, padding=GRID // 2)
        # Coarse to fine: the pooling before the last one first.
        finer = vgg.channels[-2 : -2 - skips : -1]
        self.skip_scores = nn.ModuleList(nn.Conv2d(channels, num_classes, 1) for channels in finer)
        for parameter in self.skip_scores.parameters():
            nn.init.zeros_(parameter)
        self._stitched: tuple[ShiftAndStitch, ...] = ()
        if upsampling == "shift_and_stitch":
            # In a tuple, so that the weights do not appear a second time among the network's parts.
            self._stitched = self._every_shift()
        else:
            self.doublings = nn.ModuleList(Upsample(num_classes, 2, upsampling) for _ in finer)
            self.last = Upsample(num_classes, STRIDE >> skips, upsampling)

    def forward(self, images: Images) -> Scores:
        """Scores before the softmax, the same in training and evaluation but for dropout."""
        if self._stitched:
            coarsest, *finer = (each(images) for each in self._stitched)
            return cast(Tensor, sum(finer, start=coarsest))
        height, width = images.shape[-2:]
        scores: Tensor = self.last(self.coarse(extended(images, STRIDE)))
        return scores[..., :height, :width]

    def coarse(self, images: Images) -> Float[Tensor, "B K h w"]:
        """The scores at the stride of the finest skip, for images whose sides are multiples of 32.

        Not there for "shift_and_stitch", which has no maps of different strides to add.
        """
        levels = pooled_levels(self.features, images)
        scores: Tensor = self.head(levels.pop())
        for doubled, skip in zip(self.doublings, self.skip_scores, strict=True):
            scores = doubled(scores) + skip(levels.pop())
        return scores

    def _every_shift(self) -> tuple[ShiftAndStitch, ...]:
        pools = [place for place, layer in enumerate(self.features) if isinstance(layer, nn.MaxPool2d)]
        parts = [ShiftAndStitch(nn.Sequential(self.features, self.head), STRIDE)]
        for number, skip in enumerate(self.skip_scores, start=1):
            part = nn.Sequential(self.features[: pools[-1 - number] + 1], skip)
            parts.append(ShiftAndStitch(part, STRIDE >> number))
        return tuple(parts)


def load_stage(finer: FCN, coarser: FCN) -> None:
    """Fills a network with the trained weights of one with fewer skips: 32s to 16s to 8s, as the paper trains them.

    Everything the two share is copied; the finer network's further skip scores and its last upsampling stay as they
    are. While those skip scores are 0, the finer network gives the coarser one's scores, up to how they are upsampled.

    Raises:
        InputError: other classes or widths, or the coarser network has the larger number of skips.
    """
    names = "skip_scores.", "doublings.", "last."
    target, given = finer.state_dict(), coarser.state_dict()
    missing = [name for name in target if name not in given and not name.startswith(names)]
    shared = {name: value for name, value in given.items() if not name.startswith("last.")}
    wrong = [name for name, value in shared.items() if name not in target or target[name].shape != value.shape]
    if wrong or missing:
        name = (wrong or missing)[0]
        shapes = [str(tuple(state[name].shape)) if name in state else "no such weight" for state in (target, given)]
        raise InputError(
            "a coarser stage of the same network, with the same classes, width and upsampling",
            f"{name}: {shapes[1]}, where {shapes[0]} is needed",
            "build both with the same arguments: fcn32s, then fcn16s, then fcn8s",
        )
    finer.load_state_dict(target | shared)


def fcn32s(
    num_classes: int,
    weights: str | Path | None = None,
    width: int = 64,
    hidden: int = 4096,
    upsampling: Upsampling = "learned",
    dropout: float | int = 0.5,
) -> FCN:
    """FCN-32s: VGG-16's scores at stride 32, upsampled at once.

    Args:
        num_classes: K, the number of score maps.
        weights: of the classifier VGG-16, a file or a published name; None starts from random ones.
        width: channels of the first level; 64 in the paper.
        hidden: channels of conv6 and conv7; 4096 in the paper.
        upsampling: "bilinear", "learned" or "shift_and_stitch".
        dropout: probability after conv6 and conv7.
    """
    return FCN(vgg16(weights, width=width, hidden=hidden), num_classes, 0, upsampling, dropout)


def fcn16s(
    num_classes: int,
    weights: str | Path | None = None,
    width: int = 64,
    hidden: int = 4096,
    upsampling: Upsampling = "learned",
    dropout: float | int = 0.5,
) -> FCN:
    """FCN-16s: the scores of pool4 added to those of FCN-32s; arguments as in `fcn32s`."""
    return FCN(vgg16(weights, width=width, hidden=hidden), num_classes, 1, upsampling, dropout)


def fcn8s(
    num_classes: int,
    weights: str | Path | None = None,
    width: int = 64,
    hidden: int = 4096,
    upsampling: Upsampling = "learned",
    dropout: float | int = 0.5,
) -> FCN:
    """FCN-8s: the scores of pool3 added to those of FCN-16s; arguments as in `fcn32s`."""
    return FCN(vgg16(weights, width=width, hidden=hidden), num_classes, 2, upsampling, dropout)
