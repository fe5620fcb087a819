"""How much of the truth survives each rule for borders: encoded into classes, separated again, compared with itself.

python docs/guides/dsb2018_nuclei_borders.py ../shared/data/dsb2018_nuclei/labels
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from pixelwise.data.formats.masks import read_label_map
from pixelwise.data.instance_labels import touching_borders
from pixelwise.inference.instances import components, separate
from pixelwise.metrics.instances import average_precision, instance_counts, instance_precision
from pixelwise.results import Segmentation

CLASSES = ("background", "nucleus", "border")
Objects = NDArray[np.int32]


def nothing(objects: Objects) -> NDArray[np.bool_]:
    """No border at all: what connected components can tell apart."""
    return np.zeros(objects.shape, bool)


def with_gap(objects: Objects, reach: int) -> NDArray[np.bool_]:
    """Touching borders, and background between two objects that are both near."""
    least = minimum_filter(np.where(objects > 0, objects, np.iinfo(np.int32).max), 2 * reach + 1)
    borders: NDArray[np.bool_] = maximum_filter(objects, 2 * reach + 1) > least
    return borders


def outline(objects: Objects, reach: int) -> NDArray[np.bool_]:
    """The outermost pixels of every object, touched or not."""
    size = 2 * reach + 1
    borders: NDArray[np.bool_] = maximum_filter(objects, size) != minimum_filter(objects, size)
    return borders & (objects > 0)


RULES: dict[str, Callable[[Objects], NDArray[np.bool_]]] = {
    "none": nothing,
    "touching, reach 1": touching_borders,
    "touching, reach 2": lambda objects: touching_borders(objects, 2),
    "touching and the gap, reach 1": lambda objects: with_gap(objects, 1),
    "touching and the gap, reach 2": lambda objects: with_gap(objects, 2),
    "outline, 1 pixel": lambda objects: outline(objects, 1),
    "outline, 2 pixels": lambda objects: outline(objects, 2),
}


def survives(objects: Objects, borders: NDArray[np.bool_], whole: bool) -> torch.Tensor:
    """The counts of a perfect segmenter under a rule; `whole` keeps connected components uncut."""
    planes = torch.from_numpy(np.stack([objects == 0, objects > 0, np.zeros_like(borders)]).astype(np.float32))
    planes[:, torch.from_numpy(borders)] = torch.tensor([[0.0], [0.0], [1.0]])
    perfect = Segmentation(planes.argmax(0), CLASSES, planes)
    found = (components if whole else separate)(perfect, ["nucleus"], "border")
    return instance_counts(found.labels, torch.from_numpy(objects))


def main() -> None:
    """Prints one row per rule."""
    maps = [read_label_map(path).astype(np.int32) for path in sorted(Path(sys.argv[1]).glob("*.png"))]
    areas = np.concatenate([np.unique(each[each > 0], return_counts=True)[1] for each in maps])
    smallest, low, middle = np.quantile(areas, (0, 0.01, 0.5)).astype(int)
    print(f"{len(maps)} images, {len(areas)} nuclei; pixels: least {smallest}, 1st percentile {low}, median {middle}")
    pixels = sum(each.size for each in maps)
    print("| rule | border pixels | AP | AP at 0.5 | AP at 0.9 | lost at 0.5 | invented at 0.5 |")
    print("|---|---|---|---|---|---|---|")
    for name, rule in RULES.items():
        borders = [rule(each) for each in maps]
        counts = torch.stack([survives(*pair, rule is nothing) for pair in zip(maps, borders, strict=True)])
        at, total = instance_precision(counts).nanmean(0), counts.sum(0)
        share = sum(int(each.sum()) for each in borders) / pixels
        scores = f"{float(average_precision(counts).nanmean()):.3f} | {at[0]:.3f} | {at[8]:.3f}"
        print(f"| {name} | {share:.2%} | {scores} | {int(total[0, 2])} | {int(total[0, 1])} |", flush=True)


if __name__ == "__main__":
    main()
