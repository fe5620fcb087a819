"""The last stage of a residual network with deformable convolutions.

Source: Dai et al. 2017, "Deformable Convolutional Networks", sections 2.1 and 3 and table 1; with masks, Zhu et al.
2019, "Deformable ConvNets v2", section 3.
"""

from torch import nn

from pixelwise.backbones import ResNet
from pixelwise.errors import InputError
from pixelwise.ops import DeformConv2d


def deform_last_stage(resnet: ResNet, layers: int = 3, modulated: bool = False) -> None:
    """Makes the last 3x3 convolutions of a network's last stage deformable, in place.

    They keep their weights, stride and dilation, and find their own offsets by a convolution that starts at zero: the
    network gives the same scores as before, until it is trained. A bottleneck has one 3x3 convolution and a basic
    block two. Both papers train the offsets with a tenth of the learning rate; they are the parameters with ".offset."
    in their names. Load published weights before, as they have no offsets.

    What such a network sees depends on the image: it has no receptive field of fixed size, and `pixelwise.dense` cuts
    no image into tiles for it.

    Args:
        resnet: the network; its last stage may be dilated.
        layers: how many, counted from the end. The paper's choice is 3: all of ResNet-50's and ResNet-101's last stage.
        modulated: whether each sample also has a strength (Zhu et al. 2019).

    Raises:
        InputError: the stage has fewer 3x3 convolutions, or some of these are deformable already.
    """
    found = [
        (block, name, part)
        for block in resnet.layer4
        for name, part in block.named_children()
        if isinstance(part, nn.Conv2d) and part.kernel_size == (3, 3)
    ]
    if not 1 <= layers <= len(found):
        raise InputError(
            f"1 to {len(found)} layers, the plain 3x3 convolutions of the last stage",
            f"layers = {layers}",
            f"pass layers={len(found)} or fewer" if found else "build a new network: this one's are deformable already",
        )
    for block, name, plain in found[-layers:]:
        setattr(block, name, _deformable(plain, modulated))


def _deformable(plain: nn.Conv2d, modulated: bool) -> DeformConv2d:
    """The deformable convolution with the weights of a plain one, on its device."""
    # nn.Conv2d keeps padding by name where it was asked for so; ResNets give numbers.
    assert not isinstance(plain.padding, str), "a ResNet pads by numbers"
    layer = DeformConv2d(
        plain.in_channels,
        plain.out_channels,
        _pair(plain.kernel_size),
        _pair(plain.stride),
        _pair(plain.padding),
        _pair(plain.dilation),
        plain.groups,
        bias=False,
        modulated=modulated,
    ).to(plain.weight)
    layer.weight = plain.weight
    layer.bias = plain.bias
    layer.train(plain.training)
    return layer


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    """Both numbers of a setting, which torch declares as a tuple of any length."""
    first, second = values
    return first, second
