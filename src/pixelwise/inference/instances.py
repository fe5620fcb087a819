"""Separate objects from the class probabilities of a segmenter that has learned their borders."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelwise.errors import InputError
from pixelwise.results import Instances, Segmentation

MARGIN = 0.5
"""A pixel is part of a seed where the object's probability exceeds the border's by this much: it then has more than
half of the whole, so that a seed is foreground by itself, and a border of a quarter is enough to cut a cell in two."""

FOREGROUND = 0.5
"""Object and border together must be likelier than the rest: a border belongs to the objects it lies between."""

SMALLEST = 16
"""Pixels of the smallest object that is kept: 4 x 4. The smallest of the 2018 Data Science Bowl's nuclei have 21."""


def separate(
    segmentation: Segmentation,
    object_classes: Sequence[str],
    border_class: str,
    margin: float | int = MARGIN,
    smallest: int = SMALLEST,
) -> Instances:
    """The objects of one image: seeds where an object is surer than its border, grown by a watershed.

    Seeds are the connected pixels (sharing an edge) in which one object class exceeds the border by `margin`. They
    grow over the foreground, where objects and border together are likelier than not, from the surest pixels to the
    least sure, and meet on the borders; each keeps its class. A piece of foreground without a seed is an object of its
    own, so that an object too small to have an inside is not lost. What has fewer than `smallest` pixels is dropped.

    Every map lies in memory whole: 4 bytes a pixel for each class's probability and about 57 more (measured with one
    object class), so an image of 10,000 x 10,000 pixels and three classes takes some 7 GB. Objects have no size limit,
    so tiles with an overlap could cut some; there are none here.

    Args:
        segmentation: with probabilities.
        object_classes: the classes whose objects are told apart.
        border_class: the class of pixels on a border; it serves all object classes.
        margin: see `MARGIN`; a higher one cuts more, a lower one joins more.
        smallest: see `SMALLEST`.

    Raises:
        InputError: a segmentation without probabilities, a class that it does not have, or no scikit-image.
    """
    watershed, label = separation_operations()
    objects, border = _planes(segmentation, object_classes, border_class)
    best, sure = objects.argmax(0).astype(np.uint8), objects.max(0) - border
    inside = objects.sum(0) + border > FOREGROUND
    inner = inside & (sure > margin)
    markers = label(np.where(inner, best + 1, 0).astype(np.uint8), connectivity=1)  # 254 classes at most
    pieces = label(inside, connectivity=1)
    seeded = np.zeros(int(pieces.max(initial=0)) + 1, bool)
    seeded[pieces[inner]] = True
    lonely = inside & ~seeded[pieces]
    markers[lonely] = pieces[lonely] + markers.max(initial=0)
    grown = watershed(-sure, markers, mask=inside)
    return _kept(grown, objects, object_classes, smallest, (inner, best))


def components(
    segmentation: Segmentation, object_classes: Sequence[str], border_class: str, smallest: int = SMALLEST
) -> Instances:
    """The connected pieces of the foreground, borders included: what `separate` would give without learned borders.

    The floor beside which a separation is judged. Arguments and errors are those of `separate`.
    """
    _, label = separation_operations()
    objects, border = _planes(segmentation, object_classes, border_class)
    pieces = label(objects.sum(0) + border > FOREGROUND, connectivity=1)
    return _kept(pieces, objects, object_classes, smallest)


def separation_operations() -> tuple[Any, Any]:
    """Watershed and connected components, from a package that only this step needs.

    Raises:
        InputError: it is not installed; long work asks before it starts.
    """
    try:
        from skimage.measure import label  # noqa: PLC0415
        from skimage.segmentation import watershed  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "the package scikit-image, which separates objects", "none", "pip install 'pixelwise[instances]'"
        ) from error
    return watershed, label


def _planes(
    segmentation: Segmentation, object_classes: Sequence[str], border_class: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities of the object classes, (C, H, W), and of the border, (H, W)."""
    if segmentation.probabilities is None:
        raise InputError(
            "a segmentation with probabilities", "labels alone", "predict with predictor.predict(image, True)"
        )
    for name in (*object_classes, border_class):
        if name not in segmentation.classes:
            raise InputError(f"classes of the model ({', '.join(segmentation.classes)})", repr(name), "check the name")
    if not object_classes or border_class in object_classes:
        got = ", ".join(object_classes) or "none"
        raise InputError(f"object classes beside the border {border_class}", got, "name the classes of the objects")
    planes = segmentation.probabilities.detach().cpu().float().numpy()
    return planes[[segmentation.classes.index(name) for name in object_classes]], planes[
        segmentation.classes.index(border_class)
    ]


def _kept(
    labels: NDArray[Any],
    objects: NDArray[np.float32],
    names: Sequence[str],
    smallest: int,
    seeds: tuple[NDArray[np.bool_], NDArray[np.uint8]] | None = None,
) -> Instances:
    """The objects that are large enough, numbered anew, each with its class and score.

    An object has the class of its seed (`seeds` are their pixels and the classes there), else the likeliest inside it.
    """
    count = int(labels.max(initial=0))
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    sums = np.stack([np.bincount(labels.ravel(), plane.ravel(), count + 1) for plane in objects])
    kinds = sums.argmax(0)
    if seeds is not None:
        inner, best = seeds
        kinds[labels[inner]] = best[inner]
    chosen = np.flatnonzero(areas >= max(1, smallest))
    chosen = chosen[chosen > 0]
    numbers = np.zeros(count + 1, np.int32)
    numbers[chosen] = np.arange(1, len(chosen) + 1, dtype=np.int32)
    scores = sums[kinds[chosen], chosen] / areas[chosen]
    return Instances(
        torch.from_numpy(numbers[labels]),
        tuple(names[kind] for kind in kinds[chosen].tolist()),
        torch.from_numpy(scores.astype(np.float32)),
    )
