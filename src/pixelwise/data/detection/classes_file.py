"""Which classes of a detection folder a run is to learn, from a file beside it or named by the user."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.classes import ClassTable, read_classes
from pixelwise.data.detection.class_numbers import BACKGROUND, is_background
from pixelwise.data.detection.folder import layout_of
from pixelwise.data.detection.instance_folder import object_names, own_table


class ClassChoice(NamedTuple):
    """Class names, the background first, or None for the data set's own; and for label maps what their values mean."""

    names: Sequence[str] | None = None
    table: ClassTable | None = None


def read_choice(root: Path, file: Path | None) -> ClassChoice:
    """The classes that a file names: one name on a line, or for label maps `first-last name`, as for segmentation.

    Args:
        root: the data set.
        file: the file; None leaves the choice to the data set, whose label maps have classes.txt.

    Raises:
        InputError: the file cannot be read, or names a class twice.
    """
    if layout_of(root) == "instances":
        table = read_classes(file) if file else own_table(root)
        return ClassChoice(object_names(table), table)
    if file is None:
        return ClassChoice()
    names = [name for name in read_classes(file).names if not is_background(name)]
    return ClassChoice((BACKGROUND, *names))
