"""The dilated front end, whose scores stand 8 pixels apart, and the context module that widens what they see.

Source: Yu and Koltun 2016, "Multi-Scale Context Aggregation by Dilated Convolutions", sections 3 and 4.
"""

import copy
from pathlib import Path
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.backbones import VGG, vgg16
from pixelwise.errors import InputError
from pixelwise.models.segmentation.upsampling import ShiftAndStitch, Upsample, Upsampling, check_upsampling
from pixelwise.models.segmentation.vgg_layers import extended, score_head
from pixelwise.ops import read_window
from pixelwise.shapes import Images, Scores

STRIDE = 8
"""Pixels between scores: three poolings by 2 are left."""

DILATED_BY = 4
"""Dilation of conv6, behind both removed poolings."""

MARGIN = 186
"""Pixels around the image that the front end sees without padding: half of its receptive field, 380, without the
8 pixels of a cell. The released code calls it label_margin."""

Border = Literal["zeros", "reflect"]
"""What lies beyond the image: zeros in every layer, or the image's mirror image around the whole."""

Size = Literal["basic", "large"]
"""Whether the context module keeps its channels, or widens them (table 1)."""

DILATIONS = (1, 1, 2, 4, 8, 16, 1)
"""Of the module's 3x3 convolutions (table 1)."""

WIDTHS = {"basic": (1, 1, 1, 1, 1, 1, 1), "large": (2, 2, 4, 8, 16, 32, 32)}
"""Their channels, in multiples of the classes (table 1)."""

NOISE = 0.01
"""Deviation of the large module's first weights, as a share of the weights that pass scores through. The paper asks for
much less than those and gives no number."""


class ContextModule(nn.Sequential):
    """Scores from scores, each seeing 67 x 67 of them, at the same resolution.

    Seven 3x3 convolutions dilated by 1, 1, 2, 4, 8, 16 and 1, each with a ReLU, and a 1x1 convolution. It starts as the
    identity of positive scores (equation 4); negative ones become 0 in the first ReLU. The large module has up to 32
    channels per class; each passes a share of its class on, and small noise makes them differ (equation 5).

    Every layer pads by zeros to keep the size, as the released training code does; the released PASCAL network puts the
    33 zeros around the scores at once.
    """

    def __init__(self, num_classes: int, size: Size = "basic") -> None:
        """Builds the layers with their first weights.

        Args:
            num_classes: C, channels of the scores that come in and go out.
            size: "basic" or "large".

        Raises:
            InputError: an unknown size.
        """
        if size not in WIDTHS:
            raise InputError('a context module of size "basic" or "large"', repr(size), 'leave it out for "basic"')
        layers: list[nn.Module] = []
        before = num_classes
        for factor, dilation in zip(WIDTHS[size], DILATIONS, strict=True):
            after = factor * num_classes
            layers += [nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation), nn.ReLU(inplace=True)]
            before = after
        layers.append(nn.Conv2d(before, num_classes, 1))
        super().__init__(*layers)
        for layer in self:
            if isinstance(layer, nn.Conv2d):
                pass_through(layer, num_classes, noise=NOISE if size == "large" else 0)


class FrontEnd(nn.Module):
    """Class scores for every pixel, from VGG without its last two poolings, and with a context module where given.

    Convolutions behind a removed pooling are dilated by 2, those behind both by 4, so that the classifier's kernels
    reach as far as before, at four times the resolution; what they lose is the maximum over 2x2 cells itself. Scores
    stand 8 pixels apart and are brought to the size of the image, for images of any size: heights and widths that are
    no multiple of 8 are extended below and to the right, and the scores are cropped back.

    Differs from the paper:

    - border="zeros" (the default here) pads every convolution, as VGG does, and extends images by their last pixels.
      The paper's form is border="reflect": no layer pads, and the image is mirrored around itself by 186 pixels
      on each side. That takes (H + 372) (W + 372) / (H W) times the work: 3.6 times for 360 x 480 pixels.
    - Scores are upsampled within the network; the released training compares them with every 8th label by default.
    - Scores start from weights of deviation 0.01, as elsewhere here; 0.001 in the released code.
    """

    def __init__(
        self,
        vgg: VGG,
        num_classes: int,
        context: ContextModule | None = None,
        upsampling: Upsampling = "learned",
        border: Border = "zeros",
        dropout: float | int = 0.5,
    ) -> None:
        """Builds the network on a classifier's layers, which are copied.

        Args:
            vgg: a VGG.
            num_classes: K, the number of score maps.
            context: what the front end's scores go through before they are upsampled.
            upsampling: how coarse scores become finer.
            border: what lies beyond the image.
            dropout: probability after conv6 and conv7.

        Raises:
            InputError: fewer than one class, or an unknown upsampling or border.
        """
        super().__init__()
        check_upsampling(upsampling)
        if border not in ("zeros", "reflect"):
            raise InputError('border "zeros" or "reflect"', repr(border), 'leave it out for "zeros"')
        self.border = border
        padded = border == "zeros"
        self.features = dilated_features(vgg.features, padded)
        self.head = score_head(vgg, num_classes, dropout, padding=3 * DILATED_BY * padded, dilation=DILATED_BY)
        self.context = nn.Identity() if context is None else context
        self._stitched: tuple[ShiftAndStitch, ...] = ()
        if upsampling == "shift_and_stitch":
            # In a tuple, so that the weights do not appear a second time among the network's parts.
            coarse = nn.Sequential(self.features, self.head, self.context)
            around = ShiftAndStitch(coarse, STRIDE) if padded else ShiftAndStitch(coarse, STRIDE, MARGIN, "reflect")
            self._stitched = (around,)
        else:
            self.last = Upsample(num_classes, STRIDE, upsampling)

    def forward(self, images: Images) -> Scores:
        """Scores before the softmax, the same in training and evaluation but for dropout."""
        if self._stitched:
            return cast(Tensor, self._stitched[0](images))
        height, width = images.shape[-2:]
        scores: Tensor = self.last(self.coarse(images))
        return scores[..., :height, :width]

    def coarse(self, images: Images) -> Float[Tensor, "B K h w"]:
        """The scores 8 pixels apart, cell i in the middle of pixels 8 i to 8 i + 7."""
        height, width = images.shape[-2:]
        if self.border == "zeros":
            edged = extended(images, STRIDE)
        else:
            size = height + -height % STRIDE + 2 * MARGIN, width + -width % STRIDE + 2 * MARGIN
            edged = read_window(images, -MARGIN, -MARGIN, size, border="reflect")
        return cast(Tensor, self.context(self.head(self.features(edged))))


