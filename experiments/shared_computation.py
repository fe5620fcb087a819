"""Claim: a classifier asked at every pixel need not be run at every pixel; neighbouring patches share their work.

Source: Long, Shelhamer, Darrell 2015, sections 3.1 and 3.2 (shift-and-stitch); Giusti et al. 2013 (orders of
magnitude).

The same scores of every patch of an image, three ways: the window slid (one pass for each patch), shift-and-stitch (one
pass of the convolutional network for each of the stride x stride shifts), and the dense map (one pass). The window is
slid over a few rows of patches and its time multiplied, as each row is the same work. That the numbers agree is
measured too.

    python -m experiments.shared_computation

Takes about 5 minutes on 2 cores: images of 128, 192 and 256 pixels, 5 rounds each. A round is the seed here.
"""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from experiments.arguments import arguments, read
from experiments.intervals import t_interval
from experiments.outcome import write_chart, write_table
from pixelwise.dense import convolutionalize, densify, shift_and_stitch, slide
from pixelwise.drawing import line_chart
from pixelwise.models.segmentation.patch import patch_classifier

PATCH = 65
STRIDE = 8
"""Three poolings."""

ROWS = 4
"""Rows of patches for which the window is slid."""

SIDES = (128, 192, 256)


def timed(run: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """Seconds and result."""
    start = time.perf_counter()
    found = run()
    return time.perf_counter() - start, found


@torch.inference_mode()
def measure(model: nn.Module, patch: int, stride: int, side: int) -> list[dict[str, object]]:
    """One row per way of computing: passes, seconds, and the largest difference from the window slid.

    Args:
        model: the patch classifier.
        patch: its patch.
        stride: its stride.
        side: height and width of the image.
    """
    image = torch.rand(1, 3, side, side)
    outputs = side - patch + 1
    rows = min(ROWS, outputs)
    coarse, dense = convolutionalize(model, patch), densify(model, patch)
    slide(model, image[..., :patch, : patch + rows], patch)  # the first run chooses kernels
    window, alone = timed(lambda: slide(model, image[..., : patch + rows - 1, :], patch))
    ways = {
        "shift and stitch": (stride**2, lambda: shift_and_stitch(coarse, image, stride)),
        "dense map": (1, lambda: dense(image)),
    }
    found: list[dict[str, object]] = [
        {"side": side, "way": "window", "passes": outputs**2, "seconds": window * outputs / rows, "difference": 0.0}
    ]
    for way, (passes, run) in ways.items():
        run()
        seconds, scores = timed(run)
        assert scores.shape[-2:] == (outputs, outputs), "one score for each patch"
        difference = float((scores[..., :rows, :] - alone).abs().max() / alone.abs().max())
        found.append({"side": side, "way": way, "passes": passes, "seconds": seconds, "difference": difference})
    return found


def main(words: list[str] | None = None) -> None:
    """Measures, prints and writes."""
    chosen = read(arguments(__doc__, seeds=5), words)
    patch, sides, width = (15, (24, 32), 4) if chosen.quick else (PATCH, SIDES, 48)
    stride = 2 if chosen.quick else STRIDE
    rows = []
    for seed in range(chosen.seeds):
        torch.manual_seed(seed)
        model = patch_classifier(2, patch, width=width).eval()
        for side in sides:
            rows += [{"seed": seed, **row} for row in measure(model, patch, stride, side)]
            print(f"round {seed}: {side}x{side} done", flush=True)
    write_table(chosen.out / "shared_computation.csv", rows)
    ways = list(dict.fromkeys(str(row["way"]) for row in rows))
    lines: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for side in sides:
        print(f"{side}x{side} pixels, patches of {patch}:")
        seconds = {way: [float(r["seconds"]) for r in rows if (r["side"], r["way"]) == (side, way)] for way in ways}
        for way in ways:
            row = next(r for r in rows if (r["side"], r["way"]) == (side, way))
            ratio = t_interval([math.log(a / b) for a, b in zip(seconds["window"], seconds[way], strict=True)])
            low, high = (math.exp(end) for end in (ratio.low, ratio.high))
            lines[way].append((side, math.log10(t_interval(seconds[way]).mean)))
            print(
                f"  {way:18} {row['passes']:6} passes, {t_interval(seconds[way]).mean:9.3f} s, "
                f"{math.exp(ratio.mean):7.1f} times as fast as the window ({low:.1f} to {high:.1f})"
            )
    largest = max(float(row["difference"]) for row in rows)
    print(f"largest difference between the three: {largest:.1e} of the largest score")
    title = "Scores of every patch, three ways"
    chart = line_chart(lines, "side of the image in pixels", "log10 of seconds", title)
    write_chart(chosen.out / "shared_computation.svg", chart)


if __name__ == "__main__":
    main()
