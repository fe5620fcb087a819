"""The convolution with its batch normalisation and ReLU from which the heads of detectors are made."""

from torch import nn


def conv_block(
    in_channels: int, out_channels: int, kernel: int = 3, norm: bool = False, relu: bool = True
) -> nn.Sequential:
    """A convolution that keeps the size; parameters are named "0" (convolution) and "1" (batch normalisation).

    Args:
        in_channels: channels it reads.
        out_channels: channels it gives.
        kernel: its odd side.
        norm: whether batch normalisation follows; the convolution then has no bias.
        relu: whether a ReLU ends it.
    """
    layers: list[nn.Module] = [nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=not norm)]
    if norm:
        layers.append(nn.BatchNorm2d(out_channels))
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
