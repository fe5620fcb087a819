"""How dsb2018_nuclei_splits.csv was made: images that look alike stay in one split, as far as that can be told.

python docs/guides/dsb2018_nuclei_splits.py ../shared/data/dsb2018_nuclei > docs/guides/dsb2018_nuclei_splits.csv
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pixelwise.data.images import read_image

CYCLE = ("train", "test", "train", "val", "train")
"""Blocks are dealt in this order: three fifths train; a kind of two images still has one to test."""

LONGEST = 8
"""Images in a block, or a tenth of their kind: longer blocks cut fewer slides, shorter ones keep the splits alike."""

Key = tuple[int, ...]


def look(image: Path) -> Key:
    """The darkest, dark and middle gray levels: background and stain, which crops of one slide share."""
    levels = np.quantile(read_image(image).mean(0).numpy() * 255, (0.02, 0.1, 0.5))
    return tuple(levels.round().astype(int).tolist())


def blocks(images: list[tuple[Key, str]]) -> Iterator[list[str]]:
    """Neighbours in the order of their looks; equal looks are never parted."""
    least = min(LONGEST, max(1, len(images) // 10))
    block: list[str] = []
    last: Key | None = None
    for key, name in sorted(images):
        if len(block) >= least and key != last:
            yield block
            block = []
        block.append(name)
        last = key
    yield block


def main() -> None:
    """Prints the splits file, in the order of the data set's table."""
    root = Path(sys.argv[1])
    with (root / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    kinds: dict[tuple[str, ...], list[tuple[Key, str]]] = defaultdict(list)
    for row in rows:
        kinds[row["subgroup"], row["width"], row["height"]].append((look(root / f"images/{row['id']}.png"), row["id"]))
    split = {}
    for images in kinds.values():
        for number, block in enumerate(blocks(images)):
            split.update(dict.fromkeys(block, CYCLE[number % len(CYCLE)]))
    print("file,split")
    for row in rows:
        print(f"{row['id']}.png,{split[row['id']]}")


if __name__ == "__main__":
    main()
