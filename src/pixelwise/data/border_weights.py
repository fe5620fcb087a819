"""U-Net's pixel weights: narrow gaps between two objects weigh more, so that the network learns to keep them apart.

Source: Ronneberger, Fischer, Brox 2015, "U-Net", equation 2: w = w_c + w0 exp(-(d1 + d2)^2 / (2 sigma^2)).
"""

from math import ceil, isfinite, log, sqrt

import numpy as np
import torch
from jaxtyping import Float32, Int32
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]  # scipy ships no types
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE, LabelMap

NEGLIGIBLE = 1e-4
"""Share of w0 below which the weight of a gap is taken as 0: no loss shows it, and it bounds how far objects reach."""


def border_weights(
    instances: LabelMap, w0: float | int = 10, sigma: float | int = 5, class_weight: float | int = 1
) -> Float32[Tensor, "H W"]:
    """The weight of each pixel: `class_weight`, and up to `w0` more where two objects are near; class_weight or more.

    With d1 and d2 the distances in pixels to the nearest and the second nearest object (0 inside an object), it is
    class_weight + w0 exp(-(d1 + d2)^2 / (2 sigma^2)). With fewer than two objects it is class_weight everywhere.
    Where d1 + d2 exceeds 4.3 sigma, the second summand is below 1e-4 w0 and left out; elsewhere it is exact.

    Differs from the paper: it says "distance to the border" of a cell, which leaves the inside of cells open. Here
    distances are to the nearest pixel of the object, so inside an object only the gap to the next one counts.

    Args:
        instances: one number per object, 0 for what belongs to none; see `objects_in` for label maps.
        w0: the largest addition; 10 in the paper.
        sigma: width of the gaps that count, in pixels; 5 in the paper.
        class_weight: w_c of the equation where it is one number; with 0 the result is the second summand alone, to
            which a map of class weights can be added.

    Raises:
        InputError: an object number is negative, w0 or class_weight is, sigma is not above 0, or one of the three is
            not finite.
    """
    _check(w0, sigma, class_weight)
    reach = sigma * sqrt(-2 * log(NEGLIGIBLE))
    # Numbers without gaps: a single object 60000 would otherwise make 60000 boxes.
    numbers, places = np.unique(instances.cpu().numpy(), return_inverse=True)
    if (numbers < 0).any():
        raise InputError("object numbers of at least 0", str(numbers[0]), hint="number what belongs to no object 0")
    objects = places.reshape(instances.shape) + int(0 not in numbers)
    first, second = _two_nearest(objects, ceil(reach))
    sums = first + second
    weights = class_weight + np.where(sums <= reach, w0 * np.exp(-np.square(sums) / (2 * sigma**2)), 0)
    return torch.from_numpy(weights.astype(np.float32)).to(instances.device)


def objects_in(labels: LabelMap) -> Int32[Tensor, "H W"]:
    """The connected components of the classes other than 0, numbered from 1; 0 for background and ignored pixels.

    Pixels are connected through their four sides. Objects of one class that touch are one component: a label map
    cannot tell them apart, an instance map can.

    >>> objects_in(torch.tensor([[1, 0, 1, 2, 255, 2]]))
    tensor([[1, 0, 2, 3, 0, 4]], dtype=torch.int32)
    """
    label_map = labels.cpu().numpy()
    objects = np.zeros(label_map.shape, np.int32)
    found = 0
    for label in np.unique(label_map).tolist():
        if label not in (0, IGNORE):
            components, count = ndimage.label(label_map == label)
            objects += np.where(components > 0, components + found, 0).astype(np.int32)
            found += count
    return torch.from_numpy(objects).to(labels.device)


def _two_nearest(objects: NDArray[np.int64], reach: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances to the nearest and the second nearest object; infinite where it is further than `reach` for sure."""
    first, second = np.full(objects.shape, np.inf), np.full(objects.shape, np.inf)
    boxes = ndimage.find_objects(objects) if objects.size else []
    for number, box in enumerate(boxes, start=1):
        window = tuple(slice(max(0, side.start - reach), side.stop + reach) for side in box)
        distance = ndimage.distance_transform_edt(objects[window] != number)
        second[window] = np.minimum(second[window], np.maximum(first[window], distance))
        first[window] = np.minimum(first[window], distance)
    return first, second


def _check(w0: float | int, sigma: float | int, class_weight: float | int) -> None:
    good = {"w0": w0 >= 0, "sigma": sigma > 0, "class_weight": class_weight >= 0}
    for (name, fits), value in zip(good.items(), (w0, sigma, class_weight), strict=True):
        if not fits or not isfinite(value):
            raise InputError(
                f"{name} {'above' if name == 'sigma' else 'of at least'} 0", str(value), hint="use w0=10, sigma=5"
            )
