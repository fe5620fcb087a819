"""A folder of image pairs with flow as a list of items with splits, in the layout of any data set of the field."""

from dataclasses import dataclass, replace
from pathlib import Path

from pixelwise.data.faults import Fault, relative
from pixelwise.data.flow.chairs_split import CHAIRS_SPLITS, with_chairs_split
from pixelwise.data.flow.items import FlowItem
from pixelwise.data.flow.layouts import FINDERS, LOOKED_FOR
from pixelwise.data.folder import ordered_splits
from pixelwise.data.item_splits import with_splits
from pixelwise.errors import InputError


@dataclass(frozen=True)
class FlowFolder:
    """The pairs of a data set; `faults` are those of the listing, such as pairs that lack a file.

    `layout` is "chairs", "sintel", "kitti", "middlebury" or "pairs" (our own).
    """

    root: Path
    layout: str
    items: tuple[FlowItem, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have items: train, val, test, then others by name."""
        return ordered_splits(item.split for item in self.items)

    @property
    def parts(self) -> tuple[str, ...]:
        """The kinds of rendering, such as Sintel's clean and final; empty where there is only one."""
        return tuple(sorted({item.part for item in self.items} - {""}))

    def only(self, split: str | None = None, part: str | None = None) -> "FlowFolder":
        """The same data set with the items of one split, of one part, or of both.

        Raises:
            InputError: no item is of that kind; names those there are.
        """
        items = tuple(item for item in self.items if split in (None, item.split) and part in (None, item.part))
        if not items:
            there = f"splits {', '.join(self.splits)}" + (f"; parts {', '.join(self.parts)}" if self.parts else "")
            got = " and ".join(repr(wish) for wish in (split, part) if wish is not None)
            raise InputError(f"pairs of {self.root}: {there}", got, hint="choose one of these")
        return replace(self, items=items)


def open_flow(root: Path, splits: Path | None = None) -> FlowFolder:
    """The pairs and splits of a data set; the layout is recognised by the files that are there. No image is read.

    Splits come from `splits` (a CSV with the columns file,split, or train.txt, val.txt, test.txt), else from the
    layout (Sintel, KITTI, FlyingChairs' own list), else from splits.csv in the root; without any, all are "train".

    Raises:
        InputError: nothing there, no known layout (the message says what was looked for), no pair, or a fatal fault of
            the listing such as a pair that lacks a file.
    """
    folder = list_flow(root, splits)
    fatal = next((fault for fault in folder.faults if fault.severity == "fatal"), None)
    if fatal:
        raise fatal.as_error()
    return folder


def list_flow(root: Path, splits: Path | None = None) -> FlowFolder:
    """As `open_flow`, but faults are kept in `faults` for the doctor; a pair that lacks a file is left out.

    Raises:
        InputError: nothing there, no known layout, or the splits file is missing.
    """
    root = Path(root)
    if splits is not None and not splits.exists():
        raise InputError("an existing splits file", f"{splits}", hint="check the path")
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise InputError("a folder with pairs of images and flow", f"{root}, where there is {found}", "check the path")
    layout, items = _found(root)
    faults: list[Fault] = []
    items = _with_splits(items, root, layout, splits, faults)
    whole = tuple(item for item in items if _is_whole(item, root, faults))
    return FlowFolder(root, layout, whole, tuple(faults))


def holds_pairs(root: Path) -> bool:
    """Whether a folder has the layout of a flow data set; False where there is no folder."""
    return root.is_dir() and any(find(root) for find in FINDERS.values())


def _found(root: Path) -> tuple[str, list[FlowItem]]:
    for layout, find in FINDERS.items():
        items = find(root)
        if items:
            return layout, items
    inside = ", ".join(sorted(child.name for child in root.iterdir())[:8]) or "nothing"
    raise InputError("a folder with pairs of images and flow", f"{root} with {inside}", hint=LOOKED_FOR)


def _with_splits(
    items: list[FlowItem], root: Path, layout: str, given: Path | None, faults: list[Fault]
) -> list[FlowItem]:
    own = root / "splits.csv"
    published = next((root / name for name in CHAIRS_SPLITS if (root / name).is_file()), None)
    if given is None and layout == "chairs" and published is not None:
        return with_chairs_split(items, published, root, faults)
    if given is None and any(item.split for item in items):
        return items
    return with_splits(items, root, [file for file in (given or own,) if file.is_file()], faults)


def _is_whole(item: FlowItem, root: Path, faults: list[Fault]) -> bool:
    """Whether all files of a pair are there; a fault for each that is not."""
    missing = [file for file in item.files if not file.is_file()]
    there = next((file for file in item.files if file.is_file()), root)
    for file in missing:
        found = f"its partner {relative(file, root)} is not there"
        faults.append(
            Fault("fatal", "missing-partner", relative(there, root), found, "fetch that file, or remove the pair")
        )
    return not missing
