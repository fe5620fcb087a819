"""Draws docs/pictures/flying.jpg and flow_motion.svg, the pictures of the guide on flow data.

python docs/pictures/flying.py [FOLDER], with the folder of FlyingChairs' released examples; without it the chart shows
ours alone.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.data.flow import open_flow, read_pair
from pixelwise.data.flying import FlyingPairs, Recipe
from pixelwise.drawing import contact_sheet, flow_picture, line_chart, to_uint8, write_picture

SHOWN = 6
COUNTED = 200
SMALLER = 4
"""The counted pairs are this many times smaller, and so is their motion: the curve is the same, and sooner drawn."""

LENGTHS = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)
"""Pixels, each twice the one before: half of all motion is below a few pixels, and the longest is above 100."""


def main() -> None:
    """Six pairs with their motion and what is hidden; and how much of the pixels moves less than so many pixels."""
    here = Path(__file__).parent
    pictures = []
    for pair in FlyingPairs(Recipe((192, 256)), seed=1, pairs=SHOWN):
        hidden = np.repeat(pair.occluded.numpy()[..., None], 3, axis=2).astype(np.uint8) * np.uint8(255)
        pictures += [to_uint8(pair.image), to_uint8(pair.second), flow_picture(pair.flow), hidden]
    write_picture(here / "flying.jpg", contact_sheet(pictures, 4, gap=4))
    small = Recipe((384 // SMALLER, 512 // SMALLER))
    ours = [SMALLER * pair.flow.norm(dim=0).numpy() for pair in FlyingPairs(small, seed=0, pairs=COUNTED)]
    curves = {f"flying shapes, {COUNTED} pairs": shares(ours)}
    for folder in sys.argv[1:]:
        theirs = [read_pair(item).flow.norm(dim=0).numpy() for item in open_flow(Path(folder)).items]
        curves[f"FlyingChairs, {len(theirs)} released pairs"] = shares(theirs)
    chart = line_chart(
        curves, "length of motion in pixels, as a power of 2", "share of pixels", "Pixels that move less than this"
    )
    (here / "flow_motion.svg").write_text(chart + "\n", encoding="utf-8")


def shares(lengths: list[NDArray[np.float32]]) -> list[tuple[float, float]]:
    """For each length (as a power of 2) the share of pixels that move less."""
    every = np.concatenate([one.ravel() for one in lengths])
    return [(float(np.log2(limit)), float(np.mean(every < limit))) for limit in LENGTHS]


if __name__ == "__main__":
    main()
