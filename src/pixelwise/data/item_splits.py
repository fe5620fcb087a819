"""Which image of a folder is in which split, from a table beside the images."""

from collections.abc import Sequence
from dataclasses import Field, replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from pixelwise.data.faults import Fault, fault_of, relative
from pixelwise.data.items import UNLISTED
from pixelwise.data.layouts import SPLIT_NAMES
from pixelwise.data.tables import SPLITS_HINT, Row, read_splits
from pixelwise.errors import InputError


@runtime_checkable
class Listed(Protocol):
    """A data class about one image of a folder."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def name(self) -> str:
        """What differs between items."""

    @property
    def image(self) -> Path:
        """The image file."""

    @property
    def split(self) -> str:
        """The split as far as the folder says it, or ""."""


Entry = TypeVar("Entry", bound=Listed)


def with_splits(items: Sequence[Entry], root: Path, files: Sequence[Path], faults: list[Fault]) -> list[Entry]:
    """The items with splits from the files: "unlisted" where no file names them, "train" where there is no file.

    Args:
        items: those of a folder.
        root: its folder, for messages.
        files: CSV files with the columns file,split, or text files called train.txt, val.txt, test.txt.
        faults: those found are added: a file that cannot be read, a name of no image, an image in two splits.
    """
    if not files:
        return [replace(item, split=item.split or "train") for item in items]
    splits: dict[str, str] = {}
    by_key = {key: item for item in items for key in _keys(item, root)}
    for row in _rows(files, root, faults):
        where, split = row.where.removeprefix(f"{root}/"), SPLIT_NAMES.get(row.cells["split"], row.cells["split"])
        item = by_key.get(row.key.replace("\\", "/").removeprefix("./"))
        if item is None:
            faults.append(Fault("fatal", "split-without-image", where, f"no image is called {row.key}", SPLITS_HINT))
        elif splits.setdefault(item.name, split) != split:
            found = f"{row.key} is in {splits[item.name]} and in {split}"
            faults.append(Fault("fatal", "split-twice", where, found, "keep one of the lines"))
    return [replace(item, split=splits.get(item.name, UNLISTED)) for item in items]


def _rows(files: Sequence[Path], root: Path, faults: list[Fault]) -> list[Row]:
    rows: list[Row] = []
    for file in files:
        try:
            rows.extend(read_splits(file))
        except InputError as error:
            faults.append(fault_of(error, "splits-file", file, root))
    return rows


def _keys(item: Listed, root: Path) -> tuple[str, ...]:
    """All that a table may call an image: its name or its path below the folder, with and without suffix."""
    names = dict.fromkeys((item.name, f"{item.name}{item.image.suffix}", relative(item.image, root)))
    return (*names, *(str(PurePosixPath(name).with_suffix("")) for name in names))
