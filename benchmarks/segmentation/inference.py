"""FCN-ResNet-50 on one image of 520x520 pixels: folded and channels-last against the plain network and torchvision's.

Beside each contestant's rate stands how far its scores are from the plain network's in float32. Weights are drawn, not
trained: the deviations tell of rounding, the share of other labels would be smaller with a trained network's margins.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.segmentation.networks import CLASSES, SIDE, ours, torchvisions
from benchmarks.timing import THREADS, compare, machine, table
from pixelwise.dense.folding import fold_batch_norm

ROUNDS = 7


def contestants() -> dict[str, Callable[[], Tensor]]:
    """One run of each as a function without arguments, the plain network first."""
    network = ours().eval()
    peer = torchvisions(network)
    folded = fold_batch_norm(network)
    quick = fold_batch_norm(network)
    quick.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.rand(1, 3, SIDE, SIDE)
    last = images.contiguous(memory_format=torch.channels_last)
    found = {
        "pixelwise, not folded": run(network, images),
        "pixelwise, folded": run(folded, images),
        "pixelwise, folded, channels-last": run(quick, last),
        "the same in bfloat16": run(quick, last, bfloat16=True),
    }
    if peer is not None:
        found["torchvision"] = run(peer.eval(), images)
        other = torchvisions(network)
        assert other is not None, "it was there a moment ago"
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


def main() -> None:
    torch.set_num_threads(THREADS)
    print(f"FCN-ResNet-50, one image of {SIDE}x{SIDE}, {CLASSES} classes; {machine()}")
    found = contestants()
    print_deviations(found)
    table(
        compare(found, rounds=ROUNDS),
        1,
        "images",
        "torchvision" if "torchvision" in found else "pixelwise, not folded",
    )


if __name__ == "__main__":
    main()
