"""Labels 1..K for the class names of a data set; 0 for what is called background."""

from collections.abc import Iterable, Sequence

from pixelwise.errors import InputError

BACKGROUND = "background"


def class_names(names: Iterable[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The classes, background first: those wanted, or the names of the data set in their order.

    Args:
        names: what the data set calls its classes; one called background (in any case) is not a class of its own.
        wanted: the classes of a run, background first, so that labels mean the same there.

    Raises:
        InputError: the wanted classes do not begin with background, or one is there twice.
    """
    if wanted is None:
        return (BACKGROUND, *(name for name in names if not is_background(name)))
    if not wanted or wanted[0] != BACKGROUND or len(set(wanted)) < len(wanted):
        raise InputError(
            "different class names that begin with background", ", ".join(wanted) or "none", hint="(background, cow)"
        )
    return tuple(wanted)


def labels_of(names: Iterable[str], classes: Sequence[str]) -> dict[str, int]:
    """The label of each name: 0 for background, 1..K for the others; names that are no class are not in it.

    >>> labels_of(("cow", "Background", "sheep"), ("background", "cow"))
    {'cow': 1, 'Background': 0}
    """
    places = {name: place for place, name in enumerate(classes)}
    labels = {name: 0 if is_background(name) else places.get(name) for name in names}
    return {name: label for name, label in labels.items() if label is not None}


def is_background(name: str) -> bool:
    """Whether a name means what lies in no box."""
    return name.strip().casefold() in (BACKGROUND, "__background__")  # the latter: the first Faster R-CNN's files
