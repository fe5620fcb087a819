"""A training step of FCN-ResNet-50 (forward, loss, backward, SGD): pixelwise, also channels-last, and torchvision.

Equal work: the same weights, input, loss and optimiser, without auxiliary heads.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.segmentation.networks import CLASSES, ours, torchvisions
from benchmarks.timing import THREADS, compare, machine, table

SIDE, BATCH = 256, 2
"""Smaller than the published crops of 480, so that a step takes seconds on two cores."""

ROUNDS = 5


def step(network: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], float]:
    """One step as a function without arguments; it gives the loss before the step."""
    network.train()
    # Published: SGD with momentum, torchvision's references/segmentation/train.py.
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def once() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return once


def main() -> None:
    torch.set_num_threads(THREADS)
    print(f"FCN-ResNet-50, training step, {BATCH} images of {SIDE}x{SIDE}; {machine()}")
    network, quick = ours(), ours()
    quick.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    peer = torchvisions(network)
    images, labels = torch.rand(BATCH, 3, SIDE, SIDE), torch.randint(0, CLASSES, (BATCH, SIDE, SIDE))
    last = images.contiguous(memory_format=torch.channels_last)
    found = {"pixelwise": step(network, images, labels), "pixelwise, channels-last": step(quick, last, labels)}
    if peer is not None:
        found["torchvision"] = step(peer, images, labels)
    against = "torchvision" if peer is not None else "pixelwise"
    table(compare(found, rounds=ROUNDS), BATCH, "images", against)


if __name__ == "__main__":
    main()
