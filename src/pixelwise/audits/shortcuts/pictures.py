"""The arms of a swap side by side, with what the model makes of each."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from pixelwise.audits.shortcuts.cases import Cases
from pixelwise.audits.shortcuts.pairing import paired_backgrounds
from pixelwise.audits.shortcuts.swap import ARMS, arms
from pixelwise.drawing import class_colours, contact_sheet, overlay, to_uint8
from pixelwise.ops.resize import resize
from pixelwise.shapes import Image, LabelMap

SIDE = 160
"""Pixels to which small images are enlarged, so that arms can be told apart on a page."""

Picture = NDArray[np.uint8]


def swap_sheet(
    cases: Cases, seed: int, count: int, predict: Callable[[Image], LabelMap] | None = None, classes: Sequence[str] = ()
) -> Picture:
    """The first `count` objects, a row each, in every arm; under each row the labels that a model gives to it.

    Args:
        cases: the objects.
        seed: the swap's, so that the pictures are those that were judged.
        count: how many objects.
        predict: from an image to the class of each pixel; None shows the arms alone.
        classes: names of the classes, for the captions.
    """
    pairings = paired_backgrounds([case.label for case in cases.cases], np.random.default_rng(seed))
    pictures: list[Picture] = []
    captions: list[str] = []
    for case, pairing in list(zip(cases.cases, pairings, strict=True))[:count]:
        shown = [(arm, image) for arm, image in arms(case, pairing, cases)]
        present = [torch.zeros_like(case.image) if image is None else image for _, image in shown]
        pictures += [_enlarged(image) for image in present]
        captions += [arm.replace("_", " ") if image is not None else "none to take" for arm, image in shown]
        if predict is not None:
            labels = [predict(image) for image in present]
            pictures += [_labelled(image, each, len(classes)) for image, each in zip(present, labels, strict=True)]
            captions += [_share(each[case.mask], case.label, classes) for each in labels]
    return contact_sheet(pictures, len(ARMS), captions, gap=4)


def _enlarged(image: Image) -> Picture:
    height, width = image.shape[1:]
    factor = max(1, SIDE // max(height, width))
    return to_uint8(resize(image, (height * factor, width * factor), "nearest-exact"))


def _labelled(image: Image, labels: LabelMap, num_classes: int) -> Picture:
    height, width = image.shape[1:]
    factor = max(1, SIDE // max(height, width))
    larger = resize(labels.cpu(), (height * factor, width * factor), "nearest-exact")
    return overlay(_enlarged(image), larger, class_colours(num_classes), opacity=0.6)


def _share(inside: torch.Tensor, label: int, classes: Sequence[str]) -> str:
    return f"{classes[label]} {float((inside == label).float().mean()):.2f}"
