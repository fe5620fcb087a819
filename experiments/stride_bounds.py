"""Claim: a coarse output stride costs little mean IoU where objects are large, and much where they are small.

Source: Long, Shelhamer, Darrell 2015, appendix A: labels reduced by 128/64/32/16/8/4 and enlarged again keep
50.9/73.3/86.1/92.8/96.4/98.5 % mean IU on PASCAL VOC 2011, whose objects fill much of the picture.

Labels alone, nothing is trained: scenes of Pasture with small and with large animals (each seed draws scenes of its
own), and a folder of one's own beside them.

    python -m experiments.stride_bounds --data DATA/camvid --classes docs/guides/camvid_classes.txt

Takes about 3 minutes on 2 cores: 5 seeds of 40 scenes of 384 x 384 pixels for each of three sizes of animals.
"""

from pathlib import Path

import torch

from experiments.arguments import arguments, read
from experiments.intervals import t_interval
from experiments.outcome import write_chart, write_table
from experiments.scenes import draw_scenes
from pixelwise.data import examine
from pixelwise.data.pasture import CLASSES, Knobs
from pixelwise.drawing import line_chart
from pixelwise.metrics.upper_bound import STRIDES, StrideBounds, stride_upper_bound
from pixelwise.shapes import IGNORE

PASCAL = dict(zip(STRIDES, (0.509, 0.733, 0.861, 0.928, 0.964, 0.985), strict=True))
"""Long et al. 2015, appendix A."""

SCALES = {"small animals": (0.1, 0.15), "middle animals": (0.3, 0.4), "large animals": (0.7, 0.9)}
"""Length of the animals as a share of the picture."""


def folder_bounds(folder: Path, classes: Path | None) -> dict[int, float]:
    """The bounds of a folder's label maps."""
    bounds = StrideBounds(IGNORE)
    examine(folder, classes, see_labels=lambda ids: bounds.add(torch.from_numpy(ids)))
    return bounds.mean_iou()


def main(words: list[str] | None = None) -> None:
    """Measures, prints and writes."""
    parser = arguments(__doc__, seeds=5)
    parser.add_argument("--data", type=Path, help="a folder of images and label maps to measure beside")
    parser.add_argument("--classes", type=Path, help="its classes file")
    chosen = read(parser, words)
    side, count = (64, 3) if chosen.quick else (384, 40)
    rows = [
        {"labels": "PASCAL (published)", "seed": "", "stride": stride, "bound": PASCAL[stride]} for stride in STRIDES
    ]
    for name, scale in SCALES.items():
        knobs = Knobs(size=(side, side), scale=scale)
        for seed in range(chosen.seeds):
            found = stride_upper_bound(draw_scenes(knobs, count, seed).labels, len(CLASSES))
            rows += [{"labels": name, "seed": seed, "stride": each, "bound": best} for each, best in found.items()]
    if chosen.data is not None:
        found = folder_bounds(chosen.data, chosen.classes)
        rows += [
            {"labels": chosen.data.name, "seed": "", "stride": each, "bound": best} for each, best in found.items()
        ]
    write_table(chosen.out / "stride_bounds.csv", rows)
    lines: dict[str, list[tuple[float, float]]] = {}
    for name in dict.fromkeys(str(row["labels"]) for row in rows):
        shown = []
        for stride in STRIDES:
            values = [float(row["bound"]) for row in rows if (row["labels"], row["stride"]) == (name, stride)]
            interval = t_interval(values)
            lines.setdefault(name, []).append((stride, interval.mean))
            reach = "" if interval.count < 2 else f" +-{interval.high - interval.mean:.3f}"
            shown.append(f"{stride}: {interval.mean:.3f}{reach}")
        print(f"{name:20} " + ", ".join(shown))
    chart = line_chart(lines, "stride in pixels", "mean IoU within reach", "Upper bound by stride", (0, 1))
    write_chart(chosen.out / "stride_bounds.svg", chart)


if __name__ == "__main__":
    main()
