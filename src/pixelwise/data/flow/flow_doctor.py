"""The doctor for flow: every fault of a folder of pairs, with file, what was found, and the fix."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pixelwise.data.faults import Fault
from pixelwise.data.flow.flow_inspection import FlowInspection, inspect_flow
from pixelwise.data.flow.folder import list_flow
from pixelwise.data.folder import ordered_splits
from pixelwise.data.twins import twin_faults

THREADS = 4
"""Decoders let other threads run while they work."""


@dataclass(frozen=True)
class FlowDiagnosis:
    """The result of an examination.

    `splits` counts pairs. `known` is the share of pixels whose flow is valid, `mean` their mean motion in pixels, which
    is what "no motion at all" scores as end-point error, and `longest` the longest.
    """

    root: Path
    layout: str
    pairs: int
    splits: Mapping[str, int]
    known: float
    mean: float
    longest: float
    faults: tuple[Fault, ...]

    @property
    def fatal(self) -> tuple[Fault, ...]:
        """The faults that training refuses."""
        return tuple(fault for fault in self.faults if fault.severity == "fatal")

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """The faults that are worth a look."""
        return tuple(fault for fault in self.faults if fault.severity == "warning")


def examine_flow(
    root: Path, splits: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> FlowDiagnosis:
    """Every fault of a folder of pairs; fatal ones first. Each image is decoded once.

    The arguments are those of `pixelwise.data.flow.open_flow`; `progress` is called with the pairs done and all pairs.

    Raises:
        InputError: nothing there or no known layout. Faults of single pairs are never raised.
    """
    folder = list_flow(root, splits)
    inspections: list[FlowInspection] = []
    with ThreadPoolExecutor(THREADS) as threads:
        for done, found in enumerate(threads.map(partial(inspect_flow, root=folder.root), folder.items), start=1):
            inspections.append(found)
            if progress:
                progress(done, len(folder.items))
    faults = [*folder.faults, *(fault for found in inspections for fault in found.faults)]
    faults += twin_faults(inspections, folder.root, "pair", "the same two images", "duplicate-pair")
    counts = Counter(item.split for item in folder.items)
    known, pixels = (sum(getattr(found, name) for found in inspections) for name in ("known", "pixels"))
    return FlowDiagnosis(
        root=folder.root,
        layout=folder.layout,
        pairs=len(folder.items),
        splits={split: counts[split] for split in ordered_splits(counts)},
        known=known / max(1, pixels),
        mean=sum(found.lengths for found in inspections) / max(1, known),
        longest=max((found.longest for found in inspections), default=0.0),
        faults=tuple(sorted(faults, key=lambda fault: fault.severity != "fatal")),
    )
