"""Kernels spread over one map (rarefied) against plain kernels over many shifted maps (fragments): which is faster?

`densify` takes "rarefied" unless told otherwise. This prints what that choice is worth on patch classifiers of unlike
kinds: with wide and thin layers, two and three poolings, average pooling, depthwise convolutions, large kernels, and
output strides of 1 and 4. Run it on another kind of machine before relying on the choice there.
"""

import statistics

import torch
from torch import nn

from benchmarks.timing import compare, machine
from pixelwise.dense import DenseMap, densify

SIDE = 256


def stack(channels: tuple[int, ...], kernel: int = 3, average: bool = False, depthwise: bool = False) -> nn.Sequential:
    """Two convolutions and a 2x2 pooling for each number of channels."""
    layers: list[nn.Module] = []
    before = 3
    for after in channels:
        for _ in range(2):
            if depthwise and before > 3:
                layers += [nn.Conv2d(before, before, kernel, groups=before), nn.Conv2d(before, after, 1)]
            else:
                layers.append(nn.Conv2d(before, after, kernel))
            layers.append(nn.ReLU())
            before = after
        layers.append(nn.AvgPool2d(2) if average else nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def classifier(features: nn.Sequential, patch: int) -> nn.Module:
    with torch.no_grad():
        cells = features(torch.zeros(1, 3, patch, patch)).numel()
    return nn.Sequential(features, nn.Flatten(), nn.Linear(cells, 64), nn.ReLU(), nn.Linear(64, 2)).eval()


def cases() -> dict[str, tuple[nn.Module, int, int]]:
    """The network, its patch and the output stride of each case."""
    torch.manual_seed(0)
    return {
        "wide, 2 poolings": (classifier(stack((64, 128)), 32), 32, 1),
        "wide, 3 poolings": (classifier(stack((64, 128, 256)), 60), 60, 1),
        "thin, 3 poolings": (classifier(stack((8, 16, 32)), 60), 60, 1),
        "average pooling": (classifier(stack((16, 32, 64), average=True), 60), 60, 1),
        "depthwise": (classifier(stack((32, 64, 128), depthwise=True), 60), 60, 1),
        "5x5 kernels": (classifier(stack((32, 64), kernel=5), 44), 44, 1),
        "output stride 4": (classifier(stack((32, 64, 128)), 60), 60, 4),
    }


def compared(maps: dict[str, DenseMap]) -> tuple[float, list[float]]:
    """Seconds of the rarefied map, and those of the fragments as multiples of it, round by round."""
    images = torch.rand(1, 3, SIDE, SIDE)
    with torch.no_grad():
        seconds = compare({name: lambda dense=dense: dense(images) for name, dense in maps.items()})
    paired = zip(seconds["rarefied"], seconds["fragments"], strict=True)
    return statistics.median(seconds["rarefied"]), [fragments / rarefied for rarefied, fragments in paired]


def main() -> None:
    for threads in (1, 2):
        torch.set_num_threads(threads)
        print(f"\n{machine()}; {SIDE}x{SIDE} pixels")
        print("| network | rarefied | fragments take (quartiles) |\n|---|---|---|")
        for name, (network, patch, stride) in cases().items():
            maps = {each: densify(network, patch, stride, arrangement=each) for each in ("rarefied", "fragments")}
            seconds, paired = compared(maps)
            low, middle, high = statistics.quantiles(paired, n=4)
            print(f"| {name} | {seconds * 1e3:.0f} ms | {middle:.2f} times ({low:.2f} to {high:.2f}) |")


if __name__ == "__main__":
    main()
