"""What the evaluator takes: the true objects and the detections of one image.

Any record with these attributes will do: `pixelwise.data.detection.objects.Objects` and `pixelwise.results.Detections`
have them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.metrics.detection.protocol import Kind
from pixelwise.ops.run_lengths import Rle


@runtime_checkable
class WindowedMasks(Protocol):
    """Masks that can say their run lengths, as `pixelwise.ops.CroppedMasks` can."""

    def run_lengths(self) -> list[Rle]:
        """Every mask as COCO's run lengths."""


@runtime_checkable
class Truth(Protocol):
    """The true objects of one image; `areas` and `difficult` may be missing."""

    @property
    def boxes(self) -> Tensor:
        """N boxes."""

    @property
    def labels(self) -> Tensor:
        """1..K."""

    @property
    def crowd(self) -> Tensor:
        """Which are crowds."""

    @property
    def masks(self) -> Sequence[Rle] | None:
        """One for each, or None."""


@runtime_checkable
class Found(Protocol):
    """The detections of one image, in any order."""

    @property
    def boxes(self) -> Tensor:
        """N boxes."""

    @property
    def scores(self) -> Tensor:
        """One for each."""

    @property
    def labels(self) -> Tensor:
        """1..K."""

    @property
    def masks(self) -> object:
        """A sequence of run lengths, `WindowedMasks`, or None."""


@dataclass(frozen=True)
class ImageTruth:
    """The true objects of one image.

    `boxes` are x0 y0 x1 y1 in pixels, ends exclusive; `labels` are 1..K; `crowd` marks regions in which detections are
    neither right nor wrong. `areas` in square pixels, where the annotations tell them, decide what is small; else the
    masks' or boxes' areas do. `difficult` objects count as little as crowds, but as one object each.
    """

    boxes: Float[Tensor, "N 4"]
    labels: Int64[Tensor, " N"]
    crowd: Bool[Tensor, " N"]
    masks: Sequence[Rle] | None = None
    areas: Float[Tensor, " N"] | None = None
    difficult: Bool[Tensor, " N"] | None = None


@dataclass(frozen=True)
class ImageDetections:
    """The detections of one image: boxes as in `ImageTruth`, scores (higher is surer), labels 1..K, masks or None."""

    boxes: Float[Tensor, "N 4"]
    scores: Float[Tensor, " N"]
    labels: Int64[Tensor, " N"]
    masks: Sequence[Rle] | WindowedMasks | None = None


def run_lengths_of(masks: object) -> list[Rle]:
    """The run lengths of masks in either form."""
    if isinstance(masks, WindowedMasks):
        return masks.run_lengths()
    assert isinstance(masks, Sequence), "check_records has seen these masks"
    return list(masks)


def check_records(truths: Sequence[Truth], found: Sequence[Found], classes: int, kind: Kind) -> None:
    """Refuses what would end in silent garbage.

    Args:
        truths: by image.
        found: the detections, by image.
        classes: K, without the background.
        kind: what is compared.

    Raises:
        InputError: the numbers of images, boxes, labels, scores or masks differ; a score is NaN; a box is not finite;
            a label is outside 1..K; masks are asked for and missing; or an unknown kind.
    """
    if kind not in ("boxes", "masks"):
        raise InputError("boxes or masks", repr(kind), hint='kind="boxes" compares boxes')
    if len(truths) != len(found):
        raise InputError(
            f"detections for {len(truths)} images", f"{len(found)}", hint="give empty detections where none were found"
        )
    for number, (truth, detections) in enumerate(zip(truths, found, strict=True)):
        _check_objects(truth, classes, kind, f"the true objects of image {number}")
        _check_objects(detections, classes, kind, f"the detections of image {number}")
        _check_scores(detections, f"the detections of image {number}")
        _check_lengths(truth, ("crowd", "areas", "difficult"), f"the true objects of image {number}")


def _check_objects(record: Truth | Found, classes: int, kind: Kind, what: str) -> None:
    count = len(record.labels)
    if tuple(record.boxes.shape) != (count, 4):
        raise InputError(f"{count} boxes in {what}", f"shape {tuple(record.boxes.shape)}", hint="one box per label")
    if count and not bool(record.boxes.isfinite().all()):
        raise InputError(f"finite boxes in {what}", "NaN or infinity", hint="leave such boxes out")
    if count and not 1 <= int(record.labels.min()) <= int(record.labels.max()) <= classes:
        raise InputError(
            f"labels 1..{classes} in {what}",
            f"{int(record.labels.min())}..{int(record.labels.max())}",
            hint="0 is background; labels are places in `classes`, not COCO's category ids",
        )
    if kind == "masks" and count:
        masks = record.masks
        number = 0 if masks is None else len(run_lengths_of(masks))
        if number != count:
            raise InputError(f"{count} masks in {what}", f"{number}", hint='kind="boxes" needs none')


def _check_scores(found: Found, what: str) -> None:
    if tuple(found.scores.shape) != (len(found.labels),):
        raise InputError(
            f"{len(found.labels)} scores in {what}", f"shape {tuple(found.scores.shape)}", hint="one score per label"
        )
    if bool(torch.isnan(found.scores).any()):
        raise InputError(f"scores that are numbers in {what}", "NaN", hint="a training that diverged gives such scores")


def _check_lengths(truth: Truth, names: tuple[str, ...], what: str) -> None:
    for name in names:
        part = getattr(truth, name, None)
        if part is not None and len(part) != len(truth.labels):
            raise InputError(f"{name} for {len(truth.labels)} labels in {what}", f"{len(part)}", hint="one per label")
