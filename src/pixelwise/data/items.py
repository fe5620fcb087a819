"""The items of a data set folder: each image with its label map, split and attributes; and the faults of the list."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from pixelwise.data.faults import Fault, fault_of, relative
from pixelwise.data.layouts import LAYOUT_HINT, SPLIT_NAMES, Partners, find_partners, find_places
from pixelwise.data.tables import ATTRIBUTES_HINT, SPLITS_HINT, Row, read_splits, read_table
from pixelwise.errors import InputError

UNLISTED = "unlisted"
"""The split of images that a splits file does not mention."""

ATTRIBUTE_FILES = ("attributes.csv", "index.csv")


@dataclass(frozen=True)
class Item:
    """One image of a data set.

    `name` is its path under the folder of images, with "/" and its suffix; `labels` is None when there is no label
    map. Every item of a folder has the same attributes; a missing value is "".
    """

    name: str
    image: Path
    labels: Path | None
    split: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """All items of a folder, in order of split folder and name, and the faults found while listing them."""

    items: tuple[Item, ...]
    faults: tuple[Fault, ...]


def list_items(root: Path, splits: Path | None, attributes: Path | None) -> Listing:
    """The items of a folder; reads its tables and file names, but no image.

    Raises:
        InputError: the folder is missing, has no known layout or no image, or a file named by the caller is missing.
    """
    for given in (splits, attributes):
        if given is not None and not given.exists():
            raise InputError("an existing splits or attributes file", f"{given}", hint="check the path")
    partners = [find_partners(place) for place in find_places(root)]
    items = [item for group in partners for item in _items(group)]
    if not items:
        folders = ", ".join(str(group.place.images) for group in partners)
        raise InputError("at least one PNG, JPEG, BMP or TIFF image", f"none in {folders}", hint=LAYOUT_HINT)
    faults = [fault for group in partners for fault in _partner_faults(group, root)]
    items, split_faults = _with_splits(items, root, splits)
    items, attribute_faults = _with_attributes(items, root, attributes)
    return Listing(tuple(items), (*faults, *split_faults, *attribute_faults))


def _items(partners: Partners) -> list[Item]:
    place = partners.place
    names = {image: image.relative_to(place.images) for image in partners.images}
    # images/train/a.png: the first folder is the split when every image lies in such a folder.
    inside = all(len(name.parts) > 1 and name.parts[0].casefold() in SPLIT_NAMES for name in names.values())
    return [
        Item(
            name=names[image].as_posix(),
            image=image,
            labels=labels[0] if labels else None,
            split=place.split or (SPLIT_NAMES[names[image].parts[0].casefold()] if inside else ""),
        )
        for image, labels in partners.images.items()
    ]


def _partner_faults(partners: Partners, root: Path) -> list[Fault]:
    faults: list[Fault] = []
    stems: dict[Path, Path] = {}
    for image, labels in partners.images.items():
        file = relative(image, root)
        first = stems.setdefault(image.with_suffix(""), image)
        if first != image:
            found = f"{first.name} has the same name but for the suffix, so both have one label map"
            faults.append(Fault("warning", "same-stem", file, found, "rename or remove one of them"))
        if len(labels) > 1:
            found = f"several label maps: {', '.join(label.name for label in labels)}; the first is used"
            faults.append(Fault("warning", "two-label-maps", file, found, "keep one of them"))
    for label in partners.lonely:
        fix = "add the image under the same name, or remove the label map"
        faults.append(
            Fault("warning", "label-without-image", relative(label, root), "a label map without an image", fix)
        )
    for other in partners.others:
        fix = "save it as PNG, JPEG, BMP or TIFF, or move it elsewhere"
        faults.append(
            Fault("warning", "other-file", relative(other, root), "not an image by its suffix; left out", fix)
        )
    return faults


def _with_splits(items: list[Item], root: Path, given: Path | None) -> tuple[list[Item], list[Fault]]:
    """The items with their splits: from a file when there is one, else as the folders say, else all "train"."""
    files = _split_files(root, given, said=any(item.split for item in items))
    if not files:
        return [replace(item, split=item.split or "train") for item in items], []
    rows, faults = _read_all(files, read_splits, "splits-file", root)
    found, key_faults = _match(rows, items, root, "fatal", "split", SPLITS_HINT)
    split_of = {item.image: SPLIT_NAMES.get(row.cells["split"].casefold(), row.cells["split"]) for item, row in found}
    for item in items:
        if item.image not in split_of and not faults:
            text = "in no split; neither trained nor tested on"
            faults.append(Fault("warning", UNLISTED, relative(item.image, root), text, "add it to the splits file"))
    return [replace(item, split=split_of.get(item.image, UNLISTED)) for item in items], [*faults, *key_faults]


def _split_files(root: Path, given: Path | None, said: bool) -> list[Path]:
    """The splits files to read; those that merely lie in the folder count only where the folders name no splits."""
    if given is not None and given.is_file():
        return [given]
    folder = given or root
    if given is None and said:
        return []
    if (folder / "splits.csv").is_file():
        return [folder / "splits.csv"]
    return [folder / f"{name}.txt" for name in SPLIT_NAMES if (folder / f"{name}.txt").is_file()]


def _with_attributes(items: list[Item], root: Path, given: Path | None) -> tuple[list[Item], list[Fault]]:
    default = next((root / name for name in ATTRIBUTE_FILES if (root / name).is_file()), None)
    file = given or default
    if file is None:
        return items, []
    rows, faults = _read_all([file], lambda path: read_table(path, ATTRIBUTES_HINT), "attributes-file", root)
    found, key_faults = _match(rows, items, root, "warning", "attributes", ATTRIBUTES_HINT)
    cells = {item.image: row.cells for item, row in found}
    empty = dict.fromkeys(rows[0].cells, "") if rows else {}
    for item in items:
        if rows and item.image not in cells:
            text = f"no row in {relative(file, root)}"
            faults.append(Fault("warning", "no-attributes", relative(item.image, root), text, "add a row for it"))
    return [replace(item, attributes=cells.get(item.image, empty)) for item in items], [*faults, *key_faults]


def _read_all(
    files: list[Path], read: Callable[[Path], list[Row]], kind: str, root: Path
) -> tuple[list[Row], list[Fault]]:
    """The rows of all files; a file that cannot be read is a fault."""
    rows: list[Row] = []
    faults: list[Fault] = []
    for file in files:
        try:
            rows.extend(read(file))
        except InputError as error:
            faults.append(fault_of(error, kind, file, root))
    return rows, faults


def _match(
    rows: Iterable[Row], items: list[Item], root: Path, unmatched: Literal["fatal", "warning"], kind: str, hint: str
) -> tuple[list[tuple[Item, Row]], list[Fault]]:
    """Each row with its item; rows of no item, of several items, or of an item that has one already are faults."""
    by_key = _by_key(items, root)
    matched: dict[Path, tuple[Item, Row]] = {}
    faults: list[Fault] = []
    for row in rows:
        where = row.where.removeprefix(f"{root}/")
        found = by_key.get(_normal(row.key), [])
        if not found:
            faults.append(Fault(unmatched, f"{kind}-without-image", where, f"no image is called {row.key}", hint))
        elif len(found) > 1:
            names = ", ".join(relative(item.image, root) for item in found[:3])
            fix = "write the path below the data set's folder"
            faults.append(Fault("fatal", f"{kind}-ambiguous", where, f"{row.key} may be {names}", fix))
        elif found[0].image in matched:
            first = matched[found[0].image][1].where
            faults.append(
                Fault("fatal", f"{kind}-twice", where, f"{row.key} again, after {first}", "keep one of the lines")
            )
        else:
            matched[found[0].image] = (found[0], row)
    return list(matched.values()), faults


def _by_key(items: list[Item], root: Path) -> dict[str, list[Item]]:
    """Items by all that a table may call them: name, split/name, path below the folder; each also without suffix."""
    exact: dict[str, list[Item]] = {}
    bare: dict[str, list[Item]] = {}
    for item in items:
        for key in dict.fromkeys((item.name, f"{item.split}/{item.name}", relative(item.image, root))):
            exact.setdefault(key, []).append(item)
            bare.setdefault(str(PurePosixPath(key).with_suffix("")), []).append(item)
    # A whole name wins over the stem of another: "a.b" is the file a.b before it is a.b.png without its suffix.
    return bare | exact


def _normal(key: str) -> str:
    return key.replace("\\", "/").removeprefix("./")
