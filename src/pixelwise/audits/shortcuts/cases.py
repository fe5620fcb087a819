"""Images with an object in them, cut out by the truth or by the model: what the probes change and ask about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Integer
from torch import Tensor

from pixelwise.data.transforms.sample import Sample
from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE, Image, LabelMap, Mask


@dataclass(frozen=True, eq=False)
class Case:
    """An image, the pixels of its object, and the object's class.

    `taken_out` are all pixels of objects, of any class: what must go when only the background is wanted.
    """

    name: str
    image: Image
    mask: Mask
    label: int
    taken_out: Mask


@dataclass(frozen=True, eq=False)
class Cases:
    """The cases, and why each of the other images is none, by name: nothing is left out in silence."""

    cases: tuple[Case, ...]
    left_out: dict[str, str]

    def __len__(self) -> int:
        return len(self.cases)


def cases_from(samples: Sequence[Sample], names: Sequence[str], background: int | None = 0) -> Cases:
    """The object of each image: the pixels of the class that covers most of it, apart from the background.

    Objects of other classes belong to the surroundings of this one, and are taken out where the background is changed.
    Pixels labelled 255 stay with the background.

    Args:
        samples: images with label maps.
        names: what to call them.
        background: the class that is no object; None where every class is one.

    Raises:
        InputError: as many names as samples are not given, or a sample has no label map.
    """
    if len(names) != len(samples):
        raise InputError(f"a name for each of {len(samples)} images", f"{len(names)}", hint="file names will do")
    found: list[Case] = []
    left_out: dict[str, str] = {}
    for sample, name in zip(samples, names, strict=True):
        if sample.labels is None:
            raise InputError(f"a label map for {name}", "none", hint="objects come from label maps")
        objects = sample.labels != IGNORE
        if background is not None:
            objects &= sample.labels != background
        if not bool(objects.any()):
            left_out[name] = "no object in it"
            continue
        label = int(torch.bincount(sample.labels[objects].long()).argmax())
        found.append(Case(name, sample.image, sample.labels == label, label, objects))
    return Cases(tuple(found), left_out)


@dataclass(frozen=True, eq=False)
class ModelMasks:
    """Cases cut out by a model's masks, and how these compare with the true ones.

    `missed` names the objects of which the model found no pixel; `iou` is the mean over all objects, 0 for missed ones.
    """

    cases: Cases
    missed: tuple[str, ...]
    iou: float


def cut_by_model(cases: Cases, predict: Callable[[Image], LabelMap]) -> ModelMasks:
    """The same cases cut out by the masks that a model predicts, as one without true masks would do.

    An audit on the model's own masks is circular: an object that it misses has no mask, so it is not cut out, and that
    is said. Compare `iou` before believing anything.

    Args:
        cases: with the true masks.
        predict: from an image to the class of each pixel.
    """
    found, missed, overlaps = [], [], []
    left_out = dict(cases.left_out)
    for case in cases.cases:
        with torch.inference_mode():
            labels: Integer[Tensor, "H W"] = predict(case.image)
        mask = labels == case.label
        overlaps.append(int((mask & case.mask).sum()) / max(1, int((mask | case.mask).sum())))
        if bool(mask.any()):
            found.append(replace(case, mask=mask, taken_out=case.taken_out | mask))
        else:
            missed.append(case.name)
            left_out[case.name] = "the model found no pixel of its object"
    mean = sum(overlaps) / len(overlaps) if overlaps else float("nan")
    return ModelMasks(Cases(tuple(found), left_out), tuple(missed), mean)
