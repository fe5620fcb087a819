"""FCN-ResNet-50 on one image of 520x520 pixels: folded, channels-last, with Winograd's convolutions, and torchvision's.

Printed beside them is what the folded network's convolutions take alone: the floor of whatever leaves them as they are.
Beside each contestant's rate stands how far its scores are from the plain network's in float32. Weights are drawn, not
trained: the deviations tell of rounding, the share of other labels would be smaller with a trained network's margins.

    python -m benchmarks.segmentation.inference [--threads N] [--rounds N]
"""

import argparse
import statistics
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.segmentation.networks import CLASSES, SIDE, ours, torchvisions
from benchmarks.timing import THREADS, compare, machine, table
from pixelwise.dense import fold_batch_norm, use_winograd

ROUNDS = 7


def contestants(network: nn.Module, quick: nn.Module, images: Tensor) -> dict[str, Callable[[], Tensor]]:
    """One run of each as a function without arguments, the plain network first.

    Args:
        network: the plain one.
        quick: folded and channels last.
        images: one image.
    """
    last = images.contiguous(memory_format=torch.channels_last)
    found = {
        "pixelwise, not folded": run(network, images),
        "pixelwise, folded": run(fold_batch_norm(network), images),
        "pixelwise, folded, channels-last": run(quick, last),
        "pixelwise, and Winograd's": run(use_winograd(quick), last),
        "folded, last, in bfloat16": run(quick, last, bfloat16=True),
    }
    peer, other = torchvisions(network), torchvisions(network)
    if peer is not None and other is not None:
        found["torchvision"] = run(peer.eval(), images)
        other.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        found["torchvision, channels-last"] = run(other, last)
    return found


def run(network: nn.Module, images: Tensor, bfloat16: bool = False) -> Callable[[], Tensor]:
    """One forward pass as a function without arguments."""

    def once() -> Tensor:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            scores: Tensor = network(images)
        return scores

    return once


def seconds_of_convolutions(once: Callable[[], Tensor], network: nn.Module) -> float:
    """How long the convolutions of one forward pass take alone."""
    layers = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    calls: list[tuple[nn.Module, Tensor]] = []
    hooks = [part.register_forward_hook(lambda layer, given, _: calls.append((layer, given[0]))) for part in layers]
    once()
    for hook in hooks:
        hook.remove()
    with torch.inference_mode():
        inputs = [torch.rand_like(given) for _, given in calls]
        times = compare({"all": lambda: [layer(given) for (layer, _), given in zip(calls, inputs, strict=True)]})
    return statistics.median(times["all"])


def print_deviations(found: dict[str, Callable[[], Tensor]]) -> None:
    """How far the scores are from the first contestant's, beside the largest of these."""
    expected = next(iter(found.values()))()
    scale = float(expected.abs().max())
    print(f"{'':34} largest deviation, of the largest score, labels that differ")
    for name, once in found.items():
        scores = once().float()
        deviation = float((scores - expected).abs().max())
        flipped = float((scores.argmax(1) != expected.argmax(1)).float().mean())
        print(f"{name:34} {deviation:17.1e} {deviation / scale:22.1e} {flipped:19.3%}")


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args(words)
    torch.set_num_threads(asked.threads)
    print(f"FCN-ResNet-50, one image of {SIDE}x{SIDE}, {CLASSES} classes; {machine()}")
    network, images = ours().eval(), torch.rand(1, 3, SIDE, SIDE)
    quick = fold_batch_norm(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = contestants(network, quick, images)
    print_deviations(found)
    floor = seconds_of_convolutions(found["pixelwise, folded, channels-last"], quick)
    print(f"its convolutions alone, folded and channels-last: {floor:.2f} s")
    table(
        compare(found, rounds=asked.rounds),
        1,
        "images",
        "torchvision" if "torchvision" in found else "pixelwise, not folded",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
