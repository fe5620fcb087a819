"""Draws docs/pictures/pasture.png, the picture of the README: python docs/pictures/pasture.py."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.data.pasture import CLASSES, Knobs, Scene, render
from pixelwise.drawing import class_colours, contact_sheet, draw_boxes, flow_picture, overlay, write_picture

COLUMNS = 6
COLOURS = class_colours(len(CLASSES))


def main() -> None:
    """Six scenes, what is known of them, and six more."""
    scenes = [render(Knobs(words=0.3), seed=9, index=index) for index in range(2 * COLUMNS)]
    first, more = scenes[:COLUMNS], scenes[COLUMNS:]
    pictures = [scene.image for scene in first] + [with_truth(scene) for scene in first]
    pictures += [flow_picture(scene.flow) for scene in first] + [scene.image for scene in more]
    write_picture(Path(__file__).with_suffix(".png"), contact_sheet(pictures, COLUMNS, gap=4))


def with_truth(scene: Scene) -> NDArray[np.uint8]:
    """The scene with its masks and boxes over it."""
    colours = COLOURS[scene.classes]
    return draw_boxes(overlay(scene.image, scene.labels, COLOURS), scene.boxes, [""] * len(scene.boxes), colours)


if __name__ == "__main__":
    main()