def dilated_features(features: nn.Sequential, padded: bool) -> nn.Sequential:
    """A copy of VGG's layers without the last two poolings, the convolutions behind them dilated instead.

    Args:
        features: convolutions and five poolings.
        padded: whether convolutions keep the size; else they do not pad.
    """
    layers = list(copy.deepcopy(features))
    pools = [place for place, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    removed = pools[-2:]
    for place, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d):
            rate = 2 ** sum(place > pool for pool in removed)
            layer.dilation = (rate, rate)
            layer.padding = (rate * padded, rate * padded)
    return nn.Sequential(*(layer for place, layer in enumerate(layers) if place not in removed))


@torch.no_grad()
def pass_through(layer: nn.Conv2d, num_classes: int, noise: float | int) -> None:
    """Lets a convolution hand each class on from its input channels to its output channels, in even shares.

    Input channel a and output channel b belong to the same class if floor(a C / inputs) = floor(b C / outputs); then
    the weight at the kernel's centre is C / outputs, where C is the number of classes (Yu and Koltun 2016, equation 5;
    with as many channels as classes it is equation 4). All other weights are normal draws of deviation `noise` times
    that; biases are 0.
    """
    outputs, inputs, height, width = layer.weight.shape
    share = num_classes / outputs
    if noise:
        layer.weight.normal_(std=noise * share)
    else:
        layer.weight.zero_()
    own, theirs = torch.arange(outputs) * num_classes // outputs, torch.arange(inputs) * num_classes // inputs
    same = (own[:, None] == theirs).to(layer.weight.device)
    centre = layer.weight[:, :, height // 2, width // 2]
    centre.copy_(torch.where(same, share, centre))
    if layer.bias is not None:
        layer.bias.zero_()


def front_end(
    num_classes: int,
    weights: str | Path | None = None,
    width: int = 64,
    hidden: int = 4096,
    upsampling: Upsampling = "learned",
    border: Border = "zeros",
    dropout: float | int = 0.5,
) -> FrontEnd:
    """The dilated front end on VGG-16, without context.

    Args:
        num_classes: K, the number of score maps.
        weights: of the classifier VGG-16, a file or a published name; None starts from random ones.
        width: channels of the first level; 64 in the paper.
        hidden: channels of conv6 and conv7; 4096 in the paper.
        upsampling: "bilinear", "learned" or "shift_and_stitch".
        border: "zeros", or "reflect" as in the paper.
        dropout: probability after conv6 and conv7.
    """
    vgg = vgg16(weights, width=width, hidden=hidden)
    return FrontEnd(vgg, num_classes, None, upsampling, border, dropout)


def context_net(
    num_classes: int,
    size: Size = "basic",
    weights: str | Path | None = None,
    width: int = 64,
    hidden: int = 4096,
    upsampling: Upsampling = "learned",
    border: Border = "zeros",
    dropout: float | int = 0.5,
) -> FrontEnd:
    """The front end followed by a context module, to be trained together.

    The front end's scores start around 1, not 0: the softmax does not see a shift of all classes, and the module's
    ReLUs then pass all scores on and let gradients through. Around 0, a class whose scores are negative at first would
    never learn. (The paper trains the front end before it adds the module.)

    Args:
        num_classes: K, the number of score maps.
        size: "basic" keeps K channels within the module, "large" has up to 32 K.
        weights: of the classifier VGG-16, a file or a published name; None starts from random ones.
        width: channels of the first level; 64 in the paper.
        hidden: channels of conv6 and conv7; 4096 in the paper.
        upsampling: "bilinear", "learned" or "shift_and_stitch".
        border: "zeros", or "reflect" as in the paper.
        dropout: probability after conv6 and conv7.
    """
    vgg = vgg16(weights, width=width, hidden=hidden)
    network = FrontEnd(vgg, num_classes, ContextModule(num_classes, size), upsampling, border, dropout)
    score = network.head[-1]
    assert isinstance(score, nn.Conv2d), "a head ends in its scores"
    assert score.bias is not None, "score layers have a bias"
    nn.init.ones_(score.bias)
    return network
