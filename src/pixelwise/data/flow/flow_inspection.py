"""One pair, its files each read once: what the doctor needs to know about it, and its own faults."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from pixelwise.data.faults import Fault, fault_of, relative
from pixelwise.data.flow.items import FlowItem
from pixelwise.data.flow.pair import FlowPair
from pixelwise.data.flow.reading import read_flow, with_masks
from pixelwise.data.formats.flo import read_flo
from pixelwise.data.formats.pfm import read_pfm
from pixelwise.data.images import read_image
from pixelwise.errors import InputError
from pixelwise.ops.warp import warp
from pixelwise.shapes import Flow, Mask

Read = TypeVar("Read")

CLEARLY = 0.6
"""A flow read otherwise must leave this share of the difference between the images, or less, before the doctor speaks.
On the four Middlebury and three FlyingChairs pairs at hand, other readings leave 1.0 to 8.5 times as much."""

STILL = 0.5
"""Mean motion in pixels below which nothing can be said from how the images fit."""

READINGS: dict[str, Callable[[Flow], Flow]] = {
    "with the opposite sign (it may lead from the second image to the first)": torch.neg,
    "with dx and dy exchanged": lambda flow: flow.flip(0),
    "with dy pointing up": lambda flow: flow * flow.new_tensor([1.0, -1.0])[:, None, None],
}
"""How else a file may be meant, and the flow then."""


@dataclass(frozen=True)
class FlowInspection:
    """What one pair holds.

    `content` is a hash of both image files, "" where one cannot be read. `known` counts the pixels with valid flow,
    `lengths` sums their motion in pixels and `longest` is the longest.
    """

    item: FlowItem
    content: str
    pixels: int
    known: int
    lengths: float
    longest: float
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class _Notes:
    """Faults of one pair while they are collected."""

    root: Path
    faults: list[Fault] = field(default_factory=list)

    def fatal(self, kind: str, file: Path, found: str, fix: str) -> None:
        self.faults.append(Fault("fatal", kind, relative(file, self.root), found, fix))

    def warn(self, kind: str, file: Path, found: str, fix: str) -> None:
        self.faults.append(Fault("warning", kind, relative(file, self.root), found, fix))

    def read(self, kind: str, file: Path, reader: Callable[[], Read]) -> Read | None:
        """What the reader gives; its error becomes a fault."""
        try:
            return reader()
        except InputError as error:
            self.faults.append(fault_of(error, kind, file, self.root))
            return None


def inspect_flow(item: FlowItem, root: Path) -> FlowInspection:
    """Reads the files of a pair and compares them; raises nothing for a fault of the data."""
    notes = _Notes(root)
    pair = _pair(item, notes)
    content = ""
    if item.image.is_file() and item.second.is_file():
        content = hashlib.blake2b(item.image.read_bytes() + item.second.read_bytes()).hexdigest()
    if pair is None or item.flow is None:
        return FlowInspection(item, content, 0, 0, 0.0, 0.0, tuple(notes.faults))
    lengths = pair.flow.norm(dim=0)[pair.valid]
    _check_values(item.flow, pair, lengths, notes)
    _check_fit(item, pair, notes)
    longest = float(lengths.max()) if lengths.numel() else 0.0
    total = float(lengths.double().sum())
    return FlowInspection(item, content, pair.valid.numel(), lengths.numel(), total, longest, tuple(notes.faults))


def _pair(item: FlowItem, notes: _Notes) -> FlowPair | None:
    """The pair, if its files can be read and have one size."""
    image = notes.read("unreadable-image", item.image, lambda: read_image(item.image))
    second = notes.read("unreadable-image", item.second, lambda: read_image(item.second))
    same = _compare(item.image, image, item.second, second, notes)
    if item.flow is None:
        return None
    path = item.flow
    motion = notes.read("unreadable-flow", path, lambda: read_flow(path))
    same = _compare(item.image, image, path, motion[0] if motion else None, notes) and same
    if image is None or second is None or motion is None or not same:
        return None
    mask = next((file for file in (item.occlusion, item.seen_flow, item.invalid) if file is not None), path)
    return notes.read("mask", mask, lambda: with_masks(item, image, second, *motion))


def _compare(file: Path, image: Tensor | None, other_file: Path, other: Tensor | None, notes: _Notes) -> bool:
    """Whether two maps have one size; where they have not, a fault."""
    if image is None or other is None or image.shape[-2:] == other.shape[-2:]:
        return True
    sizes = [f"{part.shape[-2]}x{part.shape[-1]}" for part in (image, other)]
    found = f"{sizes[1]} (height x width), {relative(file, notes.root)} is {sizes[0]}"
    fix = "take both from one pair; a flow that was computed at another size must be scaled, its vectors too"
    notes.fatal("size-mismatch", other_file, found, fix)
    return False


def _check_values(file: Path, pair: FlowPair, lengths: Tensor, notes: _Notes) -> None:
    if not lengths.numel():
        found = "the flow of every pixel is unknown"
        notes.fatal("all-unknown", file, found, "fetch the file again, or remove the pair")
        return
    diagonal = math.hypot(*pair.valid.shape)
    beyond = int((lengths > diagonal).sum())
    if beyond:
        found = f"{beyond} pixels move farther than the image's diagonal of {diagonal:.0f}, up to {lengths.max():.4g}"
        fix = "check the unit (pixels) and the byte order; mark unknown flow with 1e10"
        notes.fatal("impossible-flow", file, found, fix)
    if file.suffix.lower() in (".flo", ".pfm"):
        raw = read_flo(file) if file.suffix.lower() == ".flo" else read_pfm(file)
        strange = int((~torch.from_numpy(raw).isfinite()).any(2).sum())
        if strange:
            found = f"NaN or infinite in {strange} pixels; they count as unknown"
            notes.warn("not-finite", file, found, "mark unknown flow with 1e10, which every reader understands")


def _check_fit(item: FlowItem, pair: FlowPair, notes: _Notes) -> None:
    """Whether the second image, seen along the flow, is like the first: else the flow may be meant otherwise."""
    assert item.flow is not None
    if torch.equal(pair.image, pair.second):
        if bool((pair.flow.norm(dim=0) > STILL).any()):
            found = f"the same picture as {relative(item.image, notes.root)}, and yet the flow says that it moves"
            notes.warn("same-image", item.second, found, "fetch the second image again")
        return
    if float(pair.flow.norm(dim=0).sum()) < STILL * max(1, int(pair.valid.sum())):
        return
    seen = pair.valid if pair.occluded is None else pair.valid & ~pair.occluded
    as_it_is = _misfit(pair, pair.flow, seen)
    others = {words: _misfit(pair, read(pair.flow), seen) for words, read in READINGS.items()}
    best = min(others, key=lambda words: others[words])
    if others[best] < CLEARLY * as_it_is:
        found = f"{best} it explains the second image better: a difference of {others[best]:.3f}, now {as_it_is:.3f}"
        notes.warn("flow-does-not-fit", item.flow, found, "look at the pair, and write the flow as dx, dy, y down")


def _misfit(pair: FlowPair, flow: Flow, seen: Mask) -> float:
    """Mean difference of colours between the first image and the second seen along the flow."""
    back, inside = warp(pair.second[None], flow[None])
    compared = seen & inside[0]
    if not bool(compared.any()):
        return math.inf
    return float((back[0] - pair.image).abs().mean(0)[compared].mean())
