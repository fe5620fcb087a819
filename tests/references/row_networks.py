"""Layers and networks that look up and down, in every way that the row stream follows; images for them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixelwise.models import UNet
from references.published_networks import VGG16, ConvNextBlock, resnet, vgg

TOLERANCE = 1e-12
"""Of scores in float64."""


class Skip(nn.Module):
    """A branch beside its input, joined by adding or by concatenation."""

    def __init__(self, branch: nn.Module, joined: str = "add") -> None:
        super().__init__()
        self.branch = branch
        self.joined = joined

    def forward(self, x: Tensor) -> Tensor:
        beside = self.branch(x)[..., : x.shape[-2], : x.shape[-1]]
        return x + beside if self.joined == "add" else torch.cat([beside, x], dim=1)


class Pad(nn.Module):
    """torch's padding in any mode; negative amounts crop."""

    def __init__(self, amounts: tuple[int, int, int, int], mode: str = "constant", value: float = 0.0) -> None:
        super().__init__()
        self.amounts, self.mode, self.value = amounts, mode, value

    def forward(self, x: Tensor) -> Tensor:
        if self.mode != "constant":
            return F.pad(x, self.amounts, self.mode)
        return F.pad(x, self.amounts, value=self.value)


class EverySecond(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, 1::2, ::3]


class Even(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]


def conv(kernel: int = 3, **settings: object) -> nn.Conv2d:
    return nn.Conv2d(4, 4, kernel, **settings)  # type: ignore[arg-type]


def raised(kernel: int, stride: int, padding: int = 0, extra: int = 0, dilation: int = 1) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(4, 4, kernel, stride, padding, extra, dilation=dilation)


torch.manual_seed(0)

LAYERS: dict[str, nn.Module] = {
    "same": conv(padding=1),
    "valid": conv(2),
    "strided": conv(5, stride=3, padding=2),
    "dilated": conv(padding=3, dilation=3),
    "far padding": conv(1, padding=2, stride=2),
    "mirrored": conv(padding=2, padding_mode="reflect"),
    "repeated": conv(5, padding=2, padding_mode="replicate"),
    "round the sides": nn.Sequential(Pad((1, 1, 0, 0), "circular"), conv(padding=(1, 0))),
    "by name": conv(4, padding="same", dilation=2),
    "max": nn.MaxPool2d(2),
    "max ceil": nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "max dilated": nn.MaxPool2d(2, 1, dilation=2),
    "mean": nn.AvgPool2d(3, 2, 1),
    "mean ceil": nn.AvgPool2d(3, 2, 1, ceil_mode=True),
    "mean uncounted": nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "mean ceil uncounted": nn.AvgPool2d(2, 3, 1, ceil_mode=True, count_include_pad=False),
    "sum": nn.AvgPool2d(2, 2, 1, divisor_override=1),
    "frame": Pad((1, 0, 3, 2), value=0.5),
    "crop": Pad((-1, 0, -2, -1)),
    "mirror, crop": Pad((0, 1, -1, 2), "reflect"),
    "every second": EverySecond(),
    "nearest": nn.Upsample(scale_factor=3),
    "bilinear": nn.Upsample(scale_factor=2, mode="bilinear"),
    "bilinear by 3": nn.Upsample(scale_factor=3, mode="bilinear"),
    "bicubic": nn.Upsample(scale_factor=2, mode="bicubic"),
    "up 2": raised(2, 2),
    "up 4": raised(4, 2, 1),
    "up with gaps": raised(2, 4, 0, 1),
    "up by one tap": raised(1, 3),
    "up dilated": raised(3, 2, 2, 1, dilation=2),
    "up odd": raised(3, 2, 1, 1),
    "shuffle": nn.Sequential(nn.Conv2d(4, 16, 1), nn.PixelShuffle(2)),
    "unshuffle": nn.Sequential(Even(), nn.PixelUnshuffle(2), nn.Conv2d(16, 4, 1)),
    "norm": nn.Sequential(nn.BatchNorm2d(4), nn.GELU()),
    "softmax": nn.Softmax(dim=1),
    "convnext": ConvNextBlock(4),
    "residual": Skip(nn.Sequential(conv(padding=1), nn.ReLU(inplace=True), conv(7, padding=3))),
    "beside": nn.Sequential(Skip(conv(padding=2, dilation=2), "concat"), nn.Conv2d(8, 4, 1)),
    "hourglass": Skip(
        nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), conv(padding=1), nn.Upsample(scale_factor=2, mode="bilinear"))
    ),
}

NETWORKS: dict[str, nn.Module] = {
    "vgg": nn.Sequential(*vgg(VGG16, 2, normalised=True)),
    "resnet": resnet((1, 1, 1, 1), 2),
    "unet": UNet(2, width=2, depth=3),
    "valid unet": UNet(2, width=2, depth=1, padded=False),
    "dilated": nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=2**k, dilation=2**k) for k in range(4))),
    "bilinear decoder": nn.Sequential(*vgg("2M4M", 1), nn.Upsample(scale_factor=4, mode="bilinear")),
}


def ready(network: nn.Module) -> nn.Module:
    """In float64, with weights of their own; statistics of batch normalisation that change something."""
    torch.manual_seed(0)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean, part.running_var = torch.rand(2, part.num_features).add(0.5)
    return network.double().eval()


def image_of(height: int, width: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return torch.rand(channels, height, width, generator=generator, dtype=torch.float64) - 0.5


def whole(network: nn.Module, image: Tensor) -> Tensor:
    with torch.no_grad():
        scores: Tensor = network(image[None])[0]
    return scores


def assert_same(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=TOLERANCE)
