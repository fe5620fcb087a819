"""The one dict of names: what `--model NAME` means on the command line and in a run folder."""

from collections.abc import Callable

from torch import nn

from pixelwise.models.segmentation.unet import UNet


def unet(
    num_classes: int,
    width: int = 32,
    depth: int = 4,
    padded: bool = True,
    batch_norm: bool = True,
    dropout: float = 0.0,
) -> UNet:
    """A U-Net for RGB images of any size; half the paper's width, which two cores can train in minutes."""
    return UNet(num_classes, width=width, depth=depth, padded=padded, batch_norm=batch_norm, dropout=dropout)


def unet_paper(num_classes: int, width: int = 64, depth: int = 4, dropout: float = 0.5) -> UNet:
    """The U-Net of Ronneberger et al. 2015: valid convolutions, 64 to 1024 channels, no batch normalisation."""
    return UNet(num_classes, width=width, depth=depth, padded=False, batch_norm=False, dropout=dropout)


catalog: dict[str, Callable[..., nn.Module]] = {
    "unet": unet,
    "unet_paper": unet_paper,
}
