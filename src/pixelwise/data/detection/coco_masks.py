"""One COCO segmentation, whichever of its three forms it has, as run lengths."""

from typing import Any

from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.polygon_fill import fill_polygons
from pixelwise.data.detection.written_values import coordinates, shown
from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import Rle, rle_area
from pixelwise.shapes import Size

BROKEN = "correct it; until then the object counts for boxes, and for masks its box is a region to ignore"


def read_segmentation(segmentation: Any, size: Size, name: str, notes: Notes) -> Rle | None:
    """The mask of an object; None where there is none, or none that can be read, which is noted.

    Args:
        segmentation: polygons, or an object with size and counts; nothing or an empty list where there is none.
        size: height and width of the image.
        name: what to call the object.
        notes: where faults go.

    Raises:
        InputError: it cannot be read and faults are not collected.
    """
    if segmentation is None or segmentation == []:
        return None
    if isinstance(segmentation, dict):
        return _run_lengths(segmentation, size, name, notes)
    if not isinstance(segmentation, list):
        notes.lost("segmentation", f"{name}: segmentation {shown(segmentation)}", BROKEN)
        return None
    polygons = [_points(polygon, f"{name}, polygon {place}", notes) for place, polygon in enumerate(segmentation)]
    drawn = [polygon for polygon in polygons if polygon]
    try:
        return fill_polygons(drawn, size, name) if drawn else None
    except InputError as error:
        notes.lost("segmentation", error.got, BROKEN)
        return None


def _run_lengths(segmentation: dict[str, Any], size: Size, name: str, notes: Notes) -> Rle | None:
    counts = segmentation.get("counts")
    rle: Rle = {"size": list(size), "counts": counts if counts is not None else []}
    if segmentation.get("size") != list(size):
        found = f"{name}: run lengths of size {shown(segmentation.get('size'))}, the image is {size[0]}x{size[1]}"
        notes.lost("rle-size", found, BROKEN)
        return None
    try:
        if isinstance(counts, str) and not counts.isascii():
            raise InputError("run lengths in ASCII", f"other characters in {name}", hint=BROKEN)
        rle_area(rle, name)
    except InputError as error:
        notes.lost("rle-counts", f"{error.got} (wanted {error.wanted})", BROKEN)
        return None
    return rle


def _points(polygon: Any, where: str, notes: Notes) -> list[float] | None:
    """The x and y of a polygon's points."""
    try:
        points = coordinates(polygon, None, where)
    except InputError as error:
        notes.lost("polygon-numbers", f"{error.got} (wanted {error.wanted})", BROKEN)
        return None
    if len(points) < 6 or len(points) % 2:
        found = f"{where}: {len(points)} numbers, which are not three points x y or more"
        notes.lost("polygon-points", found, BROKEN)
        return None
    return points
