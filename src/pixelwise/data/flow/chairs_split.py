"""FlyingChairs' published split: a line for each pair, 1 for training and 2 for the test."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pixelwise.data.faults import Fault, fault_of, relative
from pixelwise.data.flow.items import FlowItem
from pixelwise.data.tables import read_utf8
from pixelwise.errors import InputError

CHAIRS_SPLITS = (
    "FlyingChairs_release_test_train_split.list",
    "FlyingChairs_train_val.txt",
    "chairs_split.txt",
)
"""Names under which the list goes around."""

SPLITS = {"1": "train", "2": "val"}


def with_chairs_split(items: Sequence[FlowItem], file: Path, root: Path, faults: list[Fault]) -> list[FlowItem]:
    """The items with the list's splits, in the order of their numbers; a list that does not fit is a fatal fault."""
    try:
        lines = read_utf8(file, "fetch the list again").split()
    except InputError as error:
        faults.append(fault_of(error, "splits-file", file, root))
        return list(items)
    strange = next((line for line in lines if line not in SPLITS), None)
    if len(lines) != len(items) or strange is not None:
        found = f"a line {strange!r}" if strange is not None else f"{len(lines)} lines for {len(items)} pairs"
        fix = "use the list of this very set: one line, 1 (train) or 2 (validation), for each pair"
        faults.append(Fault("fatal", "splits-file", relative(file, root), found, fix))
        return list(items)
    return [replace(item, split=SPLITS[line]) for item, line in zip(items, lines, strict=True)]
